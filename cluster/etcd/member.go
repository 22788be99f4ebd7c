package etcd

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/wal"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Member is one etcd process, from its start to its end; a restart makes another one.
type Member struct {
	config  MemberConfig
	process *host.Process
	// incarnation is the process's that the member belongs to.
	incarnation uint32
	kinds       *kinds
	methods     *methods
	ops         *ops
	metrics     memberMetrics
	draws       *sim.Stream
	canonical   *Canonical
	bugs        bugs
	// told are the changes before the last, kept by a bug.
	told []*mvcc.Record

	id, clusterID uint64
	cluster       cluster
	peers         map[uint64]*peer
	serving       bool
	stopped       bool
	failure       error

	// Agreement.
	node    *raft.RawNode
	storage *logStorage
	log     *wal.Log
	term    uint64
	// confirmed is the last term in which this member has led and applied the entry that its leadership began with.
	confirmed uint64
	role      raft.StateType
	leader    uint64
	clock     electionClock
	// ready is what raft has handed out and is being saved.
	ready  raft.Ready
	saving bool
	// held says that the turn waits for the configuration change at this index to be applied: raft must know of it
	// before it goes on.
	held    bool
	holdAt  uint64
	savedAt sim.Monotonic
	onSaved func(error)
	// waiting are entries to propose, the leader's own and those forwarded by followers.
	waiting     []raftpb.Entry
	drainArmed  bool
	outstanding commands
	sweepArmed  bool
	requests    uint64

	// State.
	store     *mvcc.Store
	lessor    *lease.Lessor
	hub       *watch.Hub
	history   uint64
	lineage   lineage
	committed uint64
	applied   uint64
	toApply   []raftpb.Entry
	applying  []raftpb.Entry
	confState raftpb.ConfState
	alarms    alarms
	snapshots snapshots
	backend   backend

	// Service.
	reads       reads
	leases      leases
	watches     watches
	compactions compactions
}

// StartMember runs a member in the process's present incarnation: from its disk if there is something on it, otherwise
// as the configuration says. It is what the start function of a host's process calls.
func StartMember(p *host.Process, c MemberConfig) *Member {
	c = c.withDefaults()
	m := &Member{
		config: c, process: p, incarnation: p.Incarnation(), kinds: registerKinds(p), methods: methodsOf(c.Network), ops: opsOf(p),
		metrics: newMemberMetrics(c.Metrics), draws: p.Stream("etcd/" + c.Name), canonical: c.Canonical, bugs: plantedIn(p),
		id: memberID(c.Name), peers: map[uint64]*peer{},
	}
	m.onSaved = m.saved
	m.canonical.addresses[m.id] = Peer{ID: m.id, Name: c.Name, PeerAddress: c.PeerAddress, ClientAddress: c.ClientAddress}
	m.listen()
	m.recover()
	return m
}

// ID is the member's id.
func (m *Member) ID() uint64 { return m.id }

// Name is the member's name.
func (m *Member) Name() string { return m.config.Name }

// IsLeader reports whether the member believes that it leads.
func (m *Member) IsLeader() bool { return m.role == raft.StateLeader }

// Leader is the id of the leader that the member knows of; 0 is none.
func (m *Member) Leader() uint64 { return m.leader }

// Term is the member's term.
func (m *Member) Term() uint64 { return m.term }

// AppliedIndex is how far the member has applied the log.
func (m *Member) AppliedIndex() uint64 { return m.applied }

// LastIndex is the last entry of the member's log, as far as raft believes: it may not be durable yet.
func (m *Member) LastIndex() uint64 { return m.lineage.last() }

// Store is the member's keyspace, for observers, who must not write.
func (m *Member) Store() *mvcc.Store { return m.store }

// Lessor is the member's leases, for observers, who must not write.
func (m *Member) Lessor() *lease.Lessor { return m.lessor }

// Failure is why the member ended itself; nil where it did not.
func (m *Member) Failure() error { return m.failure }

// Serving reports whether the member has recovered and takes part.
func (m *Member) Serving() bool { return m.serving && !m.stopped && m.process.IsUp() }

// run does everything that can be done now: it proposes what waits and handles what raft has ready, until there is
// nothing left or the disk has to be waited for.
func (m *Member) run() {
	for !m.saving && !m.stopped {
		m.propose()
		if !m.node.HasReady() {
			return
		}
		m.handle(m.node.Ready())
	}
}

