package network

import (
	"github.com/fauxkube/fauxkube/sim"
)

// ping is how an end finds out that the other is gone. While nothing is wrong no ping is sent: each would be answered, and
// the instant of the last answer is arithmetic. Only when trouble begins, pings become messages.
type ping struct {
	config Ping
	timer  sim.Timer
	sentAt sim.Time
}

const pingBytes = 17 // An HTTP/2 PING frame: 9 bytes of header, 8 of payload.

// watch begins to send pings, at the time at which the next one would have been due.
func (e *end) watch() {
	g := &e.ping
	if !e.open || g.config.Idle <= 0 || e.network().simulation.Scheduled(g.timer) {
		return
	}
	now := e.now()
	quiet := now.Sub(e.lastRead) % g.config.Idle
	e.lastRead = now.Add(-quiet)
	e.scheduleWatch(e.lastRead.Add(g.config.Idle))
}

func (e *end) scheduleWatch(at sim.Time) {
	e.ping.timer = e.process.AtTime(max(at, e.now()), 0, e.network().kinds.pingDue, 0, e)
}

// trouble: an answer to a ping is not to be taken for granted.
func (e *end) trouble() bool {
	m := e.peer.process.Machine()
	return e.path.troubled || !e.peer.open || !m.Up() || e.peer.process.Paused()
}

// pingDue sends a ping if nothing was read for long enough; it ends the watch when all is well.
func pingDue(_ uint64, ref any) {
	e := ref.(*end)
	if !e.open {
		return
	}
	g, now := &e.ping, e.now()
	due := e.lastRead.Add(g.config.Idle)
	if now < due {
		e.keepWatching(due)
		return
	}
	g.sentAt = now
	n := e.network()
	g.timer = e.process.AtTime(now.Add(g.config.Timeout), 0, n.kinds.pingExpired, 0, e)
	e.send(n.kinds.ping, pingBytes, 0, e.peer)
}

func (e *end) keepWatching(due sim.Time) {
	if e.trouble() {
		e.scheduleWatch(due)
	}
}

// receivePing answers.
func receivePing(_ uint64, ref any) {
	e := ref.(*end)
	if e.received() {
		e.send(e.network().kinds.pong, pingBytes, 0, e.peer)
	}
}

// receivePong is a read like any other.
func receivePong(_ uint64, ref any) { ref.(*end).received() }

// pingExpired breaks the connection unless something was read since the ping.
func pingExpired(_ uint64, ref any) {
	e := ref.(*end)
	if !e.open {
		return
	}
	if e.lastRead >= e.ping.sentAt || e.answeredByKernel() {
		e.lastRead = max(e.lastRead, e.ping.sentAt)
		e.keepWatching(e.lastRead.Add(e.ping.config.Idle))
		return
	}
	e.abort(ErrLost)
}

// answeredByKernel: the peer's process does not read, but its operating system has answered the keep-alive.
func (e *end) answeredByKernel() bool {
	p := e.peer
	return e.ping.config.Kernel && p.open && p.process.Machine().Up() && !p.process.Machine().Paused() &&
		!e.path.blocked && !e.path.reverse.blocked
}

func (g *ping) stop(e *end) {
	e.network().simulation.Cancel(g.timer)
	g.timer = sim.Timer{}
}
