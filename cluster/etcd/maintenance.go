package etcd

import (
	"maps"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
	"github.com/fauxkube/fauxkube/sim/network"
)

// AlarmType is what an alarm is about.
type AlarmType uint8

const (
	// AlarmNoSpace: a member's database has reached its quota. Writes that need space are refused.
	AlarmNoSpace AlarmType = iota + 1
	// AlarmCorrupt: a member's state differs from the others'.
	AlarmCorrupt
)

func (t AlarmType) String() string {
	if t == AlarmCorrupt {
		return "CORRUPT"
	}
	return "NOSPACE"
}

// AlarmAction is what to do about alarms.
type AlarmAction uint8

// Actions on alarms.
const (
	AlarmGet AlarmAction = iota
	AlarmActivate
	AlarmDeactivate
)

// Alarm is an alarm of a member.
type Alarm struct {
	MemberID uint64
	Type     AlarmType
}

// AlarmRequest lists, raises or lowers alarms. MemberID 0 with AlarmDeactivate means all members'.
type AlarmRequest struct {
	Action AlarmAction
	Alarm
}

// AlarmResponse lists the alarms concerned.
type AlarmResponse struct {
	Header Header
	Alarms []Alarm
}

// alarms are the alarms in force; they are replicated.
type alarms map[Alarm]bool

func (a alarms) clone() alarms {
	if a == nil {
		return alarms{}
	}
	return maps.Clone(a)
}

func (a alarms) noSpace() bool {
	if len(a) == 0 {
		return false
	}
	return slices.ContainsFunc(a.sorted(), func(x Alarm) bool { return x.Type == AlarmNoSpace })
}

func (a alarms) sorted() []Alarm {
	all := make([]Alarm, 0, len(a))
	for x := range a { //sim:unordered sorted below
		all = append(all, x)
	}
	slices.SortFunc(all, func(x, y Alarm) int {
		if x.MemberID != y.MemberID {
			if x.MemberID < y.MemberID {
				return -1
			}
			return 1
		}
		return int(x.Type) - int(y.Type)
	})
	return all
}

func (m *Member) applyAlarm(r *AlarmRequest) (any, int, error) {
	response := &AlarmResponse{Header: m.header()}
	switch r.Action {
	case AlarmGet:
		response.Alarms = m.alarms.sorted()
	case AlarmActivate:
		m.alarms[r.Alarm] = true
		response.Alarms = []Alarm{r.Alarm}
	case AlarmDeactivate:
		for _, x := range m.alarms.sorted() {
			if (r.MemberID == 0 || r.MemberID == x.MemberID) && (r.Type == 0 || r.Type == x.Type) {
				delete(m.alarms, x)
				response.Alarms = append(response.Alarms, x)
			}
		}
	}
	return response, headerBytes + 16*len(response.Alarms), nil
}

// putBytes is the space that a request may take: a transaction that only deletes takes none.
func putBytes(request any) (n int) {
	switch r := request.(type) {
	case *PutRequest:
		return r.SizeBytes()
	case *TxnRequest:
		for _, ops := range [2][]RequestOp{r.Success, r.Failure} {
			for i := range ops {
				switch {
				case ops[i].Put != nil:
					n += ops[i].Put.SizeBytes()
				case ops[i].Txn != nil:
					n += putBytes(ops[i].Txn)
				}
			}
		}
	}
	return n
}

// overQuota reports whether a write of a size would take the database beyond its quota; the first such write raises the
// alarm (server/etcdserver/api/v3rpc/quota.go).
func (m *Member) overQuota(sizeBytes int) bool {
	size := max(m.backend.fileBytes, m.store.SizeBytes())
	if sizeBytes == 0 || size+int64(sizeBytes) < m.config.QuotaBytes {
		return false
	}
	mine := Alarm{MemberID: m.id, Type: AlarmNoSpace}
	if !m.alarms[mine] {
		c := m.newCommand(&AlarmRequest{Action: AlarmActivate, Alarm: mine}, commandBytes, nil)
		m.waiting = append(m.waiting, c.entry())
		m.wake()
	}
	return true
}

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

// HashKVResponse is comparable between members with the same CompactRevision.
type HashKVResponse struct {
	Header          Header
	Hash            uint64
	CompactRevision int64
}

func (m *Member) hashKV(r *HashKVRequest, call *network.ServerCall) {
	hash, compacted, err := m.store.HashKV(r.Revision)
	if err != nil {
		call.Fail(err)
		return
	}
	call.Reply(&HashKVResponse{Header: m.header(), Hash: hash, CompactRevision: compacted}, headerBytes)
}

// SnapshotRequest asks a member for its state, to be kept outside of the store.
type SnapshotRequest struct{}

// backUp answers with the member's state as a backup; sending it takes as long as sending the database.
func (m *Member) backUp(call *network.ServerCall) {
	b := &backup.Backup{Keys: m.store.Snapshot().Clone(), Leases: m.lessor.Snapshot()}
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
