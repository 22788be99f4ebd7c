package etcd

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
	"github.com/fauxkube/fauxkube/sim/network"
)

// StatusRequest asks a member about itself.
type StatusRequest struct{}

// StatusResponse is what etcdctl endpoint status shows.
type StatusResponse struct {
	Header              Header
	DBSize, DBSizeInUse int64
	Leader              uint64
	RaftIndex, RaftTerm uint64
	RaftAppliedIndex    uint64
	IsLearner           bool
	Errors              []string
}

func (m *Member) status() *StatusResponse {
	m.updateSizes()
	s := &StatusResponse{
		Header: m.header(), DBSize: m.backend.fileBytes, DBSizeInUse: m.store.SizeBytes(), Leader: m.leader,
		RaftIndex: m.committed, RaftTerm: m.term, RaftAppliedIndex: m.applied,
		IsLearner: m.cluster.members[m.id].Learner,
	}
	if m.leader == 0 {
		s.Errors = append(s.Errors, ErrNoLeader.Error())
	}
	for _, a := range m.alarms.sorted() {
		s.Errors = append(s.Errors, "alarm:"+a.Type.String())
	}
	return s
}

// HashKVRequest asks for the hash of a member's keyspace at a revision; 0 is the newest.
type HashKVRequest struct{ Revision int64 }

// HashKVResponse is comparable between members with the same CompactRevision and HashRevision.
type HashKVResponse struct {
	Header          Header
	Hash            uint64
	CompactRevision int64
	// HashRevision is the revision as of which the keyspace was hashed.
	HashRevision int64
}

func (m *Member) hashKV(r *HashKVRequest, call *network.ServerCall) {
	hash, compacted, err := m.store.HashKV(r.Revision)
	if err != nil {
		call.Fail(err)
		return
	}
	response := &HashKVResponse{Header: m.header(), Hash: hash, CompactRevision: compacted, HashRevision: r.Revision}
	if r.Revision == 0 {
		response.HashRevision = m.store.Revision()
	}
	call.Reply(response, headerBytes)
}

// SnapshotRequest asks a member for its state, to be kept outside of the store.
type SnapshotRequest struct{}

// backUp answers with the member's state as a backup; sending it takes as long as sending the database.
func (m *Member) backUp(call *network.ServerCall) {
	b := &backup.Backup{Taken: m.process.Wall(), Keys: m.store.Snapshot().Clone(), Leases: m.lessor.Snapshot()}
	call.Reply(b, int(b.Keys.SizeBytes())+headerBytes)
}

// DefragmentRequest gives the free pages of a member's database file back.
type DefragmentRequest struct{}

// MoveLeaderRequest hands the leadership to another member.
type MoveLeaderRequest struct{ TargetID uint64 }

// EmptyResponse answers what has nothing to say but that it was done.
type EmptyResponse struct{ Header Header }

func (m *Member) defragment(call *network.ServerCall) {
	m.backend.fileBytes = m.store.SizeBytes()
	m.updateSizes()
	call.Reply(&EmptyResponse{m.header()}, headerBytes)
}

// moveLeader asks raft to hand over; it answers when the request has been made, and the client sees who leads.
func (m *Member) moveLeader(r *MoveLeaderRequest, call *network.ServerCall) {
	p, ok := m.cluster.members[r.TargetID]
	switch {
	case !m.IsLeader():
		call.Fail(ErrNotLeader)
		return
	case !ok || p.Learner:
		call.Fail(ErrBadLeaderTransferee)
		return
	}
	m.node.TransferLeader(r.TargetID)
	m.wake()
	call.Reply(&EmptyResponse{m.header()}, headerBytes)
}

// CompactionMode says how a member compacts by itself, if it does.
type CompactionMode uint8

const (
	// CompactionOff leaves it to the clients.
	CompactionOff CompactionMode = iota
	// CompactionPeriodic keeps the history of CompactionRetention nanoseconds.
	CompactionPeriodic
	// CompactionRevision keeps the last CompactionRetention revisions.
	CompactionRevision
)

// autoCompaction is what a member needs to compact by itself. Every member looks, the leader proposes.
type autoCompaction struct {
	// revisions are the newest revisions at the last looks, oldest first.
	revisions []int64
	last      int64
}

// Intervals of etcd (server/etcdserver/api/v3compactor): by revision every 5 min; by period a tenth of it, of an hour
// for longer ones.
const revisionInterval = 5 * time.Minute

func (m *Member) compactionInterval() time.Duration {
	if m.config.CompactionMode == CompactionRevision {
		return revisionInterval
	}
	return min(time.Duration(m.config.CompactionRetention), time.Hour) / 10
}

func (m *Member) startBackground() {
	m.metrics.quota.Set(m.config.QuotaBytes)
	m.watchLeader()
	if m.config.CompactionMode != CompactionOff && m.config.CompactionRetention > 0 {
		m.process.At(m.compactionInterval(), 0, m.kinds.autoCompact, 0, m)
	}
}

func compactDue(_ uint64, ref any) {
	m := ref.(*Member)
	if m.stopped {
		return
	}
	interval := m.compactionInterval()
	m.process.At(interval, 0, m.kinds.autoCompact, 0, m)
	a := &m.compacts
	a.revisions = append(a.revisions, m.store.Revision())
	target := m.store.Revision() - m.config.CompactionRetention
	if m.config.CompactionMode == CompactionPeriodic {
		looks := int(time.Duration(m.config.CompactionRetention) / interval)
		if len(a.revisions) <= looks {
			return
		}
		target = a.revisions[0]
		a.revisions = a.revisions[1:]
	}
	if m.IsLeader() && target > 0 && target != a.last && target > m.store.CompactRevision() {
		a.last = target
		m.waiting = append(m.waiting, m.newCommand(&CompactionRequest{Revision: target}, commandBytes, nil).entry())
		m.wake()
	}
}
