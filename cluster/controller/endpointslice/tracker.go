package endpointslice

import (
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

// deletionExpected stands for the generation of a slice that was deleted.
const deletionExpected = -1

// tracker remembers, per Service, the slices as this controller last wrote them.
type tracker struct {
	services map[string]map[types.UID]int64 // generation by slice
}

func newTracker() *tracker { return &tracker{services: make(map[string]map[types.UID]int64)} }

// serviceKey is the key of the Service that a slice is labelled with.
func serviceKey(s *discoveryv1.EndpointSlice) string {
	return s.Namespace + "/" + s.Labels[discoveryv1.LabelServiceName]
}

// wrote records a slice that was created or updated.
func (t *tracker) wrote(s *discoveryv1.EndpointSlice) { t.set(s, s.Generation) }

// expectDeletion records a slice that was deleted.
func (t *tracker) expectDeletion(s *discoveryv1.EndpointSlice) { t.set(s, deletionExpected) }

func (t *tracker) set(s *discoveryv1.EndpointSlice, generation int64) {
	key := serviceKey(s)
	if t.services[key] == nil {
		t.services[key] = make(map[types.UID]int64)
	}
	t.services[key][s.UID] = generation
}

// has reports whether the slice is known.
func (t *tracker) has(s *discoveryv1.EndpointSlice) bool {
	_, ok := t.services[serviceKey(s)][s.UID]
	return ok
}

// isNews reports whether the slice is newer than what this controller wrote, or not its own at all.
func (t *tracker) isNews(s *discoveryv1.EndpointSlice) bool {
	generation, ok := t.services[serviceKey(s)][s.UID]
	return !ok || s.Generation > generation
}

// isStale reports whether the cached slices of a Service are behind what was written.
func (t *tracker) isStale(service string, cached []*discoveryv1.EndpointSlice) bool {
	known := t.services[service]
	present := make(map[types.UID]bool, len(cached))
	for _, s := range cached {
		present[s.UID] = true
		if generation, ok := known[s.UID]; ok && (generation == deletionExpected || generation > s.Generation) {
			return true
		}
	}
	for uid, generation := range known { //sim:unordered any of them
		if generation != deletionExpected && !present[uid] {
			return true
		}
	}
	return false
}

// sawDeletion forgets a slice; false if its deletion was not this controller's.
func (t *tracker) sawDeletion(s *discoveryv1.EndpointSlice) (expected bool) {
	known := t.services[serviceKey(s)]
	generation, ok := known[s.UID]
	delete(known, s.UID)
	return !ok || generation == deletionExpected
}

// forget drops a Service that is gone.
func (t *tracker) forget(service string) { delete(t.services, service) }
