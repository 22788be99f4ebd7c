package apiserver

import (
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
)

// watchCounts counts the server's watches by what they are about, for the seats of writes
// (k8s.io/apiserver/pkg/util/flowcontrol/watch_tracker.go).
type watchCounts map[watchScope]int

type watchScope struct {
	resource        *api.Resource
	namespace, name string
}

// scopeOfWatch returns where a watch counts. Watches of the pods of one node do not count: hardly any write wakes a given one.
func scopeOfWatch(stored *api.Resource, s *watchcache.Selector) (watchScope, bool) {
	if node, ok := s.Value("spec.nodeName"); ok && node != "" {
		return watchScope{}, false
	}
	return watchScope{stored, s.Namespace, s.Name}, true
}

func (w watchCounts) add(s watchScope, n int) {
	if w[s] += n; w[s] == 0 {
		delete(w, s)
	}
}

// interested is the number of watches that a write of an object may wake.
func (w watchCounts) interested(stored *api.Resource, namespace, name string) int {
	n := w[watchScope{resource: stored}]
	if namespace != "" {
		n += w[watchScope{stored, namespace, ""}]
	}
	if name != "" {
		n += w[watchScope{stored, namespace, name}]
	}
	return n
}
