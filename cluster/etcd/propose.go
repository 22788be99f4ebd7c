package etcd

import (
	"errors"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/sim/network"
)

// ErrLostEntries ends a member whose disk has forgotten what it had acknowledged.
var ErrLostEntries = errors.New("the log has lost entries that had been acknowledged")

// newCommand makes a command of a request; call may be nil.
func (m *Member) newCommand(request any, sizeBytes int, call *network.ServerCall) *Command {
	return &Command{
		id: m.canonical.nextCommand(), request: request, sizeBytes: sizeBytes,
		proposer: m, call: call, arrived: m.process.Monotonic(),
	}
}

// submit takes a request that needs agreement: it is decoded, which takes the processor, and then proposed.
func (m *Member) submit(request any, sizeBytes int, call *network.ServerCall) {
	switch {
	case m.committed > m.applied+maxCommittedGap:
		call.Fail(ErrTooManyRequests)
		return
	case sizeBytes > m.config.MaxRequestBytes:
		call.Fail(ErrRequestTooLarge)
		return
	}
	c := m.newCommand(request, sizeBytes, call)
	m.await(c)
	m.process.Charge(m.ops.request, kibibytes(sizeBytes), 0, m.kinds.decoded, 0, c)
}

// proposeOwn proposes what the member itself wants; done, which may be nil, is told how it went.
func (m *Member) proposeOwn(request any, done func(error)) {
	c := m.newCommand(request, commandBytes, nil)
	if c.done = done; done != nil {
		m.await(c)
	}
	m.waiting = append(m.waiting, c.entry())
	m.wake()
}

// kibibytes is the unit of costs by size, rounded up.
func kibibytes(sizeBytes int) int64 { return int64(sizeBytes+1023) >> 10 }

// decoded is when a request has been read and checked.
func decoded(_ uint64, ref any) {
	c := ref.(*Command)
	m := c.proposer
	if m.stopped {
		return
	}
	m.waiting = append(m.waiting, c.entry())
	m.wakeOrRun()
}

// wake makes the member turn at the end of this instant, so that everything that comes at one instant is proposed at
// once. While it waits for the disk there is no need: it turns when the disk is done.
func (m *Member) wake() {
	if !m.drainArmed && m.serving && !m.saving {
		m.drainArmed = true
		m.process.At(0, 0, m.kinds.drain, 0, m)
	}
}

// wakeOrRun is wake for an event that does nothing else: it is the end of the instant itself where nothing more is due.
func (m *Member) wakeOrRun() {
	if !m.drainArmed && m.serving && m.process.LastOfInstant() {
		m.run()
		return
	}
	m.wake()
}

func drain(_ uint64, ref any) {
	m := ref.(*Member)
	m.drainArmed = false
	if !m.stopped {
		m.run()
	}
}

// propose hands everything that waits to raft as one proposal of many entries: a leader appends them, a follower sends
// them to its leader. Without a leader they wait for one.
func (m *Member) propose() {
	if len(m.leases.expiries) > 0 {
		m.proposeExpiries()
	}
	if len(m.waiting) == 0 || m.leader == 0 {
		return
	}
	err := m.node.Step(raftpb.Message{Type: raftpb.MsgProp, From: m.id, Entries: m.waiting})
	if errors.Is(err, raft.ErrProposalDropped) {
		return // The leadership is being handed over: tried again when that is done, at the next turn.
	}
	if err != nil {
		panic("etcd: proposing: " + err.Error())
	}
	if m.node.BasicStatus().RaftState == raft.StateLeader { // raft's own word: the member's may be a turn old.
		clear(m.waiting) // The leader has copied them into its log.
		m.waiting = m.waiting[:0]
	} else { // They are under way to the leader; what comes next is likely to be as many.
		m.waiting = make([]raftpb.Entry, 0, len(m.waiting))
	}
}

// await lists a command as waiting for its answer.
func (m *Member) await(c *Command) {
	m.outstanding.add(c)
	m.metrics.pending.Set(int64(m.outstanding.count))
	m.armSweep()
}

// armSweep watches over the oldest request: all have the same time, so one timer does.
func (m *Member) armSweep() {
	if m.sweepArmed || m.outstanding.first == nil {
		return
	}
	m.sweepArmed = true
	left := m.config.requestTimeout() - m.monotonic().Sub(m.outstanding.first.arrived)
	m.process.At(left, 0, m.kinds.sweep, 0, m)
}

func sweep(_ uint64, ref any) {
	m := ref.(*Member)
	m.sweepArmed = false
	if m.stopped {
		return
	}
	for c := m.outstanding.first; c != nil; c = m.outstanding.first {
		if m.monotonic().Sub(c.arrived) < m.config.requestTimeout() {
			break
		}
		m.metrics.failed.Inc()
		m.answer(c, nil, 0, m.timeoutError(c))
	}
	m.waiting = slices.DeleteFunc(m.waiting, m.abandoned)
	m.armSweep()
}

// abandoned reports whether an entry that still waits for a leader has nobody any more who waits for it.
func (m *Member) abandoned(e raftpb.Entry) bool {
	if e.Type != raftpb.EntryNormal || len(e.Data) == 0 {
		return false
	}
	c := commandOf(&e)
	return c.proposer == m && !c.listed
}

// timeoutError says what explains a time-out (etcdserver/server.go: parseProposeCtxErr).
func (m *Member) timeoutError(c *Command) error {
	since := m.monotonic().Sub(c.arrived)
	switch {
	case m.clock.leaderFailedSince(m, c.arrived):
		return ErrTimeoutDueToLeaderFail
	case m.IsLeader() && m.votersConnectedFor(since) < quorum(m.voters()),
		!m.IsLeader() && m.leader != 0 && m.connectedFor(m.leader) <= since:
		return ErrTimeoutDueToConnectionLost
	default:
		return ErrTimeout
	}
}

// answer replies to whoever waits for a command, once.
func (m *Member) answer(c *Command, response any, sizeBytes int, err error) {
	call, done := c.call, c.done
	c.call, c.done = nil, nil
	m.outstanding.remove(c)
	m.metrics.pending.Set(int64(m.outstanding.count))
	if call != nil {
		reply(call, response, sizeBytes, err)
	}
	if done != nil {
		done(err)
	}
}

// takeCall takes over the call of a command that has been agreed upon, to be answered later: its time for agreement ends here.
func (m *Member) takeCall(c *Command) *network.ServerCall {
	if c.proposer != m {
		return nil
	}
	call := c.call
	c.call = nil
	m.answer(c, nil, 0, nil)
	return call
}

func reply(call *network.ServerCall, response any, sizeBytes int, err error) {
	if err != nil {
		call.Fail(err)
		return
	}
	call.Reply(response, sizeBytes)
}
