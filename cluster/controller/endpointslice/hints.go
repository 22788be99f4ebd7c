package endpointslice

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// hint sets the hints that the Service's trafficDistribution asks for, or removes hints that nothing asks for. Slices that
// would stay as they are and have the wrong ones join the updates.
func hint(p *plan, service *corev1.Service, existing []*discoveryv1.EndpointSlice) {
	zones, nodes := distribution(service)
	for _, s := range existing {
		if slices.ContainsFunc(p.update, hasName(s.Name)) || slices.ContainsFunc(p.delete, hasName(s.Name)) {
			continue
		}
		if next, changed := withHints(s, zones, nodes); changed {
			p.update = append(p.update, next)
		}
	}
	for i, s := range p.update {
		p.update[i], _ = withHints(s, zones, nodes)
	}
	for i, s := range p.create {
		p.create[i], _ = withHints(s, zones, nodes)
	}
}

func hasName(name string) func(*discoveryv1.EndpointSlice) bool {
	return func(s *discoveryv1.EndpointSlice) bool { return s.Name == name }
}

// distribution tells whether traffic is to stay in the zone, and on the node.
func distribution(service *corev1.Service) (zones, nodes bool) {
	switch api.Deref(service.Spec.TrafficDistribution, "") {
	case corev1.ServiceTrafficDistributionPreferClose, corev1.ServiceTrafficDistributionPreferSameZone:
		return true, false
	case corev1.ServiceTrafficDistributionPreferSameNode:
		return true, true
	}
	return false, false
}

// withHints returns the slice with the right hints, and whether they were wrong.
func withHints(s *discoveryv1.EndpointSlice, zones, nodes bool) (*discoveryv1.EndpointSlice, bool) {
	next, changed := s, false
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if zones && !api.Deref(e.Conditions.Ready, false) {
			continue // Endpoints that get no traffic are left as they are.
		}
		want := hintsOf(e, zones, nodes)
		if equality.Semantic.DeepEqual(e.Hints, want) {
			continue
		}
		if !changed {
			next, changed = api.Shallow(s), true
			next.Endpoints = slices.Clone(s.Endpoints)
		}
		next.Endpoints[i].Hints = want
	}
	return next, changed
}

func hintsOf(e *discoveryv1.Endpoint, zones, nodes bool) *discoveryv1.EndpointHints {
	var h discoveryv1.EndpointHints
	if zones && e.Zone != nil {
		h.ForZones = []discoveryv1.ForZone{{Name: *e.Zone}}
	}
	if nodes && e.NodeName != nil {
		h.ForNodes = []discoveryv1.ForNode{{Name: *e.NodeName}}
	}
	if h.ForZones == nil && h.ForNodes == nil {
		return nil
	}
	return &h
}
