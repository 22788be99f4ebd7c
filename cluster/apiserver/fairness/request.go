package fairness

import "time"

// Owner is told what happens to its request after Admit answered Queued.
type Owner interface {
	// Dispatched says that the request may execute now; Finish must follow.
	Dispatched()
}

// Verdict is the answer to a request's arrival.
type Verdict uint8

const (
	// Execute: go on now, and call Finish when done.
	Execute Verdict = iota
	// Queued: the Owner hears of the dispatch, unless Expire comes first.
	Queued
	// Reject: answer 429 with Controller.RetryAfter.
	Reject
)

// Request is one request's place in the machinery. The caller embeds it, fills in Owner and hands it to Admit; the other
// fields belong to this package.
type Request struct {
	Owner Owner

	schema *Schema
	level  *Level
	work   Work
	flow   uint64 // deals the request into its level's queues

	queue      *queue
	next, prev *Request // neighbours in the queue
	waiting    bool
	executing  bool
	arrivalR   seatSeconds
	arrived    int64
	started    int64
	total      seatSeconds // work in all
}

// Level is the name of the request's priority level, "" before Admit.
func (r *Request) Level() string {
	if r.level == nil {
		return ""
	}
	return r.level.config.Name
}

// Schema is the name of the request's flow schema, "" before Admit.
func (r *Request) Schema() string {
	if r.schema == nil {
		return ""
	}
	return r.schema.Name
}

// Waited is how long the request has been or was in its queue.
func (r *Request) Waited(now int64) time.Duration {
	if r.waiting {
		return time.Duration(now - r.arrived)
	}
	return time.Duration(r.started - r.arrived)
}

// maxSeats is what the request occupies from dispatch to the end of its linger.
func (r *Request) maxSeats() int { return max(r.work.Seats, r.work.FinalSeats) }

// seatSeconds is work in units of 10 ns of one seat, as upstream's fixed-point SeatSeconds.
type seatSeconds int64

const unitNanos = 10

const farthest = seatSeconds(1<<63 - 1)

// work of num/den seats over d, rounded to the nearest unit, halves away from zero.
func seatsTimes(num, den int, d time.Duration) seatSeconds {
	n, q := int64(num)*int64(d), int64(den)*unitNanos
	if n < 0 {
		return seatSeconds((n - q/2) / q)
	}
	return seatSeconds((n + q/2) / q)
}

// queue is one of a level's queues.
type queue struct {
	index      int
	head, tail *Request
	length     int
	seats      int         // of the waiting requests
	waitingFor seatSeconds // work of the waiting requests
	executing  int
	seatsInUse int
	// nextR is the meter's reading at which the queue's next request starts in the fair schedule.
	nextR seatSeconds
}

func (q *queue) active() bool { return q.length > 0 || q.executing > 0 }

func (q *queue) push(r *Request) {
	r.prev, r.next = q.tail, nil
	if q.tail == nil {
		q.head = r
	} else {
		q.tail.next = r
	}
	q.tail = r
	q.length++
	q.seats += r.maxSeats()
	q.waitingFor += r.total
	r.waiting = true
}

func (q *queue) remove(r *Request) {
	if r.prev == nil {
		q.head = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		q.tail = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.next, r.prev = nil, nil
	q.length--
	q.seats -= r.maxSeats()
	q.waitingFor -= r.total
	r.waiting = false
}
