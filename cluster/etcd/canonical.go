package etcd

import (
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
	// lineage is that of the newest application; entries are those of all logs.
	lineage uint64
	entries entries
	// first and leaders remember who did something first, for the message of a violation; addresses are where each
	// member says that it listens.
	first       string
	leaders     map[uint64]string
	elections   []Election
	commands    uint64
	started     map[string]uint64
	addresses   map[uint64]Peer
	subscribers []func(Commit)
	observers   []func(*Application)
	violated    func(error)
}

// Application is the first application of an entry of the log by any member.
type Application struct {
	Index, Term uint64
	// Revision is the store's afterwards.
	Revision int64
	Time     sim.Time
	// Step is the kernel's step in which it happened.
	Step uint64
	// Request is the one that a client made, itself, or what the store asks of itself: *LeaseExpiry, *AlarmRequest,
	// *CompactionRequest. It is nil for changes of the membership and for what a leader begins its term with.
	Request any
	// Err is why nothing came of it.
	Err error
	// Events are what it changed, with the previous states. They are shared and must not be changed.
	Events []Event
}

// Election is a member that has come to lead.
type Election struct {
	Term   uint64
	Member string
	Time   sim.Time
	Step   uint64
}

// NewCanonical returns the history of a store that has not begun.
func NewCanonical(s *sim.Simulation) *Canonical {
	return &Canonical{
		simulation: s, kind: s.Kind("etcd.commit", func(uint64, any) {}), leaders: map[uint64]string{}, started: map[string]uint64{},
		addresses: map[uint64]Peer{},
		violated:  func(err error) { panic(err) },
	}
}

// OnViolation sets what is told when members differ, instead of a panic: for runs that lose more than the store can
// survive, where the difference is the finding.
func (c *Canonical) OnViolation(f func(error)) { c.violated = f }

// Subscribe calls f at each first application of a revision, in order. f must not change the simulated world.
func (c *Canonical) Subscribe(f func(Commit)) { c.subscribers = append(c.subscribers, f) }

// OnApply calls f at each first application of an entry, in order, after what Subscribe has called. f must not change the
// simulated world.
func (c *Canonical) OnApply(f func(*Application)) { c.observers = append(c.observers, f) }

// Elections are all that have been won, in order.
func (c *Canonical) Elections() []Election { return c.elections }

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
		c.extend(m, e, h, changes, failed)
	case e.Index > c.index:
		c.broken(StateMachineSafety, "%s applied index %d, but %d is the newest that anybody applied", m.config.Name, e.Index, c.index)
	case e.Index >= c.base && c.hashes[e.Index-c.base] != h:
		c.broken(StateMachineSafety, "%s applied index %d (term %d, revision %d, %d changes) otherwise than the member that applied it first; the last first application was by %s",
			m.config.Name, e.Index, e.Term, m.store.Revision(), len(changes), c.first)
	}
	return h
}

// nextCommand numbers commands.
func (c *Canonical) nextCommand() uint64 {
	c.commands++
	return c.commands
}

func (c *Canonical) extend(m *Member, e *raftpb.Entry, hash uint64, changes []*mvcc.Record, failed error) {
	c.index, c.first = e.Index, m.config.Name
	c.lineage, _ = m.lineage.at(e.Index)
	c.hashes = append(c.hashes, hash)
	c.simulation.Observe(c.kind, e.Index, hash)
	if len(changes) > 0 {
		c.revision = m.store.Revision()
	}
	var events []Event
	if len(changes) > 0 && len(c.subscribers)+len(c.observers) > 0 {
		events = make([]Event, len(changes))
		for i, r := range changes {
			events[i] = r.Event(true)
		}
	}
	if len(events) > 0 {
		//sim:allow truetime it is an observer, outside of the simulated world
		commit := Commit{Revision: c.revision, Index: e.Index, Time: c.simulation.Now(), Events: events}
		for _, f := range c.subscribers {
			f(commit)
		}
	}
	if len(c.observers) > 0 {
		c.tell(m, e, events, failed)
	}
}

// tell tells the observers of an application.
func (c *Canonical) tell(m *Member, e *raftpb.Entry, events []Event, failed error) {
	//sim:allow truetime it is an observer, outside of the simulated world
	a := &Application{Index: e.Index, Term: e.Term, Revision: m.store.Revision(), Time: c.simulation.Now(), Step: c.simulation.Steps(), Err: failed, Events: events}
	if e.Type == raftpb.EntryNormal && len(e.Data) > 0 {
		a.Request = commandOf(e).request
	}
	for _, f := range c.observers {
		f(a)
	}
}

// begin admits a member that starts from a snapshot: its hash must be the history's at that index.
func (c *Canonical) begin(m *Member, i *image) {
	name, revision := m.config.Name, m.store.Revision()
	switch {
	case c.index == 0:
		c.base, c.hashes, c.index, c.revision, c.lineage = i.index, []uint64{i.history}, i.index, revision, i.lineage
	case i.index > c.index || i.index >= c.base && c.hashes[i.index-c.base] != i.history:
		c.broken(SnapshotsAreHistory, "%s starts from a snapshot at index %d and revision %d that is not part of the store's history", name, i.index, revision)
		return // It has no place in the history.
	}
	c.logged(m, i.index, i.term, i.lineage)
	c.keep(name, i.index)
}

// logged takes in that a member's log holds an entry, with everything before it.
func (c *Canonical) logged(m *Member, index, term, lineage uint64) {
	if !c.entries.note(index, term, lineage) {
		c.broken(LogMatching, "%s holds entry %d of term %d behind other entries than a member before it", m.config.Name, index, term)
	}
}

// keep notes that a member will not go back before an index, and forgets what nobody can go back to.
func (c *Canonical) keep(name string, index uint64) {
	c.started[name] = index
	oldest := index
	for _, i := range c.started { //sim:unordered a minimum
		oldest = min(oldest, i)
	}
	if oldest > c.base && oldest-c.base > uint64(len(c.hashes))/2 {
		c.hashes = dropFront(c.hashes, oldest-c.base)
		c.base = oldest
	}
	c.entries.drop(oldest)
}

// known reports whether a member has taken part before.
func (c *Canonical) known(name string) bool { _, ok := c.started[name]; return ok }

// forget takes a member out that was removed from the cluster.
func (c *Canonical) forget(name string) { delete(c.started, name) }

// leads takes in who leads in a term, and compares its log with what has been committed.
func (c *Canonical) leads(m *Member, term uint64) {
	name := m.config.Name
	if other, ok := c.leaders[term]; ok && other != name {
		c.broken(OneLeaderATerm, "both %s and %s lead in term %d", other, name, term)
	}
	c.leaders[term] = name
	//sim:allow truetime it is an observer, outside of the simulated world
	c.elections = append(c.elections, Election{term, name, c.simulation.Now(), c.simulation.Steps()})
	if lineage, ok := m.lineage.at(c.index); !ok {
		c.broken(LeaderCompleteness, "%s leads in term %d with a log up to %d, but %d has been applied", name, term, m.lineage.last(), c.index)
	} else if lineage != c.lineage {
		c.broken(LeaderCompleteness, "%s leads in term %d with another log up to %d than was applied there", name, term, c.index)
	}
}
