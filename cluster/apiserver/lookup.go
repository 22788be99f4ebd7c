package apiserver

import (
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
)

// Get and Each make the server's caches readable to admission (registry.Lookup), as upstream's informers are.

// Get returns the cached object, nil if there is none.
func (s *Server) Get(r *api.Resource, namespace, name string) api.Object {
	e := registry.For(r)
	if !r.Served(s.config.Gates) {
		return nil
	}
	var room [128]byte
	_, obj := s.cacherOf(e).cache.Find(e.AppendKey(room[:0], namespace, name))
	if obj == nil {
		return nil
	}
	return e.Present(obj)
}

// Each visits the cached objects of a namespace ("" = all) in order of key until visit returns false.
func (s *Server) Each(r *api.Resource, namespace string, visit func(api.Object) bool) {
	e := registry.For(r)
	if !r.Served(s.config.Gates) || s.cacherOf(e).cache.Len() == 0 {
		return
	}
	list := s.cacherOf(e).cache.List(watchcache.Query{Prefix: e.Prefix(namespace), Selector: &watchcache.Selector{}})
	for _, obj := range list.Items {
		if !visit(e.Present(obj)) {
			return
		}
	}
}

var _ registry.Lookup = (*Server)(nil)
