package endpoints

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/controller/endpointutil"
)

// capacity is how many addresses an Endpoints object may hold (maxCapacity).
const capacity = 1000

// addressKey tells addresses apart. Pods of one node may share its address, hence the uid.
type addressKey struct {
	ip  string
	uid types.UID
}

// offer is one port and who offers it.
type offer struct {
	port  *corev1.EndpointPort // nil: the Service has no ports
	ready map[addressKey]bool
}

// subsetsOf lists the addresses of pods by the ports that they offer for a Service: one subset per set of pods that offer
// the same ports.
func subsetsOf(service *corev1.Service, pods []*corev1.Pod) []corev1.EndpointSubset {
	addresses := make(map[addressKey]corev1.EndpointAddress)
	var offers []*offer
	for _, pod := range pods {
		a, ok := addressOf(service, pod)
		if !ok || !endpointutil.Includes(pod, service.Spec.PublishNotReadyAddresses) {
			continue
		}
		key := addressKey{a.IP, pod.UID}
		addresses[key] = a
		ready := service.Spec.PublishNotReadyAddresses || api.IsPodReady(pod)
		for _, port := range offered(service, pod) {
			offers = add(offers, port, key, ready)
		}
	}
	return sorted(join(offers, addresses))
}

// offered are the ports of the Service that the pod has. A headless Service without ports offers the address alone.
func offered(service *corev1.Service, pod *corev1.Pod) []*corev1.EndpointPort {
	if len(service.Spec.Ports) == 0 {
		if service.Spec.ClusterIP == corev1.ClusterIPNone {
			return []*corev1.EndpointPort{nil}
		}
		return nil
	}
	var ports []*corev1.EndpointPort
	for i := range service.Spec.Ports {
		p := &service.Spec.Ports[i]
		if number, err := endpointutil.FindPort(pod, p); err == nil {
			ports = append(ports, &corev1.EndpointPort{Name: p.Name, Port: number, Protocol: p.Protocol, AppProtocol: p.AppProtocol})
		}
	}
	return ports
}

// addressOf is the pod's address of the Service's first IP family.
func addressOf(service *corev1.Service, pod *corev1.Pod) (corev1.EndpointAddress, bool) {
	want6 := len(service.Spec.IPFamilies) > 0 && service.Spec.IPFamilies[0] == corev1.IPv6Protocol
	for _, ip := range pod.Status.PodIPs {
		a, err := netip.ParseAddr(ip.IP)
		if err != nil || a.Unmap().Is6() != want6 {
			continue
		}
		address := corev1.EndpointAddress{
			IP: a.Unmap().String(), NodeName: api.Ptr(pod.Spec.NodeName),
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		}
		if endpointutil.HasHostname(pod, service) {
			address.Hostname = pod.Spec.Hostname
		}
		return address, true
	}
	return corev1.EndpointAddress{}, false
}

// add notes that an address offers a port. Not ready wins over ready.
func add(offers []*offer, port *corev1.EndpointPort, key addressKey, ready bool) []*offer {
	for _, o := range offers {
		if samePort(o.port, port) {
			if was, known := o.ready[key]; known {
				ready = ready && was
			}
			o.ready[key] = ready
			return offers
		}
	}
	return append(offers, &offer{port: port, ready: map[addressKey]bool{key: ready}})
}

func samePort(a, b *corev1.EndpointPort) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name == b.Name && a.Port == b.Port && a.Protocol == b.Protocol &&
		api.Deref(a.AppProtocol, "") == api.Deref(b.AppProtocol, "")
}

// join makes one subset of the ports that are offered by the same addresses.
func join(offers []*offer, addresses map[addressKey]corev1.EndpointAddress) []corev1.EndpointSubset {
	var subsets []corev1.EndpointSubset
	var sets [][]addressKey
next:
	for _, o := range offers {
		keys := sortedKeys(o.ready)
		for i, other := range sets {
			if slices.Equal(keys, other) {
				subsets[i].Ports = appendPort(subsets[i].Ports, o.port)
				continue next
			}
		}
		var s corev1.EndpointSubset
		for _, k := range keys {
			if o.ready[k] {
				s.Addresses = append(s.Addresses, addresses[k])
			} else {
				s.NotReadyAddresses = append(s.NotReadyAddresses, addresses[k])
			}
		}
		s.Ports = appendPort(s.Ports, o.port)
		subsets, sets = append(subsets, s), append(sets, keys)
	}
	return subsets
}

func appendPort(ports []corev1.EndpointPort, p *corev1.EndpointPort) []corev1.EndpointPort {
	if p == nil {
		return ports
	}
	return append(ports, *p)
}

// sortedKeys orders addresses by IP, as text, and uid.
func sortedKeys(set map[addressKey]bool) []addressKey {
	keys := make([]addressKey, 0, len(set))
	for k := range set { //sim:unordered sorted below
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b addressKey) int {
		return cmp.Or(cmp.Compare(a.ip, b.ip), cmp.Compare(a.uid, b.uid))
	})
	return keys
}

// sorted orders ports and subsets by their hashes, as upstream's RepackSubsets leaves them.
func sorted(subsets []corev1.EndpointSubset) []corev1.EndpointSubset {
	for i := range subsets {
		sortByHash(subsets[i].Ports)
	}
	sortByHash(subsets)
	return subsets
}

func sortByHash[T any](s []T) {
	if len(s) > 1 {
		slices.SortFunc(s, func(a, b T) int { return strings.Compare(endpointutil.Hash(a), endpointutil.Hash(b)) })
	}
}

// truncate cuts subsets to the capacity, each in proportion, not ready addresses first; it reports whether it had to.
func truncate(subsets []corev1.EndpointSubset) ([]corev1.EndpointSubset, bool) {
	ready, notReady := countAddresses(subsets)
	if ready+notReady <= capacity {
		return subsets, false
	}
	cutReady := ready > capacity
	room, total := capacity-ready, notReady
	if cutReady {
		room, total = capacity, ready
	}
	left := room
	for i := range subsets {
		s := &subsets[i]
		if cutReady {
			s.Addresses = s.Addresses[:share(len(s.Addresses), room, total, left)]
			s.NotReadyAddresses = []corev1.EndpointAddress{}
			left -= len(s.Addresses)
		} else {
			s.NotReadyAddresses = s.NotReadyAddresses[:share(len(s.NotReadyAddresses), room, total, left)]
			left -= len(s.NotReadyAddresses)
		}
	}
	return subsets, true
}

// share is n's part of room where total compete, rounded up, but no more than is left.
func share(n, room, total, left int) int {
	if total == 0 {
		return 0
	}
	return min((n*room+total-1)/total, left, n)
}

func countAddresses(subsets []corev1.EndpointSubset) (ready, notReady int) {
	for i := range subsets {
		ready += len(subsets[i].Addresses)
		notReady += len(subsets[i].NotReadyAddresses)
	}
	return ready, notReady
}
