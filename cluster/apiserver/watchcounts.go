package apiserver

import (
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
)

// watchCounts counts the server's watches by what they are about, for the seats of writes
// (k8s.io/apiserver/pkg/util/flowcontrol/watch_tracker.go).
type watchCounts struct {
	scopes map[watchScope]int
	// shapes says, by resource, which scopes there are at all: a write is asked about three.
	shapes []watchShapes
}

type watchScope struct {
	resource        *api.Resource
	namespace, name string
}

// watchShapes counts a resource's watches of everything, and its scopes of one namespace and of one name.
type watchShapes struct{ whole, namespaces, names int }

func newWatchCounts() watchCounts {
	return watchCounts{scopes: map[watchScope]int{}, shapes: make([]watchShapes, len(api.Resources()))}
}

// scopeOfWatch returns where a watch counts. Watches of the pods of one node do not count: hardly any write wakes a given one.
func scopeOfWatch(stored *api.Resource, s *watchcache.Selector) (watchScope, bool) {
	if node, ok := s.Value("spec.nodeName"); ok && node != "" {
		return watchScope{}, false
	}
	return watchScope{stored, s.Namespace, s.Name}, true
}

func (w *watchCounts) add(s watchScope, n int) {
	was := w.scopes[s]
	if w.scopes[s] = was + n; was+n == 0 {
		delete(w.scopes, s)
	}
	shapes, distinct := &w.shapes[s.resource.ID], min(was+n, 1)-min(was, 1)
	switch {
	case s.name != "":
		shapes.names += distinct
	case s.namespace != "":
		shapes.namespaces += distinct
	default:
		shapes.whole += n
	}
}

// interested is the number of watches that a write of an object may wake.
func (w *watchCounts) interested(stored *api.Resource, namespace, name string) int {
	shapes := &w.shapes[stored.ID]
	n := shapes.whole
	if namespace != "" && shapes.namespaces > 0 {
		n += w.scopes[watchScope{stored, namespace, ""}]
	}
	if name != "" && shapes.names > 0 {
		n += w.scopes[watchScope{stored, namespace, name}]
	}
	return n
}
