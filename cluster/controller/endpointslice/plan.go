package endpointslice

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/controller/endpointutil"
)

const (
	// managedBy labels the slices of this controller.
	managedBy = "endpointslice-controller.k8s.io"
	// maxEndpoints is how many endpoints a slice holds (--max-endpoints-per-slice).
	maxEndpoints = 100
)

// plan is what to write for one Service.
type plan struct {
	create, update, delete []*discoveryv1.EndpointSlice
	// skipped are pods left out because their node is not known; they call for another sync.
	skipped []error
}

// reconcile plans the slices of a Service. Slices are given as cached and must not be changed.
func reconcile(service *corev1.Service, pods []*corev1.Pod, existing []*discoveryv1.EndpointSlice, node func(name string) *corev1.Node) []plan {
	families := familiesOf(service)
	var plans []plan
	for _, family := range families {
		plans = append(plans, reconcileFamily(service, pods, filterSlices(existing, family), node, family))
	}
	// Slices of families that the Service no longer has.
	var rest plan
	for _, s := range existing {
		if !slices.Contains(families, s.AddressType) {
			rest.delete = append(rest.delete, s)
		}
	}
	return append(plans, rest)
}

func filterSlices(all []*discoveryv1.EndpointSlice, family discoveryv1.AddressType) []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for _, s := range all {
		if s.AddressType == family {
			out = append(out, s)
		}
	}
	return out
}

// group is the endpoints and slices of one set of ports.
type group struct {
	ports    []discoveryv1.EndpointPort
	desired  endpointSet
	existing []*discoveryv1.EndpointSlice
	wanted   bool // some pod has these ports
}

func reconcileFamily(service *corev1.Service, pods []*corev1.Pod, existing []*discoveryv1.EndpointSlice, node func(string) *corev1.Node, family discoveryv1.AddressType) plan {
	var p plan
	var groups []*group
	find := func(ports []discoveryv1.EndpointPort) *group {
		for _, g := range groups {
			if samePorts(g.ports, ports) {
				return g
			}
		}
		g := &group{ports: ports}
		groups = append(groups, g)
		return g
	}
	for _, s := range existing {
		if isOwner(s, service) {
			g := find(s.Ports)
			g.existing = append(g.existing, s)
		} else {
			p.delete = append(p.delete, s)
		}
	}
	for _, pod := range pods {
		if !endpointutil.Includes(pod, true) {
			continue
		}
		g := find(portsOf(service, pod))
		g.wanted = true
		n := node(pod.Spec.NodeName)
		if n == nil && !service.Spec.PublishNotReadyAddresses {
			p.skipped = append(p.skipped, fmt.Errorf("skipping Pod %s for Service %s/%s: Node %s Not Found",
				pod.Name, service.Namespace, service.Name, pod.Spec.NodeName))
			continue
		}
		if e := endpointOf(service, pod, n, family); e != nil {
			g.desired.insert(e)
		}
	}
	for _, g := range groups {
		if g.wanted {
			g.place(&p, service, family)
		} else {
			p.delete = append(p.delete, g.existing...)
		}
	}
	p.keepOne(service, family, len(existing))
	hint(&p, service, existing)
	p.reuse(service)
	return p
}

// isOwner reports whether the Service is an owner of the slice.
func isOwner(s *discoveryv1.EndpointSlice, service *corev1.Service) bool {
	i := api.OwnerIndex(&s.ObjectMeta, service.UID)
	return i >= 0 && s.OwnerReferences[i].Kind == "Service" && s.OwnerReferences[i].APIVersion == "v1"
}

// place puts the desired endpoints into slices: those that are in one stay there, the others go into slices that change
// anyway, fullest first, then into one that has room for all of them, then into new ones.
func (g *group) place(p *plan, service *corev1.Service, family discoveryv1.AddressType) {
	var updated, unchanged []*discoveryv1.EndpointSlice
	for _, s := range g.existing {
		kept, changed := g.keep(s)
		labels, relabelled := labelsOf(service, s.Labels)
		switch {
		case changed && len(kept) == 0:
			p.delete = append(p.delete, s)
		case changed, relabelled:
			next := api.Shallow(s)
			next.Labels = labels
			if next.Endpoints = slices.Clone(s.Endpoints); changed {
				next.Endpoints = kept
			}
			updated = append(updated, next)
		default:
			unchanged = append(unchanged, s)
		}
	}
	slices.SortStableFunc(updated, func(a, b *discoveryv1.EndpointSlice) int { return len(b.Endpoints) - len(a.Endpoints) })
	for _, s := range updated {
		g.fill(s)
	}
	for g.desired.len() > 0 {
		if i := bestFit(unchanged, g.desired.len()); i >= 0 {
			next := api.Shallow(unchanged[i])
			next.Endpoints = slices.Clone(next.Endpoints)
			g.fill(next)
			updated = append(updated, next)
			unchanged = slices.Delete(unchanged, i, i+1)
			continue
		}
		s := newSlice(service, g.ports, family)
		g.fill(s)
		p.create = append(p.create, s)
	}
	slices.SortFunc(updated, func(a, b *discoveryv1.EndpointSlice) int { return compareNames(a, b) })
	p.update = append(p.update, updated...)
}

