package client

import (
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// Informers is a process's set of shared informers: all who ask for the same objects get the same one.
type Informers struct {
	client    *Client
	informers []*Informer // in order of first use, which is the order in which they start
	byWhat    map[string]*Informer
}

// NewInformers returns an empty set whose lists and watches go through c.
func NewInformers(c *Client) *Informers {
	return &Informers{client: c, byWhat: map[string]*Informer{}}
}

// For returns the informer of a resource under these options. It does nothing before Start.
func (f *Informers) For(r *api.Resource, o Options) *Informer {
	what := describe(r, o)
	i := f.byWhat[what]
	if i == nil {
		i = &Informer{resource: r, options: o, store: newStore()}
		i.reflector.init(f.client, i, what)
		f.byWhat[what] = i
		f.informers = append(f.informers, i)
	}
	return i
}

// describe tells informers apart, and names their draws.
func describe(r *api.Resource, o Options) string {
	what := r.String() + "/" + o.Namespace
	if o.LabelSelector != nil && !o.LabelSelector.Empty() {
		what += "?labels=" + o.LabelSelector.String()
	}
	if o.FieldSelector != nil && !o.FieldSelector.Empty() {
		what += "?fields=" + o.FieldSelector.String()
	}
	return what
}

// Start starts every informer that has not been started; call it again after further calls of For.
func (f *Informers) Start() {
	for _, i := range f.informers {
		i.reflector.start()
	}
}

// Stop ends all watches. The informers keep what they know.
func (f *Informers) Stop() {
	for _, i := range f.informers {
		i.reflector.stop()
	}
}

// WaitForSync parks the task until every started informer has its initial state. It reports false if the task's deadline
// (see sim.Task.Within) came first.
func (f *Informers) WaitForSync(t *sim.Task) bool {
	for _, i := range f.informers {
		if i.reflector.state != stateIdle && t.Wait(sim.Forever, &i.synced) < 0 {
			return false
		}
	}
	return true
}

// Synced reports whether every started informer has its initial state.
func (f *Informers) Synced() bool {
	for _, i := range f.informers {
		if i.reflector.state != stateIdle && !i.Synced() {
			return false
		}
	}
	return true
}

// All returns the informers in order of first use.
func (f *Informers) All() []*Informer { return f.informers }
