package network

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// segment is something on its way, or waiting to be.
type segment struct {
	kind sim.Kind
	size int64
	tag  uint64
	ref  any
}

// tcp is what the operating system knows about the sending direction of an end while something is wrong.
type tcp struct {
	// stalled is what could not be sent, in order; stalledBytes its length.
	stalled      []segment
	stalledBytes int64
	// unacknowledged counts what got through while nothing came back.
	unacknowledged int64
	// waitsSince is when the first segment was sent that is still unanswered; 0 if there is none.
	waitsSince sim.Time
	retry      sim.Timer
	giveUp     sim.Timer
	resetting  bool
}

// orphanLimit is about how long Linux goes on trying to say goodbye for a socket that no process holds any more
// (tcp_orphan_retries 0, which means 8 tries with a doubling time-out: 200 ms x (2^9 - 1)).
const orphanLimit = 102 * time.Second

// sendCarefully is send where not everything is well.
func (e *end) sendCarefully(s segment) {
	if len(e.stalled) > 0 || e.cannotSend(s.size) {
		e.stall(s)
		return
	}
	e.transmit(s)
}

// cannotSend: the path is cut, or acknowledgements are missing and the window is full.
func (e *end) cannotSend(size int64) bool {
	if e.path.blocked {
		return true
	}
	if e.path.reverse.blocked {
		if e.unacknowledged >= e.network().config.Unacknowledged {
			return true
		}
		e.unacknowledged += size
	}
	return false
}

// transmit sends over a path that is open, with whatever else is wrong with it.
func (e *end) transmit(s segment) {
	n, p := e.network(), e.path
	now := n.simulation.Now()
	if !e.peer.open && s.kind != n.kinds.reset {
		e.unanswered()
		return
	}
	at := p.depart(now, s.size).Add(e.draws.Duration(purposeLatency, p.config.Latency))
	if p.abnormal {
		at = max(at.Add(p.hold(e.draws, s.size)), p.cloggedUntil)
		if p.config.CorruptPPM > 0 && e.draws.Chance(purposeCorrupt, p.config.CorruptPPM) {
			e.corrupt(max(at, e.lastArrival))
			return
		}
	}
	if n.hunting {
		at = at.Add(e.huntDelay())
	}
	e.deliver(max(at, e.lastArrival), s.kind, s.size, s.tag, s.ref)
}

// huntDelay makes one message in sixteen late by a heavy tail when hunting.
func (e *end) huntDelay() time.Duration {
	u := e.draws.Uint64(purposeHunt)
	if u&15 != 0 {
		return 0
	}
	return sim.HeavyTail(50*time.Microsecond, 200*time.Millisecond).Sample(sim.Mix(u, 3))
}

// stall keeps a segment for when the path opens.
func (e *end) stall(s segment) {
	e.stalled = append(e.stalled, s)
	e.stalledBytes += s.size
	e.awaitAnswer()
}

// awaitAnswer starts the clock of TCP's retransmissions.
func (e *end) awaitAnswer() {
	if e.waitsSince != 0 {
		return
	}
	n := e.network()
	e.waitsSince = max(n.simulation.Now(), 1)
	if e.open {
		e.giveUp = e.process.AtTime(e.now().Add(n.config.RetransmitLimit), 0, n.kinds.giveUp, 0, e)
	}
}

// unanswered is what sending to a side that is gone comes to: a reset from its machine, or silence.
func (e *end) unanswered() {
	if !e.open {
		return
	}
	e.awaitAnswer()
	if e.peer.process.Machine().Up() && !e.resetting {
		e.resetting = true
		e.process.AtTime(e.roundTrip(), 0, e.network().kinds.reset, 0, e)
	}
}

// resume is called when the path has opened or the peer's machine is back: what has stalled goes out at TCP's next try.
func (e *end) resume() {
	if e.waitsSince == 0 {
		return
	}
	n := e.network()
	at := nextRetransmission(e.waitsSince, n.simulation.Now())
	n.simulation.Cancel(e.retry)
	e.retry = n.world.AtTime(at, 0, n.kinds.retransmit, uint64(len(e.stalled)), e)
}

// retransmit sends what has stalled, if it can be sent now.
func retransmit(_ uint64, ref any) {
	e := ref.(*end)
	n := e.network()
	if e.path.blocked || e.path.reverse.blocked && e.unacknowledged >= n.config.Unacknowledged {
		return // It has closed again; the next opening tries anew.
	}
	segments, since := e.stalled, e.waitsSince
	e.stalled, e.stalledBytes, e.waitsSince = nil, 0, 0
	n.simulation.Cancel(e.giveUp)
	n.stats.Retransmissions++
	if !e.open {
		e.path.ends.remove(e)
		if e.now().Sub(since) > orphanLimit {
			return
		}
	}
	if len(segments) == 0 {
		e.unanswered() // The peer vanished with segments under way.
	}
	for _, s := range segments {
		e.sendCarefully(s)
	}
	if len(e.blocked) > 0 {
		e.process.AtTime(e.now(), 0, n.kinds.writable, 0, e)
	}
}

// giveUp: TCP has tried for as long as it does.
func giveUp(_ uint64, ref any) {
	ref.(*end).abort(ErrLost)
}

// stop drops what is left when this side closes.
func (t *tcp) stop(e *end) {
	n := e.network()
	n.simulation.Cancel(t.giveUp)
	n.simulation.Cancel(t.retry)
	t.stalled, t.stalledBytes, t.waitsSince = nil, 0, 0
}
