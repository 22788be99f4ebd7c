package cluster

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver"
)

// View shows what one API server's watch cache holds, which may lag behind the store. It is empty while the server is
// down.
type View struct {
	cluster     *Cluster
	server      int
	subscribers []func(r *api.Resource, key string)
}

// View returns the view of an API server, apiserver-0 and so on; false if there is none of that name.
func (c *Cluster) View(name string) (*View, bool) {
	for i, v := range c.views {
		if name == fmt.Sprintf("apiserver-%d", i) {
			return v, true
		}
	}
	return nil, false
}

// running is the server's current incarnation, nil while it is down.
func (v *View) running() *apiserver.Server {
	if !v.cluster.apiservers[v.server].IsUp() {
		return nil
	}
	return v.cluster.servers[v.server]
}

// Get returns an object by its key, namespace/name or name.
func (v *View) Get(r *api.Resource, key string) (api.Object, bool) {
	s := v.running()
	if s == nil {
		return nil, false
	}
	namespace, name := api.SplitKey(key)
	o := s.Get(r, namespace, name)
	return o, o != nil
}

// List returns the objects of a namespace ("" is all) that the selector matches (nil is all), sorted by key.
func (v *View) List(r *api.Resource, namespace string, selector labels.Selector) []api.Object {
	s := v.running()
	if s == nil {
		return nil
	}
	var found []api.Object
	s.Each(r, namespace, func(o api.Object) bool {
		if selector == nil || selector.Matches(labels.Set(o.GetLabels())) {
			found = append(found, o)
		}
		return true
	})
	slices.SortFunc(found, func(a, b api.Object) int { return cmp.Compare(api.KeyOf(a), api.KeyOf(b)) })
	return found
}

// OnChange calls f after the cache has taken over a change; with the key "" after it was filled anew. f must not act on
// the simulated world.
func (v *View) OnChange(f func(r *api.Resource, key string)) {
	v.subscribers = append(v.subscribers, f)
}

func (v *View) changed(r *api.Resource, key string) {
	for _, f := range v.subscribers {
		f(r, key)
	}
}
