package etcd

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/fauxkube/fauxkube/sim/network"
)

// Errors of membership changes in etcd's words (api/v3rpc/rpctypes/error.go).
var (
	ErrMemberExists        = errors.New("etcdserver: member ID already exist")
	ErrPeerURLExists       = errors.New("etcdserver: Peer URLs already exists")
	ErrMemberNotFound      = errors.New("etcdserver: member not found")
	ErrMemberNotLearner    = errors.New("etcdserver: can only promote a learner member")
	ErrLearnerNotReady     = errors.New("etcdserver: can only promote a learner member which is in sync with leader")
	ErrTooManyLearners     = errors.New("etcdserver: too many learner members in cluster")
	ErrUnhealthy           = errors.New("etcdserver: unhealthy cluster")
	ErrBadLeaderTransferee = errors.New("etcdserver: bad leader transferee")
)

// maxLearners is how many learners a cluster may have (etcd's default), readyPercent how much of the leader's log a
// learner must have to be promoted (etcdserver/server.go: readyPercentThreshold).
const (
	maxLearners  = 1
	readyPercent = 90
)

// cluster is who belongs to the store, as of the applied index, and who did once: an id is never used again.
type cluster struct {
	members map[uint64]Peer
	removed map[uint64]bool
}

// sorted lists the members by id.
func (c *cluster) sorted() []Peer {
	all := make([]Peer, 0, len(c.members))
	for _, id := range slices.Sorted(maps.Keys(c.members)) {
		all = append(all, c.members[id])
	}
	return all
}

// restore takes over the members of a snapshot.
func (c *cluster) restore(m *Member, i *image) {
	c.members, c.removed = maps.Clone(i.members), maps.Clone(i.removed)
	if c.removed == nil {
		c.removed = map[uint64]bool{}
	}
	m.connectPeers()
}

// membershipChange goes with a change of raft's configuration, as its context.
type membershipChange struct {
	Member Peer
	// Promote says that a learner becomes a voter: the member itself stays as it is.
	Promote bool
	// Command numbers the request that waits for it.
	Command uint64
}

// MemberAddRequest adds a member that has not started yet.
type MemberAddRequest struct{ Member Peer }

// MemberRemoveRequest removes a member.
type MemberRemoveRequest struct{ ID uint64 }

// MemberPromoteRequest makes a learner a voter.
type MemberPromoteRequest struct{ ID uint64 }

// MemberListRequest asks who belongs to the store. Linearizable asks the leader first.
type MemberListRequest struct{ Linearizable bool }

// MemberListResponse lists the members by id; changes answer with it as well.
type MemberListResponse struct {
	Header  Header
	Members []Peer
}

// changeMembers checks a change and proposes it. The strict reconfiguration check refuses what would leave the cluster
// unable to agree should the change go through now.
func (m *Member) changeMembers(call *network.ServerCall) {
	var change raftpb.ConfChange
	var context membershipChange
	var err error
	switch r := call.Payload().(type) {
	case *MemberAddRequest:
		change, context, err = m.checkAdd(r)
	case *MemberRemoveRequest:
		change, err = m.checkRemove(r)
	case *MemberPromoteRequest:
		if !m.IsLeader() {
			m.toLeader(call) // Only the leader knows how far the learner is.
			return
		}
		change, context, err = m.checkPromote(r)
	}
	if err != nil {
		call.Fail(err)
		return
	}
	c := m.newCommand(call.Payload(), 256, call)
	context.Command = c.id
	if change.Context, err = json.Marshal(context); err != nil {
		panic("etcd: encoding a membership change: " + err.Error())
	}
	data, err := change.Marshal()
	if err != nil {
		panic("etcd: encoding a configuration change: " + err.Error())
	}
	m.await(c)
	m.waiting = append(m.waiting, raftpb.Entry{Type: raftpb.EntryConfChange, Data: data})
	m.wake()
}

func (m *Member) checkAdd(r *MemberAddRequest) (raftpb.ConfChange, membershipChange, error) {
	p := r.Member.withID()
	change := raftpb.ConfChange{Type: raftpb.ConfChangeAddNode, NodeID: p.ID}
	learners := 0
	for _, other := range m.cluster.sorted() {
		switch {
		case other.ID == p.ID:
			return change, membershipChange{}, ErrMemberExists
		case other.PeerAddress == p.PeerAddress:
			return change, membershipChange{}, ErrPeerURLExists
		case other.Learner:
			learners++
		}
	}
	switch {
	case m.cluster.removed[p.ID]:
		return change, membershipChange{}, ErrMemberExists
	case p.Learner && learners >= maxLearners:
		return change, membershipChange{}, ErrTooManyLearners
	case p.Learner:
		change.Type = raftpb.ConfChangeAddLearnerNode
	case m.started() < m.voters(): // A new voter that has not started must not tip the balance.
		return change, membershipChange{}, ErrUnhealthy
	}
	return change, membershipChange{Member: p}, nil
}

