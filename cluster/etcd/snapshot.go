package etcd

import (
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/wal"
	"github.com/fauxkube/fauxkube/sim/disk"
)

// image is a member's whole state at one index. It never changes. Taking one copies a pointer a key.
type image struct {
	seal
	index, term uint64
	confState   raftpb.ConfState
	store       *mvcc.Snapshot
	leases      []lease.Granted
	members     map[uint64]Peer
	removed     map[uint64]bool
	alarms      alarms
	// history and lineage are what the canonical log knows the state and the log up to it by.
	history, lineage uint64
}

// snapshot is the image as raft carries it, by reference.
func (i *image) snapshot() raftpb.Snapshot {
	return raftpb.Snapshot{
		Data:     i.reference(),
		Metadata: raftpb.SnapshotMetadata{Index: i.index, Term: i.term, ConfState: i.confState},
	}
}

func imageOf(s *raftpb.Snapshot) *image { return (*image)(dereference(s.Data)) }

// sizeBytes is what sending the image takes: the database file.
func (i *image) sizeBytes() int { return int(i.store.SizeBytes()) + 64<<10 }

// image takes the member's present state.
func (m *Member) image() *image {
	index := m.applied
	if m.bugs.indexBeforeState {
		index = min(m.queued(), m.storage.last())
	}
	term, err := m.storage.Term(index)
	must(err)
	lineage, ok := m.lineage.at(index)
	if !ok {
		panic(fmt.Sprintf("etcd: %s takes a snapshot at %d with a log from %d to %d", m.config.Name, index, m.lineage.base, m.lineage.last()))
	}
	return &image{
		index: index, term: term, lineage: lineage, confState: m.confState, store: m.store.Snapshot(),
		leases: m.lessor.Snapshot(), members: maps.Clone(m.cluster.members),
		removed: maps.Clone(m.cluster.removed), alarms: m.alarms.clone(), history: m.history,
	}
}

// snapshots is where a member's snapshots stand.
type snapshots struct {
	// last is the index of the newest one; wanted asks for another although it is not due.
	last   uint64
	wanted bool
	// writing is the one on its way to the disk.
	writing bool
	// cut is the snapshot for which a segment was cut; release is what may go once that segment is durable.
	cut, release uint64
}

// fileBytes is the modelled size of a snapshot file: the members, the configuration and the index. The keyspace itself
// is in the database, which the backend writes all the time.
const fileBytes = 8 << 10

func (m *Member) snapshotName(index uint64) string {
	return fmt.Sprintf("%ssnap/%016x.snap", m.config.diskPrefix(), index)
}

// maybeSnapshot writes a snapshot when enough entries have been applied since the last one, or after a change of the
// configuration.
func (m *Member) maybeSnapshot() {
	s := &m.snapshots
	due := m.applied-s.last >= m.config.SnapshotEntries || s.wanted && m.applied > s.last
	if !due || s.writing || m.appliesUnsaved() || m.stopped {
		return
	}
	s.writing, s.wanted = true, false
	i := m.image()
	m.canonical.logged(m, i.index, i.term, i.lineage)
	m.writeSnapshot(i, func() { m.snapshotWritten(i) })
}

// appliesUnsaved reports whether something that has been applied is still on its way into the log: what the log holds in
// its place may be of another term, and a snapshot must not carry that one. etcd as well waits for the disk before it
// takes a snapshot (etcdserver/server.go: applyAll).
func (m *Member) appliesUnsaved() bool {
	rd := &m.ready
	return m.saving && (!raft.IsEmptySnap(rd.Snapshot) || len(rd.Entries) > 0 && rd.Entries[0].Index <= m.applied)
}

// writeSnapshot makes a snapshot file durable and then calls done.
func (m *Member) writeSnapshot(i *image, done func()) {
	d := m.process.Machine().Disk()
	finish := func(err error) bool {
		if err != nil && !m.ended() {
			m.fail(fmt.Errorf("snapshot: %w", err))
		}
		return err == nil && !m.ended()
	}
	name := m.snapshotName(i.index)
	if d.Exists(name) { // Left over from a crash in the middle of the same.
		must(d.Remove(name))
	}
	f := d.Open(name)
	if _, err := f.Append(i, fileBytes); !finish(err) {
		return
	}
	f.Sync(func(err error) {
		if !finish(err) {
			return
		}
		d.SyncDirectory(func(err error) {
			if finish(err) {
				done()
			}
		})
	})
}

