package cluster

import (
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/witness"
	"github.com/fauxkube/fauxkube/sim/host"
)

// watchTheWatches has every watch of the cluster checked, and what the store's members agree on.
func (c *Cluster) watchTheWatches() {
	c.witness = witness.New(c.store.each, c.found)
	c.store.witness = c.witness
	c.store.canonical.OnViolation(c.found)
	client.Observe(c.simulation, informers{c})
}

// OnViolation sets what is told, instead of a panic, when a watch breaks a promise, members of the store come to differ, or pods use more
// of a GPU than there is.
// It must not act on the simulated world.
func (c *Cluster) OnViolation(f func(error)) { c.violated = f }

// found tells of a violation.
func (c *Cluster) found(err error) {
	if c.violated == nil {
		panic(err)
	}
	c.violated(err)
}

// Watched counts what has been checked, by witness.Level.
func (c *Cluster) Watched() []witness.Stats {
	all := c.witness.Stats()
	return all[:]
}

// each visits the objects of a kind.
func (s *Store) each(r *api.Resource, f func(api.Object)) {
	s.kinds[r.ID].order.Scan(func(_ string, p *place) bool {
		f(p.object)
		return true
	})
}

// informers has the witness look at informers.
type informers struct{ cluster *Cluster }

func (o informers) Informer(p *host.Process, i *client.Informer) client.InformerObserver {
	options := i.Options()
	entry := registry.For(i.Resource())
	selector, err := apiserver.Select(entry, options.Namespace, "", options.LabelSelector, options.FieldSelector)
	if err != nil {
		return nil // The API server will say so.
	}
	return o.cluster.witness.Informer(p, i, entry.Storage, selector, entry.Storage != entry.Resource)
}
