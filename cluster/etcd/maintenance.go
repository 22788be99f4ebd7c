package etcd

import (
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

// EmptyResponse answers what has nothing to say but that it was done.
type EmptyResponse struct{ Header Header }

func (m *Member) defragment(call *network.ServerCall) {
	m.backend.fileBytes = m.store.SizeBytes()
	m.updateSizes()
	call.Reply(&EmptyResponse{m.header()}, headerBytes)
}
