package check

import (
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
)

// Checker follows one store from its beginning.
type Checker struct {
	simulation *sim.Simulation
	canonical  *etcd.Canonical
	model      model
	// pending are the requests that have not been answered, by their address; answered ones that may still take effect
	// stay.
	pending map[any]*Operation
	// history is every request, where it is kept.
	history []*Operation
	keep    bool
	leases  leases
	watches watches
	// writes are the newest revisions, oldest first.
	writes []*written
	// moment numbers calls, commits and answers, so that those of one step have an order too.
	moment int64

	violations  []error
	onViolation func(error)
	stats       Stats
}

// Stats counts what a checker has looked at.
type Stats struct {
	Called, Answered, Failed, Refused int64
	Applied                           int64
	Events, Bookmarks                 int64
	Renewals, Expiries                int64
	// Uncompared are reads of which the model had let go.
	Uncompared int64
	Violations int64
}

// Options say what a checker assumes.
type Options struct {
	// MaxDriftPPM is how much faster than true time a member's clock may run, in millionths: a lease may end earlier by
	// that much.
	MaxDriftPPM int64
	// Keep keeps all operations, for Operations.
	Keep bool
}

// New returns a checker of the store with that history, which must not have begun. Violations of the canonical log are
// reported to it as well.
func New(s *sim.Simulation, c *etcd.Canonical, o Options) *Checker {
	k := &Checker{simulation: s, canonical: c, model: newModel(), pending: map[any]*Operation{}, keep: o.Keep}
	k.leases = newLeases(o.MaxDriftPPM)
	k.watches = newWatches(k)
	c.OnApply(k.applied)
	c.OnViolation(k.Report)
	return k
}

// Stats counts what has been looked at.
func (k *Checker) Stats() Stats {
	stats := k.stats
	stats.Events, stats.Bookmarks = k.watches.events, k.watches.bookmarks
	return stats
}

// Revision is the newest that has been committed.
func (k *Checker) Revision() int64 { return k.model.revision() }

// Operations are all requests, in the order of their calls, if they are kept.
func (k *Checker) Operations() []*Operation { return k.history }

// stepBits is how many moments a step of the kernel may have.
const stepBits = 16

// now is the next moment: the kernel's step, and an order within it.
func (k *Checker) now() int64 {
	//sim:allow truetime it is an observer, outside of the simulated world
	k.moment = max(k.moment+1, int64(k.simulation.Steps())<<stepBits)
	return k.moment
}