func compareNames(a, b *discoveryv1.EndpointSlice) int {
	switch {
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}

// keep takes from the desired endpoints those that the slice has, in their present form and without hints, which are set
// later; changed tells whether the slice would differ.
func (g *group) keep(s *discoveryv1.EndpointSlice) (kept []discoveryv1.Endpoint, changed bool) {
	kept = make([]discoveryv1.Endpoint, 0, len(s.Endpoints))
	for i := range s.Endpoints {
		old := &s.Endpoints[i]
		e := g.desired.take(keyOf(old))
		if e == nil {
			continue
		}
		kept = append(kept, *e)
		changed = changed || !sameEndpoint(old, e)
	}
	return kept, changed || len(kept) != len(s.Endpoints)
}

// fill moves desired endpoints into a slice of ours until it is full.
func (g *group) fill(s *discoveryv1.EndpointSlice) {
	for len(s.Endpoints) < maxEndpoints && g.desired.len() > 0 {
		s.Endpoints = append(s.Endpoints, *g.desired.pop())
	}
}

// bestFit finds the slice that n more endpoints fill up best, or -1.
func bestFit(all []*discoveryv1.EndpointSlice, n int) int {
	best, least := -1, maxEndpoints
	if n >= maxEndpoints {
		return best
	}
	for i, s := range all {
		if left := maxEndpoints - n - len(s.Endpoints); left >= 0 && left < least {
			best, least = i, left
		}
	}
	return best
}

func newSlice(service *corev1.Service, ports []discoveryv1.EndpointPort, family discoveryv1.AddressType) *discoveryv1.EndpointSlice {
	labels, _ := labelsOf(service, nil)
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: service.Name + "-", Namespace: service.Namespace, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{api.ControllerRef(service)},
		},
		AddressType: family, Ports: ports, Endpoints: []discoveryv1.Endpoint{},
	}
}

// keepOne sees to it that a Service has at least one slice, be it empty.
func (p *plan) keepOne(service *corev1.Service, family discoveryv1.AddressType, existing int) {
	if existing != len(p.delete) || len(p.create) > 0 {
		return
	}
	empty := newSlice(service, []discoveryv1.EndpointPort{}, family)
	if len(p.delete) == 1 && isEmptySlice(p.delete[0], empty) {
		p.delete = nil
		return
	}
	p.create = append(p.create, empty)
}

func isEmptySlice(s, empty *discoveryv1.EndpointSlice) bool {
	return len(s.Endpoints) == 0 && len(s.Ports) == 0 && maps.Equal(s.Labels, empty.Labels) &&
		len(s.OwnerReferences) == 1 && s.OwnerReferences[0].UID == empty.OwnerReferences[0].UID
}

// reuse turns pairs of a deletion and a creation into updates.
func (p *plan) reuse(service *corev1.Service) {
	for i := 0; i < len(p.delete) && len(p.create) > 0; {
		last := len(p.create) - 1
		old, s := p.delete[i], p.create[last]
		if old.AddressType != s.AddressType || !isOwner(old, service) {
			i++
			continue
		}
		// As upstream: only the name is taken over, so the update holds for any version.
		s.Name = old.Name
		p.create, p.update = p.create[:last], append(p.update, s)
		p.delete = slices.Delete(p.delete, i, i+1)
	}
}

// labelsOf are the labels of a Service's slices; changed tells whether old, reserved labels aside, differ.
func labelsOf(service *corev1.Service, old map[string]string) (labels map[string]string, changed bool) {
	labels = withoutReserved(service.Labels)
	changed = !maps.Equal(labels, withoutReserved(old))
	if service.Spec.ClusterIP == "" || service.Spec.ClusterIP == corev1.ClusterIPNone {
		labels[corev1.IsHeadlessService] = ""
	}
	labels[discoveryv1.LabelServiceName] = service.Name
	labels[discoveryv1.LabelManagedBy] = managedBy
	return labels, changed
}

func withoutReserved(labels map[string]string) map[string]string {
	out := make(map[string]string, len(labels)+3)
	for k, v := range labels { //sim:unordered builds a map
		switch k {
		case discoveryv1.LabelServiceName, discoveryv1.LabelManagedBy, corev1.IsHeadlessService:
		default:
			out[k] = v
		}
	}
	return out
}
