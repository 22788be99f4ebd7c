package etcd

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/fauxkube/fauxkube/sim/network"
)

// Errors of membership changes in etcd's words (api/v3rpc/rpctypes/error.go).
var (
	ErrMemberExists     = errors.New("etcdserver: member ID already exist")
	ErrPeerURLExists    = errors.New("etcdserver: Peer URLs already exists")
	ErrMemberNotFound   = errors.New("etcdserver: member not found")
	ErrMemberNotLearner = errors.New("etcdserver: can only promote a learner member")
	ErrLearnerNotReady  = errors.New("etcdserver: can only promote a learner member which is in sync with leader")
	ErrTooManyLearners  = errors.New("etcdserver: too many learner members in cluster")
	ErrUnhealthy        = errors.New("etcdserver: unhealthy cluster")
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

// changeMembers checks a change and proposes it. The leader does that for all: how far a learner is only the leader knows,
// and it alone talks to everybody all the time. (etcd's members do keep connections to all others, so that there each
// judges for itself whether the cluster is healthy.)
func (m *Member) changeMembers(call *network.ServerCall) {
	if !m.IsLeader() {
		m.toLeader(call)
		return
	}
	change, context, err := m.proposedChange(call.Payload())
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

// proposedChange is the change of raft's configuration that a request stands for. The strict reconfiguration check refuses
// what would leave the cluster unable to agree should the change go through now; whether the change fits the list of
// members is found out when it is applied, by all members alike.
func (m *Member) proposedChange(request any) (change raftpb.ConfChange, context membershipChange, err error) {
	switch r := request.(type) {
	case *MemberAddRequest:
		context.Member = r.Member.withID()
		change = raftpb.ConfChange{Type: raftpb.ConfChangeAddNode, NodeID: context.Member.ID}
		if context.Member.Learner {
			change.Type = raftpb.ConfChangeAddLearnerNode
		}
		err = m.mayAdd()
	case *MemberRemoveRequest:
		change = raftpb.ConfChange{Type: raftpb.ConfChangeRemoveNode, NodeID: r.ID}
		err = m.mayRemove(r.ID)
	case *MemberPromoteRequest:
		context.Member, context.Promote = m.cluster.members[r.ID], true
		change = raftpb.ConfChange{Type: raftpb.ConfChangeAddNode, NodeID: r.ID}
		err = m.mayPromote(r.ID)
	}
	return change, context, err
}

// mayAdd counts the newcomer as a voter that is down, whether it will vote or not (etcdserver/util.go:
// isConnectedToQuorumAfterAddingNewMemberSince).
func (m *Member) mayAdd() error {
	if n := m.voters(); n > 1 && m.reachedVoters() < quorum(n+1) {
		return ErrUnhealthy
	}
	return nil
}

// mayRemove lets learners go, and voters that are down anyway (etcdserver/server.go: mayRemoveMember).
func (m *Member) mayRemove(id uint64) error {
	p, ok := m.cluster.members[id]
	if !ok || p.Learner || !m.hears(id) || m.reachedVoters()-1 >= quorum(m.voters()-1) {
		return nil
	}
	return ErrUnhealthy
}

func (m *Member) mayPromote(id uint64) error {
	if _, ok := m.cluster.members[id]; !ok {
		return ErrMemberNotFound
	}
	if !m.learnerReady(id) {
		return ErrLearnerNotReady
	}
	return nil
}

func (m *Member) learnerReady(id uint64) bool {
	var leader, learner uint64
	m.node.WithProgress(func(other uint64, _ raft.ProgressType, p tracker.Progress) {
		if other == m.id {
			leader = p.Match
		}
		if other == id {
			learner = p.Match
		}
	})
	return learner*100 >= leader*readyPercent
}

func quorum(voters int) int { return voters/2 + 1 }

func (m *Member) voters() (n int) {
	for _, p := range m.cluster.sorted() {
		if !p.Learner {
			n++
		}
	}
	return n
}

// healthInterval is how long members must have been connected before they count for a change of the membership
// (etcdserver/server.go: HealthInterval).
const healthInterval = 5 * time.Second

// reachedVoters counts the voters that this member has been connected to for a while, itself included.
func (m *Member) reachedVoters() int { return m.votersConnectedFor(healthInterval) }

func (m *Member) votersConnectedFor(span time.Duration) (n int) {
	for _, p := range m.cluster.sorted() {
		if !p.Learner && (p.ID == m.id || m.connectedFor(p.ID) > span) {
			n++
		}
	}
	return n
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

// validate finds what does not fit the list of members (membership/cluster.go: ValidateConfigurationChange).
func (m *Member) validate(change *raftpb.ConfChange, context *membershipChange) error {
	p, exists := m.cluster.members[change.NodeID]
	switch {
	case m.cluster.removed[change.NodeID]:
		return ErrMemberNotFound
	case change.Type == raftpb.ConfChangeRemoveNode || context.Promote:
		if !exists {
			return ErrMemberNotFound
		}
		if context.Promote && !p.Learner {
			return ErrMemberNotLearner
		}
		return nil
	case exists:
		return ErrMemberExists
	default:
		return m.cluster.validateNew(context.Member)
	}
}

func (c *cluster) validateNew(p Peer) error {
	learners := 0
	for _, other := range c.sorted() {
		if other.PeerAddress == p.PeerAddress {
			return ErrPeerURLExists
		}
		if other.Learner {
			learners++
		}
	}
	if p.Learner && learners >= maxLearners {
		return ErrTooManyLearners
	}
	return nil
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
