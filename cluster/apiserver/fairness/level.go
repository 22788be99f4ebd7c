package fairness

import (
	"math/bits"
	"time"
)

// serviceEstimate is what a request is thought to take before it has run (upstream queueset's estimatedServiceDuration).
const serviceEstimate = 3 * time.Millisecond

// Level is a priority level at work: its queues, its seats and the meter R.
type Level struct {
	config LevelConfig
	limits limits
	demand demand
	drops  drops

	queues    []queue
	ready     [4]uint64 // bit i: queue i has requests waiting; 256 queues at most
	active    int       // queues with requests waiting or executing
	requested int       // seats asked for or in use, over all queues

	seatsInUse   int
	seatsWaiting int
	waiting      int
	executing    int

	meter     seatSeconds // R
	meterTime int64
	robin     int // the queue dispatched last
	enqueues  int
	arriving  *Request // being admitted: its dispatch is Admit's answer
}

// LevelState is a level as reports and metrics see it.
type LevelState struct {
	Name                         string
	NominalSeats, CurrentSeats   int
	Waiting, Executing, InUse    int
	MinSeats, MaxSeats, MaxWidth int
}

func newLevel(c LevelConfig) *Level {
	l := &Level{config: c, queues: make([]queue, c.Queues)}
	for i := range l.queues {
		l.queues[i].index = i
	}
	return l
}

// admit is the arrival of a classified request.
func (l *Level) admit(r *Request, flow uint64, now int64) Verdict {
	l.advance(now)
	r.arrived, r.started, r.arrivalR = now, now, l.meter
	r.total = seatsTimes(r.work.Seats, 1, serviceEstimate) + seatsTimes(r.work.FinalSeats, 1, r.work.Linger)
	switch {
	case l.config.Exempt:
		l.begin(r, now)
		return Execute
	case len(l.queues) == 0:
		if !l.fits(r.maxSeats()) {
			return Reject
		}
		l.begin(r, now)
		return Execute
	}
	q := l.choose(flow)
	if l.seatsInUse >= l.limits.current && q.length >= l.config.QueueLengthLimit {
		return Reject
	}
	l.enqueue(q, r, now)
	l.arriving = r
	l.dispatchAll(now)
	l.arriving = nil
	if r.waiting {
		return Queued
	}
	return Execute
}

// choose deals the flow's hand and takes the queue with the least work waiting; which card is looked at first rotates,
// so that flows with overlapping hands are treated alike.
func (l *Level) choose(flow uint64) *queue {
	var cards [maxHandSize]int
	hand := deal(flow, len(l.queues), l.config.HandSize, &cards)
	offset := l.enqueues % len(hand)
	l.enqueues++
	var best *queue
	least := farthest
	for i := range hand {
		q := &l.queues[hand[(offset+i)%len(hand)]]
		if q.waitingFor < least {
			best, least = q, q.waitingFor
		}
	}
	return best
}

func (l *Level) enqueue(q *queue, r *Request, now int64) {
	if !q.active() {
		q.nextR = l.meter
		l.active++
	}
	r.queue = q
	q.push(r)
	l.ready[q.index/64] |= 1 << (q.index % 64)
	l.waiting++
	l.seatsWaiting += r.maxSeats()
	l.requested += r.maxSeats()
	l.note(now)
	l.bound(q)
}

// leave takes a waiting request out of its queue.
func (l *Level) leave(r *Request) {
	q := r.queue
	q.remove(r)
	if q.length == 0 {
		l.ready[q.index/64] &^= 1 << (q.index % 64)
	}
	l.waiting--
	l.seatsWaiting -= r.maxSeats()
	l.requested -= r.maxSeats()
}

// expire gives up a request that waited too long.
func (l *Level) expire(r *Request, now int64) {
	l.advance(now)
	l.leave(r)
	if !r.queue.active() {
		l.active--
	}
	l.note(now)
	l.bound(r.queue)
}

// dispatchAll dispatches as long as a seat is free and the next request fits.
func (l *Level) dispatchAll(now int64) {
	for l.waiting > 0 && l.seatsInUse < l.limits.current && l.dispatchOne(now) {
	}
}

