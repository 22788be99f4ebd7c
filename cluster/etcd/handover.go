package etcd

import (
	"errors"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Errors of handing the leadership over, in etcd's words (api/v3rpc/rpctypes/error.go).
var (
	ErrBadLeaderTransferee   = errors.New("etcdserver: bad leader transferee")
	ErrTimeoutLeaderTransfer = errors.New("etcdserver: request timed out, leader transfer took too long")
)

// handoverCheck is how often a leader that hands over looks whether the heir leads (etcdserver/server.go: one tick).
const handoverCheck = 100 * time.Millisecond

// handover is a leader's wait until another member leads, at most for a request's time.
type handover struct {
	member *Member
	heir   uint64
	began  sim.Monotonic
	// done is told whether the heir leads.
	done func(succeeded bool)
}

// handOver makes another member the leader.
func (m *Member) handOver(heir uint64, done func(succeeded bool)) {
	m.node.TransferLeader(heir)
	m.wake()
	h := &handover{member: m, heir: heir, began: m.monotonic(), done: done}
	h.proceed()
}

func (h *handover) proceed() {
	m := h.member
	switch {
	case m.stopped:
	case m.leader == h.heir:
		h.done(true)
	case m.monotonic().Sub(h.began) >= m.config.requestTimeout():
		h.done(false)
	default:
		m.process.At(handoverCheck, 0, m.kinds.handover, 0, h)
	}
}

func handoverDue(_ uint64, ref any) { ref.(*handover).proceed() }

// MoveLeaderRequest hands the leadership to another member. Only the leader can.
type MoveLeaderRequest struct{ TargetID uint64 }

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
	m.handOver(r.TargetID, func(succeeded bool) {
		if !succeeded {
			call.Fail(ErrTimeoutLeaderTransfer)
			return
		}
		call.Reply(&EmptyResponse{m.header()}, headerBytes)
	})
}

// Shutdown ends the member in order, as SIGTERM does: a leader hands the leadership to the voter that it has been
// connected to longest, and then the process ends. done, which may be nil, is called before that.
func (m *Member) Shutdown(done func()) {
	leave := func(bool) {
		m.stopped = true
		if done != nil {
			done()
		}
		m.process.Kill()
	}
	heir := m.longestConnected()
	if !m.Serving() || !m.IsLeader() || heir == 0 {
		leave(true)
		return
	}
	m.handOver(heir, leave)
}

// longestConnected is the voter that has been connected for the longest time, the lowest id among equals; 0 where
// there is none.
func (m *Member) longestConnected() (longest uint64) {
	for _, p := range m.cluster.sorted() {
		if !p.Learner && m.connectedFor(p.ID) > m.connectedFor(longest) {
			longest = p.ID
		}
	}
	return longest
}
