package apiserver

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// fifo is the deadlines of requests that all have the same time to live. They expire in order of arrival, so one timer for
// the oldest is enough, and a request that ends in time costs no event.
type fifo struct {
	server *Server
	kind   sim.Kind
	after  time.Duration

	waiting []deadline
	head    int // in waiting; what is before it has been dropped
	first   int // number of waiting[0]
	armed   bool
}

// deadline is one request's; of is nil once it no longer matters.
type deadline struct {
	at int64
	of any
}

// add starts the time of a request and returns the number to end it with.
func (f *fifo) add(request any) int {
	f.skip()
	f.waiting = append(f.waiting, deadline{f.server.now() + int64(f.after), request})
	f.arm()
	return f.first + len(f.waiting) - 1
}

// end forgets a request.
func (f *fifo) end(number int) {
	if i := number - f.first; i >= f.head {
		f.waiting[i].of = nil
	}
}

// expired takes the requests whose time is up out of the queue and arms the timer for the next.
func (f *fifo) expired() (due []any) {
	f.armed = false
	f.skip()
	for now := f.server.now(); f.head < len(f.waiting) && f.waiting[f.head].at <= now; f.skip() {
		due = append(due, f.waiting[f.head].of)
		f.waiting[f.head].of = nil
	}
	f.arm()
	return due
}

// skip drops what is over, and the room that it took when that is more than half.
func (f *fifo) skip() {
	for f.head < len(f.waiting) && f.waiting[f.head].of == nil {
		f.head++
	}
	if f.head == len(f.waiting) || f.head > 1024 && f.head > len(f.waiting)/2 {
		f.first += f.head
		f.waiting = f.waiting[:copy(f.waiting, f.waiting[f.head:])]
		f.head = 0
	}
}

func (f *fifo) arm() {
	if f.armed || f.head == len(f.waiting) {
		return
	}
	f.armed = true
	wait := time.Duration(f.waiting[f.head].at - f.server.now())
	f.server.process.At(max(wait, 0), 0, f.kind, 0, f.server)
}
