package client

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// tokensPerUnit is the fixed-point scale of a request bucket: elapsed nanoseconds times milli-requests a second count
// up in units of 1e-12 tokens, exactly.
const tokensPerUnit = 1_000_000_000_000

// level is the arithmetic of a token bucket, without a clock of its own. It may be overdrawn: a negative level is
// what waiters have reserved, as in golang.org/x/time/rate, on which client-go's limiter stands.
type level struct {
	units    int64 // held now, below zero when reserved ahead
	capacity int64 // never above this
	rate     int64 // units gained each nanosecond
	cost     int64 // units of one token
	at       sim.Monotonic
}

// advance fills the bucket up to now. A clock never runs backwards here: it is monotonic.
func (l *level) advance(now sim.Monotonic) {
	elapsed := int64(now.Sub(l.at))
	l.at = now
	if elapsed >= (l.capacity-l.units)/l.rate+1 {
		l.units = l.capacity
		return
	}
	l.units = min(l.capacity, l.units+elapsed*l.rate)
}

// tryTake takes one token if a whole one is there.
func (l *level) tryTake(now sim.Monotonic) bool {
	l.advance(now)
	if l.units < l.cost {
		return false
	}
	l.units -= l.cost
	return true
}

// reserve takes one token and returns how long to wait until it would have been there.
func (l *level) reserve(now sim.Monotonic) time.Duration {
	l.advance(now)
	l.units -= l.cost
	if l.units >= 0 {
		return 0
	}
	return time.Duration((-l.units + l.rate - 1) / l.rate)
}

// TokenBucket is a client-side rate limiter: a bucket of burst tokens that refills at a steady rate, with a queue of
// reservations in order of arrival. Requests that share one wait behind each other whoever sends them; it belongs to
// one process and starts full with each incarnation, as memory does.
type TokenBucket struct {
	process *host.Process
	level   level
	kind    sim.Kind
	lane    sim.Lane
	waiting []reservation // in order of arrival and of due time
	head    int
}

// reservation is a waiter whose token will be there at due.
type reservation struct {
	due  sim.Monotonic
	call grantee
}

// grantee is told that its token is there.
type grantee interface{ granted() }

// NewTokenBucket returns a full bucket of burst tokens that gains qpsMilli/1000 tokens a second. Both must be positive.
func NewTokenBucket(p *host.Process, qpsMilli int64, burst int) *TokenBucket {
	if qpsMilli <= 0 || burst <= 0 {
		panic(fmt.Sprintf("client: token bucket of %d/1000 requests a second and burst %d", qpsMilli, burst))
	}
	return &TokenBucket{process: p, level: newRate(qpsMilli, burst, p.Monotonic()),
		kind: p.Kind("client.bucket", grantDue), lane: p.NewLane()}
}

func newRate(qpsMilli int64, burst int, now sim.Monotonic) level {
	full := int64(burst) * tokensPerUnit
	return level{units: full, capacity: full, rate: qpsMilli, cost: tokensPerUnit, at: now}
}

// TryAccept takes a token if one is there and nobody waits for it.
func (b *TokenBucket) TryAccept() bool { return b.level.tryTake(b.process.Monotonic()) }

// Reserve takes a token ahead of its time and returns how long the caller must wait before using it.
func (b *TokenBucket) Reserve() time.Duration { return b.level.reserve(b.process.Monotonic()) }

// Waiting is the number of requests that hold a reservation and wait.
func (b *TokenBucket) Waiting() int { return len(b.waiting) - b.head }

// Wait parks the task until its token is there and returns how long that took.
func (b *TokenBucket) Wait(t *sim.Task) time.Duration {
	start := b.process.Monotonic()
	w := &waitingTask{}
	if !b.take(w) {
		t.Wait(sim.Forever, &w.Signal)
	}
	return b.process.Monotonic().Sub(start)
}

// waitingTask is a grantee that a task parks on.
type waitingTask struct{ sim.Signal }

func (w *waitingTask) granted() { w.Set() }

// take reports whether the token is there at once; if not, g.granted is called when it is.
func (b *TokenBucket) take(g grantee) bool {
	now := b.process.Monotonic()
	delay := b.level.reserve(now)
	if delay == 0 {
		return true
	}
	b.waiting = append(b.waiting, reservation{due: now.Add(delay), call: g})
	if b.Waiting() == 1 {
		b.arm(delay)
	}
	return false
}

// arm sets the one timer of the bucket: reservations come due in order, so only the first needs it.
func (b *TokenBucket) arm(delay time.Duration) {
	b.process.At(max(delay, shortestWait), b.lane, b.kind, 0, b)
}

// shortestWait is the least that a timer here is set to. On a clock that runs fast a timer may go off a nanosecond
// early by its own reading, and setting it to the missing nanosecond, which is none of true time, would go on for ever.
const shortestWait = time.Microsecond

func grantDue(_ uint64, ref any) { ref.(*TokenBucket).grantDue() }

func (b *TokenBucket) grantDue() {
	now := b.process.Monotonic()
	for b.Waiting() > 0 {
		first := b.waiting[b.head]
		if first.due > now {
			b.arm(first.due.Sub(now))
			return
		}
		b.pop()
		first.call.granted()
	}
}

func (b *TokenBucket) pop() {
	b.waiting[b.head] = reservation{}
	b.head++
	if b.head == len(b.waiting) {
		b.waiting, b.head = b.waiting[:0], 0
	} else if b.head > 64 && b.head*2 > len(b.waiting) {
		n := copy(b.waiting, b.waiting[b.head:])
		clear(b.waiting[n:])
		b.waiting, b.head = b.waiting[:n], 0
	}
}
