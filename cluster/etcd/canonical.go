package etcd

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/sim"
)

// Commit is a revision that has been applied for the first time by any member.
type Commit struct {
	Revision int64
	Index    uint64
	Time     sim.Time
	// Events have the previous states. They are shared and must not be changed.
	Events []Event
}

// Canonical is the history of one store as it came to pass: the first application of each index decides, and every
// other member must come to the same. It also says who led in each term. One is shared by all members of a simulation's
// store; it is the observer, not part of the simulated world.
//
// For each index it keeps one number, a hash over everything up to there: term, command, revision and what each change
// wrote. So a comparison costs next to nothing, and equal numbers mean equal histories.
type Canonical struct {
	simulation *sim.Simulation
	kind       sim.Kind
	// hashes[i] belongs to index base+i.
	base   uint64
	hashes []uint64
	// revision and index are those of the newest application.
	revision int64
	index    uint64
	// first and leaders remember who did something first, for the message of a violation; addresses are where each
	// member says that it listens.
	first       string
	leaders     map[uint64]uint64
	commands    uint64
	started     map[string]uint64
	addresses   map[uint64]Peer
	subscribers []func(Commit)
	violated    func(error)
}

// NewCanonical returns the history of a store that has not begun.
func NewCanonical(s *sim.Simulation) *Canonical {
	return &Canonical{
		simulation: s, kind: s.Kind("etcd.commit", func(uint64, any) {}), leaders: map[uint64]uint64{}, started: map[string]uint64{},
		addresses: map[uint64]Peer{},
		violated:  func(err error) { panic(err) },
	}
}

// OnViolation sets what is told when members differ, instead of a panic: for runs that lose more than the store can
// survive, where the difference is the finding.
func (c *Canonical) OnViolation(f func(error)) { c.violated = f }

// Subscribe calls f at each first application of a revision, in order. f must not change the simulated world.
func (c *Canonical) Subscribe(f func(Commit)) { c.subscribers = append(c.subscribers, f) }

// Revision is the newest revision that any member has applied.
func (c *Canonical) Revision() int64 { return c.revision }

// Index is the newest index that any member has applied.
func (c *Canonical) Index() uint64 { return c.index }

// observe compares an application with the history, or makes it part of it. It returns the hash that stands for the
// member's history, which goes on from previous.
func (c *Canonical) observe(m *Member, e *raftpb.Entry, changes []*mvcc.Record, failed error) uint64 {
	h := mvcc.Mix(m.history, e.Term)
	if command := e.Type == raftpb.EntryNormal && len(e.Data) > 0; command {
		h = mvcc.Mix(h, commandOf(e).id)
	}
	if failed != nil {
		h = mvcc.HashString(h, failed.Error())
	}
	for _, r := range changes {
		h = r.Hash(h)
	}
	h = mvcc.Mix(h, uint64(m.store.Revision()))
	switch {
	case e.Index == c.index+1:
		c.extend(m, e.Index, h, changes)
	case e.Index > c.index:
		c.violated(fmt.Errorf("etcd: member %s applied index %d, but %d is the newest that anybody applied", m.config.Name, e.Index, c.index))
	case e.Index >= c.base && c.hashes[e.Index-c.base] != h:
		c.violated(fmt.Errorf("etcd: members differ: %s applied index %d (term %d, revision %d, %d changes) otherwise than the member that applied it first; the last first application was by %s",
			m.config.Name, e.Index, e.Term, m.store.Revision(), len(changes), c.first))
	}
	return h
}

// nextCommand numbers commands.
func (c *Canonical) nextCommand() uint64 {
	c.commands++
	return c.commands
}

func (c *Canonical) extend(m *Member, index, hash uint64, changes []*mvcc.Record) {
	c.index, c.first = index, m.config.Name
	c.hashes = append(c.hashes, hash)
	c.simulation.Observe(c.kind, index, hash)
	if len(changes) == 0 {
		return
	}
	c.revision = m.store.Revision()
	if len(c.subscribers) == 0 {
		return
	}
	//sim:allow truetime it is an observer, outside of the simulated world
	commit := Commit{Revision: c.revision, Index: index, Time: c.simulation.Now(), Events: make([]Event, len(changes))}
	for i, r := range changes {
		commit.Events[i] = r.Event(true)
	}
	for _, f := range c.subscribers {
		f(commit)
	}
}

// begin admits a member that starts from a snapshot: its hash must be the history's at that index.
func (c *Canonical) begin(name string, index uint64, hash uint64, revision int64) {
	switch {
	case c.index == 0:
		c.base, c.hashes, c.index, c.revision = index, []uint64{hash}, index, revision
	case index > c.index || index >= c.base && c.hashes[index-c.base] != hash:
		c.violated(fmt.Errorf("etcd: member %s starts from a snapshot at index %d that is not part of the store's history", name, index))
	}
	c.keep(name, index)
}

// keep notes that a member will not go back before an index, and forgets what nobody can go back to.
func (c *Canonical) keep(name string, index uint64) {
	c.started[name] = index
	oldest := index
	for _, i := range c.started { //sim:unordered a minimum
		oldest = min(oldest, i)
	}
	if oldest > c.base && oldest-c.base > uint64(len(c.hashes))/2 {
		c.hashes = append([]uint64(nil), c.hashes[oldest-c.base:]...)
		c.base = oldest
	}
}

// known reports whether a member has taken part before.
func (c *Canonical) known(name string) bool { _, ok := c.started[name]; return ok }

// forget takes a member out that was removed from the cluster.
func (c *Canonical) forget(name string) { delete(c.started, name) }

// leads checks that a term has one leader.
func (c *Canonical) leads(m *Member, term uint64) {
	if other, ok := c.leaders[term]; ok && other != m.id {
		c.violated(fmt.Errorf("etcd: members %x and %x both lead in term %d", other, m.id, term))
	}
	c.leaders[term] = m.id
}
