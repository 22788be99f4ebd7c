package client

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// The purposes of this package's draws.
const (
	purposeBackoff sim.Purpose = iota
	purposeWatchTimeout
	purposeElection
	purposeEventRetry
	purposeEventName
)

// The reflector's back-off between attempts to list and watch (client-go tools/cache/reflector.go): with the jitter,
// an API server that is down sees a try every 30 to 60 s.
const (
	backoffInit  = 800 * time.Millisecond
	backoffMax   = 30 * time.Second
	backoffReset = 2 * time.Minute
)

// backoff doubles a delay at every step up to a cap, adds up to as much again as jitter, and starts anew when the last
// start lies more than backoffReset back (apimachinery wait.Backoff.DelayWithReset).
type backoff struct {
	next    time.Duration
	started sim.Monotonic
}

func newBackoff(now sim.Monotonic) backoff { return backoff{next: backoffInit, started: now} }

// step returns the next delay.
func (b *backoff) step(now sim.Monotonic, draws *sim.Stream) time.Duration {
	if now.Sub(b.started) > backoffReset {
		*b = newBackoff(now)
	}
	delay := b.next
	b.next = min(2*b.next, backoffMax)
	return delay + time.Duration(draws.Int63n(purposeBackoff, int64(delay)))
}

// jitter returns d plus a drawn part of d*factor: wait.Jitter upstream. The factor is given in thousandths.
func jitter(draws *sim.Stream, purpose sim.Purpose, d time.Duration, factorMilli int64) time.Duration {
	span := int64(d) / 1000 * factorMilli
	if span <= 0 {
		return d
	}
	return d + time.Duration(draws.Int63n(purpose, span))
}

// streamOf names the draws of one part of one process: by what the part is, never by how many came before it.
func streamOf(p *host.Process, part string) *sim.Stream {
	return p.Stream(p.Name() + "/client/" + part)
}
