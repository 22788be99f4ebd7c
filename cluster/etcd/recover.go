package etcd

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/wal"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
	"github.com/fauxkube/fauxkube/sim"
)

// ErrBootstrapped refuses to start a member anew that has been part of the cluster: with an empty disk it would vote a
// second time in terms in which it has voted (etcdserver/bootstrap.go).
var ErrBootstrapped = errors.New("member has already been bootstrapped")

// Every member starts from a snapshot at this index and term, which holds the initial configuration and nothing else;
// so a member that joins later finds the beginning of the log compacted, and is sent a snapshot.
const bootstrapIndex, bootstrapTerm = 1, 1

// recover starts the member from its disk, or begins.
func (m *Member) recover() {
	d := m.process.Machine().Disk()
	prefix := m.config.diskPrefix() + "wal/"
	if !wal.Exists(d, prefix) {
		m.begin()
		return
	}
	wal.Recover(d, prefix, entrySize, func(l *wal.Log, s *wal.State, err error) {
		switch {
		case m.ended():
		case errors.Is(err, wal.ErrEmpty):
			for _, name := range d.List(m.config.diskPrefix()) {
				d.Remove(name)
			}
			m.begin()
		case err != nil:
			m.fail(err)
		default:
			m.log = l
			m.loadSnapshot(s)
		}
	})
}

// begin starts a member that has nothing on its disk.
func (m *Member) begin() {
	if m.canonical.known(m.config.Name) {
		m.fail(fmt.Errorf("member %s: %w", m.config.Name, ErrBootstrapped))
		return
	}
	var metadata wal.Metadata
	metadata.MemberID = m.id
	for _, p := range m.config.InitialCluster {
		p = p.withID()
		metadata.ClusterID = mvcc.Mix(metadata.ClusterID, p.ID)
		if !m.config.Join {
			metadata.Voters = append(metadata.Voters, p.ID)
		}
	}
	l, err := wal.Create(m.process.Machine().Disk(), m.config.diskPrefix()+"wal/", metadata, entrySize)
	if err != nil {
		m.fail(err)
		return
	}
	m.log = l
	l.Sync(func(err error) {
		switch {
		case m.ended():
		case err != nil:
			m.fail(err)
		default:
			m.start(m.bootstrapImage(), raftpb.HardState{}, nil)
		}
	})
}

// bootstrapImage is the state in which the cluster began.
func (m *Member) bootstrapImage() *image {
	i := &image{store: mvcc.New(nil).Snapshot(), members: map[uint64]Peer{}}
	if b := m.config.Restore; b != nil {
		i.store, i.leases = b.Keys.Clone(), b.Leases
	}
	for _, p := range m.config.InitialCluster {
		p = p.withID()
		i.members[p.ID] = p // One that joins knows only where to find the others; the snapshot says who they are.
	}
	if voters := m.log.Metadata().Voters; len(voters) > 0 {
		i.index, i.term, i.confState.Voters = bootstrapIndex, bootstrapTerm, voters
	}
	return i
}

// loadSnapshot finds the newest snapshot that is whole and goes on from there with the entries behind it.
func (m *Member) loadSnapshot(s *wal.State) {
	m.snapshots.load(m, s.Snapshots, func(i *image, err error) {
		if m.ended() {
			return
		}
		if err == nil && i == nil {
			i = m.bootstrapImage()
		}
		var entries []raftpb.Entry
		if err == nil {
			entries, err = s.After(i.index)
		}
		if err != nil {
			m.fail(err)
			return
		}
		m.log.Sync(func(err error) { // What was read may be in the page cache only.
			switch {
			case m.ended():
			case err != nil:
				m.fail(err)
			default:
				m.start(i, s.HardState, entries)
			}
		})
	})
}

// start takes up work from a state and the log behind it.
func (m *Member) start(i *image, state raftpb.HardState, entries []raftpb.Entry) {
	m.clusterID = m.log.Metadata().ClusterID
	m.storage = newLogStorage()
	if i.index > 0 {
		m.storage.install(i.snapshot())
		state.Term = max(state.Term, i.term)
		state.Commit = max(state.Commit, i.index)
	}
	m.storage.append(entries)
	m.storage.state = state
	m.restore(i)
	if m.bugs.revisionFromRecords {
		m.store.RecountRevision()
	}
	m.hub = watch.New(m.store, m.header, m.config.MaxRequestBytes+fragmentOverheadBytes)
	m.hub.Plant(m.bugs.watch)
	m.term, m.committed = state.Term, state.Commit
	m.lineage.restart(i.index, i.lineage)
	if i.index > 0 {
		m.canonical.begin(m, i)
	}
	m.lineage.extend(m, entries)
	m.newNode()
	m.serving = true
	m.clock.start(m)
	m.metrics.quota.Set(m.config.QuotaBytes)
	m.watchLeader()
	m.startAutoCompaction()
	m.run()
}

// must is for what can fail only by our own mistake.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("etcd: %v", err))
	}
}

func (m *Member) newNode() {
	node, err := raft.NewRawNode(&raft.Config{
		ID: m.id, Storage: m.storage, Applied: m.applied, Logger: silent{},
		ElectionTick: m.config.electionTicks(), HeartbeatTick: 1,
		// raft sees entries of a few bytes: the modelled sizes are enforced when messages are sent.
		MaxSizePerMsg: maxMessageBytes, MaxInflightMsgs: maxInflightMessages,
		CheckQuorum: true, PreVote: true, StepDownOnRemoval: true,
	})
	if err != nil {
		panic(fmt.Sprintf("etcd: %s: %v", m.config.Name, err))
	}
	m.node = node
}

// restore replaces the state by that of an image.
func (m *Member) restore(i *image) {
	m.lessor = lease.Restore(i.leases, m.config.minLeaseTTLSeconds())
	m.store = mvcc.Restore(i.store, m.lessor)
	m.store.Plant(m.bugs.keys)
	m.history, m.applied, m.confState = i.history, i.index, i.confState
	m.alarms = i.alarms.clone()
	m.cluster.restore(m, i)
}

// header says where the member stands.
func (m *Member) header() Header {
	return Header{ClusterID: m.clusterID, MemberID: m.id, Revision: m.store.Revision(), RaftTerm: m.term}
}

// silent is raft's logger: what raft says goes nowhere, what it panics about comes out.
type silent struct{}

func (silent) Debug(...any)            {}
func (silent) Debugf(string, ...any)   {}
func (silent) Error(...any)            {}
func (silent) Errorf(string, ...any)   {}
func (silent) Info(...any)             {}
func (silent) Infof(string, ...any)    {}
func (silent) Warning(...any)          {}
func (silent) Warningf(string, ...any) {}

func (silent) Fatal(v ...any)            { panic(raftPanic(fmt.Sprint(v...))) }
func (silent) Fatalf(f string, v ...any) { panic(raftPanic(fmt.Sprintf(f, v...))) }
func (silent) Panic(v ...any)            { panic(raftPanic(fmt.Sprint(v...))) }
func (silent) Panicf(f string, v ...any) { panic(raftPanic(fmt.Sprintf(f, v...))) }

// raftPanic is what raft panics about.
type raftPanic string

func (p raftPanic) Error() string { return "raft: " + string(p) }

// monotonic is the member's clock.
func (m *Member) monotonic() sim.Monotonic { return m.process.Monotonic() }