func (m *Member) checkRemove(r *MemberRemoveRequest) (raftpb.ConfChange, error) {
	change := raftpb.ConfChange{Type: raftpb.ConfChangeRemoveNode, NodeID: r.ID}
	p, ok := m.cluster.members[r.ID]
	if !ok {
		return change, ErrMemberNotFound
	}
	if p.Learner {
		return change, nil
	}
	if m.hears(r.ID) && m.started()-1 < (m.voters()-1)/2+1 {
		return change, ErrUnhealthy
	}
	return change, nil
}

func (m *Member) checkPromote(r *MemberPromoteRequest) (raftpb.ConfChange, membershipChange, error) {
	change := raftpb.ConfChange{Type: raftpb.ConfChangeAddNode, NodeID: r.ID}
	p, ok := m.cluster.members[r.ID]
	switch {
	case !ok:
		return change, membershipChange{}, ErrMemberNotFound
	case !p.Learner:
		return change, membershipChange{}, ErrMemberNotLearner
	case !m.learnerReady(r.ID):
		return change, membershipChange{}, ErrLearnerNotReady
	}
	return change, membershipChange{Member: p, Promote: true}, nil
}

func (m *Member) learnerReady(id uint64) bool {
	var leader, learner uint64
	m.node.WithProgress(func(other uint64, _ raft.ProgressType, p tracker.Progress) {
		switch other {
		case m.id:
			leader = p.Match
		case id:
			learner = p.Match
		}
	})
	return learner*100 >= leader*readyPercent
}

func (m *Member) voters() (n int) {
	for _, p := range m.cluster.sorted() {
		if !p.Learner {
			n++
		}
	}
	return n
}

// started counts the voters that this member hears, itself included.
func (m *Member) started() (n int) {
	for _, p := range m.cluster.sorted() {
		if !p.Learner && m.hears(p.ID) {
			n++
		}
	}
	return n
}

func (m *Member) hears(id uint64) bool {
	p := m.peers[id]
	return id == m.id || p != nil && p.conn.Connected()
}

// applyConfChange takes a committed change of the configuration over. One that cannot be is applied as no change.
func (m *Member) applyConfChange(e *raftpb.Entry) {
	var change raftpb.ConfChange
	if err := change.Unmarshal(e.Data); err != nil {
		panic("etcd: decoding a configuration change: " + err.Error())
	}
	var context membershipChange
	if len(change.Context) > 0 {
		if err := json.Unmarshal(change.Context, &context); err != nil {
			panic("etcd: decoding a membership change: " + err.Error())
		}
	}
	err := m.validate(&change, &context)
	if err != nil {
		change.NodeID = raft.None
	}
	m.confState = *m.node.ApplyConfChange(change)
	if err == nil {
		m.adopt(&change, &context)
	}
	m.history = m.canonical.observe(m, e, nil, err)
	m.answerMembership(context.Command, err)
	m.snapshots.wanted = true
}

// validate finds what no longer holds of a change since it was proposed.
func (m *Member) validate(change *raftpb.ConfChange, context *membershipChange) error {
	p, exists := m.cluster.members[change.NodeID]
	switch {
	case m.cluster.removed[change.NodeID]:
		return ErrMemberNotFound
	case change.Type == raftpb.ConfChangeRemoveNode && !exists:
		return ErrMemberNotFound
	case context.Promote && (!exists || !p.Learner):
		return ErrMemberNotLearner
	case change.Type != raftpb.ConfChangeRemoveNode && !context.Promote && exists:
		return ErrMemberExists
	default:
		return nil
	}
}

// adopt changes the list of members. A member that finds itself removed stops.
func (m *Member) adopt(change *raftpb.ConfChange, context *membershipChange) {
	switch {
	case change.Type == raftpb.ConfChangeRemoveNode:
		m.canonical.forget(m.cluster.members[change.NodeID].Name)
		delete(m.cluster.members, change.NodeID)
		m.cluster.removed[change.NodeID] = true
		if change.NodeID == m.id {
			m.process.At(m.config.ElectionTimeout, 0, m.kinds.leave, 0, m) // After the others have heard of it.
		}
	case context.Promote:
		p := m.cluster.members[change.NodeID]
		p.Learner = false
		m.cluster.members[change.NodeID] = p
	default:
		m.cluster.members[change.NodeID] = context.Member
	}
	m.connectPeers()
}

// ErrRemoved is why a member ends that was removed from the cluster.
var ErrRemoved = errors.New("the member has been permanently removed from the cluster")

func leave(_ uint64, ref any) { ref.(*Member).fail(ErrRemoved) }

func (m *Member) answerMembership(command uint64, err error) {
	for c := m.outstanding.first; c != nil; c = c.next {
		if c.id == command {
			m.answer(c, &MemberListResponse{Header: m.header(), Members: m.cluster.sorted()}, 256, err)
			return
		}
	}
}