// handle is one turn of raft: learn who leads, send what may be sent at once, apply what is committed, and save what
// must be durable before anything else is said.
func (m *Member) handle(rd raft.Ready) {
	m.ready = rd
	m.learnRole(&rd)
	m.learnEntries(&rd)
	m.learnReadStates(rd.ReadStates)
	m.enqueue(rd.CommittedEntries)
	m.noteConfChange(rd.CommittedEntries)
	if m.bugs.singleMemberAcks {
		m.enqueueEarly(rd.Entries)
	}
	if m.IsLeader() {
		m.send(rd.Messages) // In parallel with its own disk.
	} else if m.bugs.ackBeforeSync || m.bugs.voteBeforeSync {
		m.sendEarly()
	}
	if !raft.IsEmptySnap(rd.Snapshot) {
		m.install(&rd.Snapshot)
		return
	}
	m.save()
}

// learnEntries follows what the log holds from this turn on.
func (m *Member) learnEntries(rd *raft.Ready) {
	if !raft.IsEmptySnap(rd.Snapshot) {
		i := imageOf(&rd.Snapshot)
		m.lineage.restart(i.index, i.lineage)
	}
	m.lineage.extend(m, rd.Entries)
}

// save writes the turn's entries and votes to the log, and waits for the disk if there are any.
func (m *Member) save() {
	rd := &m.ready
	if len(rd.Entries) == 0 && !rd.MustSync && m.holdAt <= m.applied {
		m.finishTurn() // The commit index alone need not be durable: it is written along with what comes next.
		return
	}
	// That of a change of the configuration is: a member that has left cannot be asked for its vote any more.
	if err := m.log.Append(rd.Entries, rd.HardState); err != nil {
		m.fail(fmt.Errorf("write-ahead log: %w", err))
		return
	}
	m.saving, m.savedAt = true, m.process.Monotonic()
	m.log.Sync(m.onSaved)
}

// saved goes on when the disk is done.
func (m *Member) saved(err error) {
	if m.ended() {
		return
	}
	if err != nil {
		m.fail(fmt.Errorf("write-ahead log: %w", err))
		return
	}
	m.saving = false
	m.metrics.walSync.Observe(m.process.Monotonic().Sub(m.savedAt))
	m.finishTurn()
	m.trimLog()
	m.maybeSnapshot()
	m.run()
}

// noteConfChange makes the turn wait for a change of the configuration.
func (m *Member) noteConfChange(committed []raftpb.Entry) {
	for i := range committed {
		if committed[i].Type != raftpb.EntryNormal {
			m.holdAt = committed[i].Index
		}
	}
}

// release finishes a turn that had to wait for a change of the configuration.
func (m *Member) release() {
	if m.held && m.applied >= m.holdAt {
		m.held, m.saving = false, false
		m.finishTurn()
		m.wake()
	}
}

// finishTurn says what had to wait for the disk and tells raft that the turn is over.
func (m *Member) finishTurn() {
	if m.holdAt > m.applied {
		m.held, m.saving = true, true
		return
	}
	rd := m.ready
	m.ready = raft.Ready{}
	m.storage.append(rd.Entries)
	if !m.IsLeader() {
		m.send(rd.Messages)
	}
	m.node.Advance(rd)
}

// learnRole notes the role, the leader and the term of a turn.
func (m *Member) learnRole(rd *raft.Ready) {
	if !raft.IsEmptyHardState(rd.HardState) {
		if rd.Term != m.term {
			m.term = rd.Term
			m.clock.drawAnew(m)
		}
		m.committed = max(m.committed, rd.Commit)
	}
	if rd.SoftState == nil {
		return
	}
	before, leaderBefore := m.role, m.leader
	m.role, m.leader = rd.RaftState, rd.Lead
	if before != m.role {
		m.changeRole(before)
	}
	if leaderBefore != m.leader {
		m.changeLeader()
	}
}

// changeRole starts what only a leader does, or stops it.
func (m *Member) changeRole(before raft.StateType) {
	m.clock.drawAnew(m)
	switch {
	case m.role == raft.StateLeader:
		m.canonical.leads(m, m.term)
		m.metrics.isLeader.Set(1)
		m.clock.startTicking(m)
	case before == raft.StateLeader:
		m.metrics.isLeader.Set(0)
		m.clock.stopTicking(m)
		m.demoteLessor()
	}
}

// changeLeader tells those who wait that things stand otherwise now.
func (m *Member) changeLeader() {
	if m.leader != 0 {
		m.metrics.hasLeader.Set(1)
		m.metrics.leaderChanges.Inc()
		m.clock.leaderElected(m)
		m.failReadRound(ErrLeaderChanged)
	} else {
		m.metrics.hasLeader.Set(0)
	}
	m.watchLeader()
	m.wake()
}

// ended reports whether the member is no more: it has ended itself, or its incarnation has, and what it asked of the
// disk comes too late.
func (m *Member) ended() bool { return m.stopped || m.process.Incarnation() != m.incarnation }

// fail ends the member: what it found must not be served.
func (m *Member) fail(err error) {
	if m.stopped {
		return
	}
	m.stopped, m.failure = true, err
	if m.config.Exit != nil {
		m.config.Exit(err)
		return
	}
	m.process.Kill()
}
