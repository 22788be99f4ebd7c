package endpointslice

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/controller/endpointutil"
)

// endpointKey tells endpoints apart: one with the same addresses, host name and pod is updated in place.
type endpointKey struct{ addresses, hostname, namespace, name string }

func keyOf(e *discoveryv1.Endpoint) endpointKey {
	k := endpointKey{hostname: api.Deref(e.Hostname, "")}
	addresses := e.Addresses
	if len(addresses) > 1 {
		addresses = slices.Sorted(slices.Values(addresses))
	}
	k.addresses = strings.Join(addresses, ",")
	if e.TargetRef != nil {
		k.namespace, k.name = e.TargetRef.Namespace, e.TargetRef.Name
	}
	return k
}

// endpointSet is a set of endpoints that remembers in which order they came.
type endpointSet struct {
	byKey map[endpointKey]*discoveryv1.Endpoint
	order []endpointKey
}

func (s *endpointSet) insert(e *discoveryv1.Endpoint) {
	k := keyOf(e)
	if s.byKey == nil {
		s.byKey = make(map[endpointKey]*discoveryv1.Endpoint)
	}
	if s.byKey[k] == nil {
		s.order = append(s.order, k)
	}
	s.byKey[k] = e
}

func (s *endpointSet) take(k endpointKey) *discoveryv1.Endpoint {
	e := s.byKey[k]
	delete(s.byKey, k)
	return e
}

func (s *endpointSet) len() int { return len(s.byKey) }

// pop takes the endpoint that has been in the set for longest.
func (s *endpointSet) pop() *discoveryv1.Endpoint {
	for len(s.order) > 0 {
		k := s.order[0]
		s.order = s.order[1:]
		if e := s.take(k); e != nil {
			return e
		}
	}
	return nil
}

// sameEndpoint compares what an endpoint says besides its key; hints aside.
func sameEndpoint(a, b *discoveryv1.Endpoint) bool {
	return equality.Semantic.DeepEqual(a.NodeName, b.NodeName) && equality.Semantic.DeepEqual(a.Zone, b.Zone) &&
		equality.Semantic.DeepEqual(a.Conditions, b.Conditions) && sameTarget(a.TargetRef, b.TargetRef)
}

func sameTarget(a, b *corev1.ObjectReference) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.ResourceVersion, y.ResourceVersion = "", ""
	return x == y
}

// endpointOf builds a pod's endpoint for a Service; node is the pod's node or nil. It is nil where the pod has no address
// of the family.
func endpointOf(service *corev1.Service, pod *corev1.Pod, node *corev1.Node, family discoveryv1.AddressType) *discoveryv1.Endpoint {
	addresses := addressesOf(pod, family)
	if len(addresses) == 0 {
		return nil
	}
	serving, terminating := api.IsPodReady(pod), pod.DeletionTimestamp != nil
	ready := service.Spec.PublishNotReadyAddresses || serving && !terminating
	e := &discoveryv1.Endpoint{
		Addresses:  addresses,
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
	}
	if pod.Spec.NodeName != "" {
		e.NodeName = api.Ptr(pod.Spec.NodeName)
	}
	if node != nil && node.Labels[corev1.LabelTopologyZone] != "" {
		e.Zone = api.Ptr(node.Labels[corev1.LabelTopologyZone])
	}
	if endpointutil.HasHostname(pod, service) {
		e.Hostname = api.Ptr(pod.Spec.Hostname)
	}
	return e
}

func addressesOf(pod *corev1.Pod, family discoveryv1.AddressType) []string {
	var out []string
	for _, ip := range pod.Status.PodIPs {
		a, err := netip.ParseAddr(ip.IP)
		if err == nil && a.Unmap().Is4() == (family == discoveryv1.AddressTypeIPv4) {
			out = append(out, a.Unmap().String())
		}
	}
	return out
}

// portsOf resolves the Service's ports on a pod, in the order of their hashes; what the pod does not have is left out.
func portsOf(service *corev1.Service, pod *corev1.Pod) []discoveryv1.EndpointPort {
	ports := []discoveryv1.EndpointPort{}
	for i := range service.Spec.Ports {
		p := &service.Spec.Ports[i]
		number, err := endpointutil.FindPort(pod, p)
		if err != nil {
			continue
		}
		ports = append(ports, discoveryv1.EndpointPort{
			Name: api.Ptr(p.Name), Port: &number, Protocol: api.Ptr(p.Protocol), AppProtocol: p.AppProtocol,
		})
	}
	if len(ports) > 1 {
		slices.SortFunc(ports, func(a, b discoveryv1.EndpointPort) int {
			return strings.Compare(endpointutil.Hash(a), endpointutil.Hash(b))
		})
	}
	return ports
}

// samePorts compares sets of ports, both in order; none is as good as nil.
func samePorts(a, b []discoveryv1.EndpointPort) bool {
	return slices.EqualFunc(a, b, func(x, y discoveryv1.EndpointPort) bool {
		return api.Deref(x.Name, "") == api.Deref(y.Name, "") && api.Deref(x.Port, 0) == api.Deref(y.Port, 0) &&
			api.Deref(x.Protocol, "") == api.Deref(y.Protocol, "") && api.Deref(x.AppProtocol, "") == api.Deref(y.AppProtocol, "")
	})
}

// familiesOf are the address types that a Service's slices come in.
func familiesOf(service *corev1.Service) []discoveryv1.AddressType {
	var v4, v6 bool
	for _, f := range service.Spec.IPFamilies {
		v4 = v4 || f == corev1.IPv4Protocol
		v6 = v6 || f == corev1.IPv6Protocol
	}
	if !v4 && !v6 { // No API server of this version leaves them empty; upstream guesses from the address.
		ip, err := netip.ParseAddr(service.Spec.ClusterIP)
		v6 = err != nil || !ip.Is4()
		v4 = err != nil || ip.Is4()
	}
	var out []discoveryv1.AddressType
	if v4 {
		out = append(out, discoveryv1.AddressTypeIPv4)
	}
	if v6 {
		out = append(out, discoveryv1.AddressTypeIPv6)
	}
	return out
}