// snapshotWritten lets go of what the snapshot makes superfluous, but for what slow followers may want.
func (m *Member) snapshotWritten(i *image) {
	s := &m.snapshots
	s.writing = false
	if i.index <= s.last { // One from the leader came in between.
		return
	}
	m.mark(i, false)
	m.storage.setSnapshot(i.snapshot())
	if keep := m.config.CatchUpEntries; i.index > m.storage.offset()+keep {
		m.storage.compact(i.index - keep)
		m.lineage.compact(i.index - keep)
	}
	m.maybeSnapshot()
}

// mark notes a durable snapshot in the log.
func (m *Member) mark(i *image, reset bool) {
	m.snapshots.last = i.index
	if err := m.log.Mark(wal.SnapshotMark{Index: i.index, Term: i.term, Reset: reset}); err != nil {
		m.fail(fmt.Errorf("write-ahead log: %w", err))
		return
	}
	m.canonical.keep(m.config.Name, i.index)
}

// trimLog cuts a segment where one is full or a snapshot has been taken. What the snapshot makes superfluous goes when
// the new segment is durable: recovery must find one of the two.
func (m *Member) trimLog() {
	s := &m.snapshots
	if s.release > 0 {
		m.log.Release(s.release)
		m.removeSnapshots(s.release)
		s.release = 0
	}
	if !m.log.Durable() || !m.log.Full() && s.cut >= s.last {
		return
	}
	if err := m.log.Cut(); err != nil {
		m.fail(fmt.Errorf("write-ahead log: %w", err))
		return
	}
	s.cut, s.release = s.last, s.last
}

// removeSnapshots removes the files before an index. What is removed takes room, and memory of ours, until a crash can no
// longer bring it back.
func (m *Member) removeSnapshots(before uint64) {
	d := m.process.Machine().Disk()
	oldest := m.snapshotName(before)
	for _, name := range d.List(m.config.diskPrefix() + "snap/") {
		if name < oldest {
			must(d.Remove(name))
		}
	}
	d.SyncDirectory(func(error) {}) // Should it fail, so will the log's.
}

// load reads the newest whole snapshot among those that the log knows of; nil where there is none.
func (s *snapshots) load(m *Member, marks []wal.SnapshotMark, done func(*image, error)) {
	marks = slices.Clone(marks)
	d := m.process.Machine().Disk()
	var try func()
	try = func() {
		if len(marks) == 0 {
			done(nil, nil)
			return
		}
		newest := marks[len(marks)-1]
		marks = marks[:len(marks)-1]
		d.Open(m.snapshotName(newest.Index)).Load(func(records []disk.Record, err error) {
			if err != nil || len(records) != 1 || records[0].State != disk.Intact {
				try()
				return
			}
			s.last = newest.Index
			done(records[0].Payload.(*image), nil)
		})
	}
	try()
}

// install replaces the state by a snapshot from the leader, first on the disk, then in memory.
func (m *Member) install(from *raftpb.Snapshot) {
	received := imageOf(from)
	i := *received
	i.store = received.store.Clone() // The records are the member's own from here on.
	m.saving = true
	m.writeSnapshot(&i, func() {
		m.mark(&i, true)
		if m.stopped {
			return
		}
		if err := m.log.Append(m.ready.Entries, m.ready.HardState); err != nil {
			m.fail(fmt.Errorf("write-ahead log: %w", err))
			return
		}
		m.log.Sync(func(err error) {
			switch {
			case m.ended():
				return
			case err != nil:
				m.fail(fmt.Errorf("write-ahead log: %w", err))
				return
			}
			m.installed(&i)
		})
	})
}

// installed takes the new state up: what was to be applied before it is part of it.
func (m *Member) installed(i *image) {
	m.storage.install(i.snapshot())
	m.toApply, m.applying = nil, nil
	m.hub.Flush()
	m.restore(i)
	m.hub.Restore(m.store)
	m.armWatchSync()
	m.canonical.begin(m, i)
	m.afterApply()
	m.saving = false
	m.finishTurn()
	m.run()
}