func (l *Level) dispatchOne(now int64) bool {
	q := l.nextQueue()
	r := q.head
	if !l.fits(r.maxSeats()) {
		return false
	}
	l.robin = q.index
	l.leave(r)
	l.narrow(r)
	l.begin(r, now)
	q.nextR += r.total
	l.bound(q)
	if r != l.arriving {
		r.Owner.Dispatched()
	}
	return true
}

// nextQueue is the queue whose head finishes first in the fair schedule; ties go to the one longest not dispatched.
func (l *Level) nextQueue() *queue {
	var best *queue
	earliest := farthest
	n := len(l.queues)
	for i, left := (l.robin+1)%n, n; left > 0; {
		// Jump over queues without waiting requests, a word of bits at a time.
		word := l.ready[i/64] >> (i % 64)
		skip := bits.TrailingZeros64(word)
		if word == 0 || skip >= left || i+skip >= n {
			step := min(64-i%64, n-i)
			i, left = (i+step)%n, left-step
			continue
		}
		i, left = i+skip, left-skip
		q := &l.queues[i]
		if finish := q.nextR + q.head.total; finish < earliest {
			best, earliest = q, finish
		}
		i, left = (i+1)%n, left-1
	}
	return best
}

// narrow fits lingering seats into the level's limit, keeping their work.
func (l *Level) narrow(r *Request) {
	limit := l.limits.current
	if r.work.FinalSeats <= limit || limit == 0 {
		return
	}
	r.work.Linger = r.work.Linger * time.Duration(r.work.FinalSeats) / time.Duration(limit)
	r.work.FinalSeats = limit
}

// begin occupies the request's seats.
func (l *Level) begin(r *Request, now int64) {
	r.started, r.executing = now, true
	l.executing++
	l.seatsInUse += r.maxSeats()
	if q := r.queue; q != nil {
		q.executing++
		q.seatsInUse += r.maxSeats()
		l.requested += r.maxSeats()
	}
	l.note(now)
}

// fits reports whether so many seats are free. A request wider than the level runs alone.
func (l *Level) fits(seats int) bool {
	if seats > l.limits.current {
		return l.executing == 0
	}
	return l.seatsInUse+seats <= l.limits.current
}

// finish ends the request's execution. Its seats are free at once unless they linger, which the caller's timer ends
// with release.
func (l *Level) finish(r *Request, now int64) (linger time.Duration) {
	l.advance(now)
	r.executing = false
	l.executing--
	if q := r.queue; q != nil {
		q.executing--
		if !q.active() {
			l.active--
		}
		// The queue was charged the estimate; correct it by what the request really took.
		q.nextR -= seatsTimes(r.work.Seats, 1, serviceEstimate-time.Duration(now-r.started))
		l.bound(q)
	}
	if r.work.Linger > 0 {
		l.dispatchAll(now)
		return r.work.Linger
	}
	l.release(r, now)
	return 0
}

// release frees the request's seats and uses them.
func (l *Level) release(r *Request, now int64) {
	l.advance(now)
	l.seatsInUse -= r.maxSeats()
	if r.queue != nil {
		r.queue.seatsInUse -= r.maxSeats()
		l.requested -= r.maxSeats()
	}
	l.note(now)
	l.dispatchAll(now)
}

// advance moves the meter: R grows by the seats that each active queue got since the last step.
func (l *Level) advance(now int64) {
	elapsed := time.Duration(now - l.meterTime)
	l.meterTime = now
	if l.active > 0 {
		l.meter += seatsTimes(min(l.requested, l.limits.current), l.active, elapsed)
	}
}

// bound keeps a queue that could not use its share from saving it up: nothing is dispatched, in the fair schedule,
// before it arrived.
func (l *Level) bound(q *queue) {
	if q.head != nil && q.nextR < q.head.arrivalR {
		q.nextR = q.head.arrivalR
	}
}

func (l *Level) note(now int64) { l.demand.set(l.seatsInUse+l.seatsWaiting, now) }

func (l *Level) state() LevelState {
	return LevelState{
		Name: l.config.Name, NominalSeats: l.limits.nominal, CurrentSeats: l.limits.current,
		MinSeats: l.limits.min, MaxSeats: l.limits.max, MaxWidth: l.limits.width,
		Waiting: l.waiting, Executing: l.executing, InUse: l.seatsInUse,
	}
}
