package client

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Observer is told what the informers of a simulation tell their handlers. It must not act on the simulated world.
type Observer interface {
	// Informer begins with an informer of a process; nil where it is of no interest.
	Informer(p *host.Process, i *Informer) InformerObserver
}

// InformerObserver is told what one informer tells.
type InformerObserver interface {
	// Listed is told when the informer has taken over a whole state, as of a revision.
	Listed(revision int64, objects func(yield func(api.Object) bool))
	// Told is told of each change; a deleted object has the revision of its deletion.
	Told(o api.Object, deleted bool)
	// Progress is told how far the informer is.
	Progress(revision int64)
	// End is told when the informer is stopped.
	End()
}

// observers is where a simulation keeps its observer.
type observers struct{ one Observer }

func observersOf(h interface {
	Attach(key string, make func() any) any
}) *observers {
	return h.Attach("cluster/client.observer", func() any { return &observers{} }).(*observers)
}

// Observe has the informers of a simulation, or of one of its processes, observed that start from now on.
func Observe(h interface {
	Attach(key string, make func() any) any
}, o Observer) {
	observersOf(h).one = o
}

// observe asks the simulation's observer.
func (i *Informer) observe(p *host.Process) {
	if o := observersOf(p).one; o != nil {
		i.observer = o.Informer(p, i)
	}
}

// objects yields what the informer knows, in any order.
func (i *Informer) objects(yield func(api.Object) bool) {
	for _, it := range i.store.items { //sim:unordered for observers, who sum up
		if !yield(it.object) {
			return
		}
	}
}

// Options are what narrows the informer.
func (i *Informer) Options() Options { return i.options }

func (i *Informer) String() string {
	return fmt.Sprintf("informer of %s in %s", describe(i.resource, i.options), i.reflector.client.process.Name())
}
