package queue

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

func (q *Queue) activeLess(a, b *framework.QueuedPodInfo) bool {
	if q.config.Less(a, b) {
		return true
	}
	if q.config.Less(b, a) {
		return false
	}
	return a.Sequence < b.Sequence
}

func (q *Queue) backoffLess(a, b *framework.QueuedPodInfo) bool {
	if ta, tb := q.backoffTime(a), q.backoffTime(b); ta != tb {
		return ta < tb
	}
	return q.activeLess(a, b)
}

func (q *Queue) errorBackoffLess(a, b *framework.QueuedPodInfo) bool {
	if ta, tb := q.backoffTime(a), q.backoffTime(b); ta != tb {
		return ta < tb
	}
	return a.Sequence < b.Sequence
}

// isBackingOff reports whether the pod must still wait. The whole second in which its back-off ends counts.
func (q *Queue) isBackingOff(info *framework.QueuedPodInfo) bool {
	return q.backoffTime(info) >= q.config.Now().Truncate(backoffWindow)
}

// backoffTime returns the second in which the pod's back-off ends; zero if it has none.
func (q *Queue) backoffTime(info *framework.QueuedPodInfo) framework.Time {
	count := info.UnschedulableCount
	if info.ConsecutiveErrors > 0 {
		count = info.ConsecutiveErrors
	}
	if q.config.MaxBackoff < 0 || count == 0 {
		return 0
	}
	if info.BackoffExpiration == 0 {
		info.BackoffExpiration = info.Timestamp.Add(q.backoffDuration(count)).Truncate(backoffWindow)
	}
	return info.BackoffExpiration
}

// backoffDuration doubles with each failure, up to the maximum.
func (q *Queue) backoffDuration(count int) time.Duration {
	shift := count - 1
	if q.config.InitialBackoff > q.config.MaxBackoff>>shift {
		return q.config.MaxBackoff
	}
	return q.config.InitialBackoff << shift
}

// Flush moves pods whose back-off is over to active, and brings back pods that stayed too long in unschedulable. It asks for
// the next flush.
func (q *Queue) Flush() {
	now := q.config.Now()
	if now < q.flushAt {
		q.config.FlushAt(q.flushAt) // the clock was set back: what was asked for stands
		return
	}
	q.flushAt = 0
	q.flushBackoff(&q.backoff)
	q.flushBackoff(&q.errorBackoff)
	if q.leftover != 0 && now >= q.leftover {
		q.flushLeftover(now)
	}
	q.askAgain()
}

func (q *Queue) flushBackoff(h *heap) {
	for i := h.peek(); i != nil && !q.isBackingOff(i.info); i = h.peek() {
		q.toActive(i, framework.BackoffComplete, true)
	}
}

func (q *Queue) flushLeftover(now framework.Time) {
	q.leftover = 0
	timeout := change{event: framework.EventUnschedulableTimeout}
	for _, i := range q.unschedulable.candidates(0, true) {
		switch {
		case i.info.Gated():
		case now.Sub(i.info.Timestamp) > q.config.MaxInUnschedulable:
			i.info.FlushedFromUnschedulable = true
			q.requeue(i, q.worth(i.info, timeout), timeout.event.Label())
		default:
			q.expectLeftover(i.info)
		}
	}
	q.inFlight.logIfAny(timeout)
}

// expectLeftover asks for the first periodic look at which the pod will have stayed too long.
func (q *Queue) expectLeftover(info *framework.QueuedPodInfo) {
	stays := info.Timestamp.Add(q.config.MaxInUnschedulable).Sub(q.start)
	look := q.start.Add((stays/leftoverPeriod + 1) * leftoverPeriod)
	if q.leftover == 0 || look < q.leftover {
		q.leftover = look
	}
	q.askForFlush(look)
}

func (q *Queue) askAgain() {
	for _, h := range []*heap{&q.backoff, &q.errorBackoff} {
		if i := h.peek(); i != nil {
			q.askForFlush(q.backoffTime(i.info).Add(backoffWindow))
		}
	}
	if q.leftover != 0 {
		q.askForFlush(q.leftover)
	}
}

func (q *Queue) askForFlush(at framework.Time) {
	if q.flushAt == 0 || at < q.flushAt {
		q.flushAt = at
		q.config.FlushAt(at)
	}
}
