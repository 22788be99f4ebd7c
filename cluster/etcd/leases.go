package etcd

import (
	"errors"
	"math"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// leases is the member's side of leases: which renewals wait, and when the leader looks for expired ones.
type leases struct {
	check sim.Timer
	// promoted is when this member's lessor became the leader's; looks are 500 ms apart from there.
	promoted sim.Monotonic
	// renewals wait for the revocation of a lease that has expired.
	renewals []renewal
	// expiries are ends of leases that wait to be proposed.
	expiries []raftpb.Entry
}

type renewal struct {
	id   int64
	call *network.ServerCall
}

// LeaseExpiry is the leader's own request to end a lease. Unlike a client's it is not passed on to another leader: a
// member that has lost its leadership without noticing, behind a disk that stalls or after a pause, must not end leases
// that the next leader has extended (etcd 12528, 15247).
type LeaseExpiry struct{ ID int64 }

// expire proposes the end of leases. Whether this member still leads only raft knows when it proposes.
func (m *Member) expire(ids []int64) {
	for _, id := range ids {
		e := m.newCommand(&LeaseExpiry{id}, commandBytes, nil).entry()
		if m.bugs.oldLeaderRevokes {
			m.waiting = append(m.waiting, e)
		} else {
			m.leases.expiries = append(m.leases.expiries, e)
		}
	}
}

// proposeExpiries adds the ends of leases to what is proposed, or forgets them where raft does not lead any more.
func (m *Member) proposeExpiries() {
	l := &m.leases
	if m.node.BasicStatus().RaftState == raft.StateLeader {
		m.waiting = append(m.waiting, l.expiries...)
	}
	l.expiries = nil
}

// commandBytes is the modelled size of a small command.
const commandBytes = 32

func (m *Member) promoteLessor() {
	m.lessor.Promote(m.monotonic(), m.config.ElectionTimeout)
	m.leases.promoted = m.monotonic()
	m.armLeaseCheck()
}

func (m *Member) demoteLessor() {
	m.lessor.Demote()
	m.process.Cancel(m.leases.check)
	m.answerRenewals(func(int64) bool { return true }, lease.ErrNotPrimary)
}

// armLeaseCheck plans the leader's next look: the first one after the next expiry, so that leases nobody lets expire
// cost nothing.
func (m *Member) armLeaseCheck() {
	m.process.Cancel(m.leases.check)
	next, ok := m.lessor.NextCheck()
	if !ok || !m.lessor.Primary() {
		return
	}
	after := next.Sub(m.leases.promoted)
	after = (after + lease.CheckInterval - 1) / lease.CheckInterval * lease.CheckInterval
	due := m.leases.promoted.Add(after).Sub(m.monotonic())
	m.leases.check = m.process.At(max(due, 0), 0, m.kinds.leaseCheck, 0, m)
}

func checkLeases(_ uint64, ref any) {
	m := ref.(*Member)
	if m.stopped || !m.lessor.Primary() {
		return
	}
	ids := m.lessor.Expired(m.monotonic())
	m.expire(ids)
	if len(ids) == lease.RevokesPerCheck { // There may be more, which wait for the next look.
		m.leases.check = m.process.At(lease.CheckInterval, 0, m.kinds.leaseCheck, 0, m)
	} else {
		m.armLeaseCheck()
	}
	m.wake()
}

func (m *Member) applyGrant(r *LeaseGrantRequest) (any, int, error) {
	l, err := m.lessor.Grant(r.ID, r.TTLSeconds, m.monotonic())
	if err != nil {
		return nil, 0, err
	}
	m.armLeaseCheck()
	return &LeaseGrantResponse{Header: m.header(), ID: l.ID, TTLSeconds: l.TTLSeconds}, headerBytes, nil
}

func (m *Member) applyRevoke(id int64) (any, int, error) {
	keys, err := m.lessor.Revoke(id)
	if err != nil {
		return nil, 0, err
	}
	m.store.DeleteKeys(keys)
	m.answerRenewals(func(waits int64) bool { return waits == id }, ErrLeaseNotFound)
	return &LeaseRevokeResponse{Header: m.header()}, headerBytes, nil
}

// answerRenewals ends the wait of renewals. Those that have lost their leader go on to the next one.
func (m *Member) answerRenewals(which func(id int64) bool, err error) {
	rest := m.leases.renewals[:0]
	for _, r := range m.leases.renewals {
		switch {
		case !which(r.id):
			rest = append(rest, r)
		case errors.Is(err, lease.ErrNotPrimary):
			r.call.Fail(ErrLeaderChanged)
		default:
			m.replyRenewal(r.call, r.id, 0, err)
		}
	}
	m.leases.renewals = rest
}

// grant proposes a lease; the id is the client's or one of the member's own.
func (m *Member) grant(r *LeaseGrantRequest, call *network.ServerCall) {
	if m.full(leaseQuotaBytes) {
		m.raiseNoSpace(call)
		return
	}
	if r.ID == 0 {
		r = &LeaseGrantRequest{ID: m.newLeaseID(), TTLSeconds: r.TTLSeconds}
	}
	m.submit(r, commandBytes, call)
}

// newLeaseID makes an id that no other member and no other incarnation makes.
func (m *Member) newLeaseID() int64 {
	m.requests++
	high := m.id<<24 ^ uint64(m.process.Incarnation())<<44
	return int64((high&^0xffffff | m.requests&0xffffff) & math.MaxInt64)
}

// keepAlive renews a lease. Only the leader can, so that others ask it. One that has been held up, by its disk, asks
// first whether it still leads (etcdserver: ensureLeadership): the next leader may have let the lease go.
func (m *Member) keepAlive(call *network.ServerCall) {
	switch {
	case !m.IsLeader():
		m.toLeader(call)
	case m.heldUp():
		m.awaitRound(call)
	default:
		m.awaitCommitted(call)
	}
}

// heldUpTicks is after how many heartbeats without a turn a leader is not sure any more that it leads
// (etcdserver/server.go: isActive).
const heldUpTicks = 3

// heldUp reports whether the disk has kept the member from talking to the others for a while.
func (m *Member) heldUp() bool {
	return m.saving && m.monotonic().Sub(m.savedAt) >= heldUpTicks*m.config.HeartbeatInterval
}

func (m *Member) renew(r *LeaseKeepAliveRequest, call *network.ServerCall) {
	if !m.IsLeader() || !m.lessor.Primary() {
		call.Fail(ErrLeaderChanged)
		return
	}
	ttl, err := m.lessor.Renew(r.ID, m.monotonic())
	if errors.Is(err, lease.ErrExpiring) {
		m.leases.renewals = append(m.leases.renewals, renewal{r.ID, call})
		return
	}
	m.replyRenewal(call, r.ID, ttl, err)
}

// replyRenewal answers a renewal. A lease that is not there is no error to etcd's clients but a time of 0.
func (m *Member) replyRenewal(call *network.ServerCall, id, ttl int64, err error) {
	if err != nil && !errors.Is(err, ErrLeaseNotFound) {
		call.Fail(err)
		return
	}
	call.Reply(&LeaseKeepAliveResponse{Header: m.header(), ID: id, TTLSeconds: ttl}, headerBytes)
}

// timeToLive says how long a lease has left, which the leader knows.
func (m *Member) timeToLive(call *network.ServerCall) {
	if !m.IsLeader() {
		m.toLeader(call)
		return
	}
	m.awaitCommitted(call)
}

func (m *Member) tellTimeToLive(r *LeaseTimeToLiveRequest, call *network.ServerCall) {
	if !m.IsLeader() || !m.lessor.Primary() {
		call.Fail(ErrLeaderChanged)
		return
	}
	left, granted, err := m.lessor.TimeToLive(r.ID, m.monotonic())
	response := &LeaseTimeToLiveResponse{Header: m.header(), ID: r.ID, TTLSeconds: left, GrantedTTLSeconds: granted}
	if err != nil {
		response.TTLSeconds = -1
	}
	if r.Keys {
		response.Keys = m.lessor.Keys(r.ID)
	}
	call.Reply(response, headerBytes+64*len(response.Keys))
}

func (m *Member) listLeases(call *network.ServerCall) {
	response := &LeaseLeasesResponse{Header: m.header()}
	for _, l := range m.lessor.List() {
		response.IDs = append(response.IDs, l.ID)
	}
	call.Reply(response, headerBytes+8*len(response.IDs))
}

// toLeader has the leader answer a call, or fails it where there is none: the client tries again.
func (m *Member) toLeader(call *network.ServerCall) {
	p := m.peers[m.leader]
	if p == nil {
		call.Fail(ErrNoLeader)
		return
	}
	asked := m.header()
	p.bulk.Call(call.Method(), call.Payload(), call.SizeBytes(), m.config.requestTimeout(), func(answer any, err error) {
		if err != nil {
			call.Fail(err)
			return
		}
		call.Reply(m.passedOn(answer, asked), headerBytes)
	})
}

// passedOn is the leader's answer under the header of the member that was asked: of a renewal that from before it, since
// the lease may have been revoked meanwhile.
func (m *Member) passedOn(answer any, asked Header) any {
	switch a := answer.(type) {
	case *LeaseKeepAliveResponse:
		own := *a
		own.Header = asked
		return &own
	case *LeaseTimeToLiveResponse:
		own := *a
		own.Header = m.header()
		return &own
	case *MemberListResponse:
		return &MemberListResponse{Header: m.header(), Members: a.Members}
	default:
		return answer
	}
}

// serveForwarded answers what another member has passed on to its leader.
func (m *Member) serveForwarded(call *network.ServerCall) {
	if !m.IsLeader() {
		call.Fail(ErrNotLeader)
		return
	}
	switch call.Payload().(type) {
	case *LeaseKeepAliveRequest:
		m.keepAlive(call)
	case *LeaseTimeToLiveRequest:
		m.timeToLive(call)
	case *MemberAddRequest, *MemberRemoveRequest, *MemberPromoteRequest:
		m.changeMembers(call)
	default:
		call.Fail(ErrNotLeader)
	}
}
