package etcd

import (
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/sim"
)

// electionClock is when a member campaigns or sends heartbeats. raft's own clock would draw its jitter from a global
// source, so that it only gets to count: a leader ticks, and everybody else has a deadline of the simulation's own,
// drawn anew with each term and role and put off by each word of the leader. The ticks that a follower would have
// counted meanwhile are made up for before raft looks at the count, so that an idle follower has no timer per tick.
type electionClock struct {
	heartbeat time.Duration
	ticks     int
	timeout   time.Duration
	// contact is when the leader was last heard; lastTick is up to when raft has counted.
	contact, lastTick sim.Monotonic
	// elected is when the present leader became known.
	elected sim.Monotonic
	timer   sim.Timer
	ticking bool
}

// Draws of a member's stream.
const (
	purposeElection sim.Purpose = iota
	purposeProgress
	purposeClient
)

// start arms the first deadline. etcd lets a booting member campaign early: it skips all but two ticks of the election
// timeout (etcdserver/server.go: adjustTicks).
func (c *electionClock) start(m *Member) {
	c.heartbeat, c.ticks = m.config.HeartbeatInterval, m.config.electionTicks()
	c.contact, c.lastTick = m.process.Monotonic(), m.process.Monotonic()
	c.timeout = 2*c.heartbeat + c.jitter(m)
	c.arm(m, c.timeout)
}

func (c *electionClock) jitter(m *Member) time.Duration {
	return time.Duration(m.draws.Int63n(purposeElection, int64(m.config.ElectionTimeout)))
}

func (c *electionClock) drawAnew(m *Member) {
	c.timeout = m.config.ElectionTimeout + c.jitter(m)
	c.contact = m.process.Monotonic()
}

func (c *electionClock) arm(m *Member, after time.Duration) {
	m.process.Cancel(c.timer)
	c.timer = m.process.At(after, 0, m.kinds.election, 0, m)
}

// electionDue is the deadline: of a member that has heard of its leader meanwhile it moves on.
func electionDue(_ uint64, ref any) {
	m := ref.(*Member)
	c := &m.clock
	if m.stopped || c.ticking {
		return
	}
	if left := c.timeout - m.process.Monotonic().Sub(c.contact); left > 0 {
		c.arm(m, left)
		return
	}
	c.drawAnew(m)
	c.arm(m, c.timeout)
	c.catchUp(m)
	if err := m.node.Campaign(); err != nil && err != raft.ErrProposalDropped {
		panic("etcd: campaigning: " + err.Error())
	}
	m.run()
}

// heard puts the deadline off after a message by which a leader of this term or a newer one shows itself.
func (c *electionClock) heard(m *Member, message *raftpb.Message) {
	switch message.Type {
	case raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap:
		if message.Term >= m.term {
			c.contact = m.process.Monotonic()
		}
	}
}

// catchUp counts the ticks since the last time, for members that have no timer for them.
func (c *electionClock) catchUp(m *Member) {
	if c.ticking {
		return
	}
	due := int(m.process.Monotonic().Sub(c.lastTick) / c.heartbeat)
	if due <= 0 {
		return
	}
	c.lastTick = c.lastTick.Add(time.Duration(due) * c.heartbeat)
	for range min(due, 2*c.ticks) { // More change nothing: raft asks whether an election timeout has passed.
		m.node.TickQuiesced()
	}
}

// startTicking begins a leader's heartbeats.
func (c *electionClock) startTicking(m *Member) {
	c.ticking = true
	m.process.Cancel(c.timer)
	c.timer = m.process.At(c.heartbeat, 0, m.kinds.tick, 0, m)
}

func (c *electionClock) stopTicking(m *Member) {
	c.ticking = false
	c.lastTick = m.process.Monotonic()
	c.arm(m, c.timeout)
}

func tick(_ uint64, ref any) {
	m := ref.(*Member)
	c := &m.clock
	if m.stopped || !c.ticking {
		return
	}
	c.timer = m.process.At(c.heartbeat, 0, m.kinds.tick, 0, m)
	m.node.Tick()
	m.run()
}

func (c *electionClock) leaderElected(m *Member) { c.elected = m.process.Monotonic() }

// leaderFailedSince reports whether the leadership changed while a request that came at start was waiting.
func (c *electionClock) leaderFailedSince(m *Member, start sim.Monotonic) bool {
	return start.Sub(c.elected.Add(-2*m.config.ElectionTimeout)) > 0 && start < c.elected
}
