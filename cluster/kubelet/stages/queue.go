package stages

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// lowest is the number of weights besides 0. KWOK uses 1 for retries and 2 for what was renewed well.
const lowest = 2

// job is an item of a queue. A queue's owner embeds it.
type job[T any] struct {
	item   T
	weight int
	timer  sim.Timer
	queue  *queue[T]
}

// queue is KWOK's weighted delaying queue with a number of workers: a job waits for its delay, then in line. Weight 0
// goes first; when no such job is ready, a round takes up to w jobs of every weight w, the highest first.
type queue[T any] struct {
	process *host.Process
	due     sim.Kind
	workers int
	busy    int
	// work does the job and calls finished once, later or at once.
	work  func(item T, finished func())
	ready fifo[T]
	low   [lowest + 1]fifo[T]
}

func newQueue[T any](p *host.Process, name string, workers int, work func(item T, finished func())) *queue[T] {
	return &queue[T]{process: p, due: p.Kind("kwok."+name, jobDue[T]), workers: workers, work: work}
}

// add puts an item in line after d.
func (q *queue[T]) add(item T, weight int, d time.Duration) *job[T] {
	j := &job[T]{item: item, weight: weight, queue: q}
	q.start(j, d)
	return j
}

func (q *queue[T]) start(j *job[T], d time.Duration) {
	if d <= 0 {
		q.push(j)
	} else {
		j.timer = q.process.At(d, 0, q.due, 0, j)
	}
}

func jobDue[T any](_ uint64, ref any) {
	j := ref.(*job[T])
	j.timer = sim.Timer{}
	j.queue.push(j)
}

// cancel takes a job back, if it still waits for its delay. One in line is done all the same: so does KWOK.
func (q *queue[T]) cancel(j *job[T]) {
	if j.timer != (sim.Timer{}) {
		q.process.Cancel(j.timer)
		j.timer = sim.Timer{}
	}
}

func (q *queue[T]) push(j *job[T]) {
	if j.weight == 0 {
		q.ready.push(j.item)
	} else {
		q.low[j.weight].push(j.item)
	}
	q.dispatch()
}

func (q *queue[T]) dispatch() {
	for q.busy < q.workers {
		item, ok := q.next()
		if !ok {
			return
		}
		q.busy++
		q.work(item, q.finished)
	}
}

func (q *queue[T]) finished() {
	q.busy--
	q.dispatch()
}

func (q *queue[T]) next() (T, bool) {
	if item, ok := q.ready.pop(); ok {
		return item, true
	}
	for w := lowest; w > 0; w-- {
		for range w {
			if item, ok := q.low[w].pop(); ok {
				q.ready.push(item)
			}
		}
	}
	return q.ready.pop()
}

// fifo is a queue that reuses its space.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) push(v T) { f.items = append(f.items, v) }

func (f *fifo[T]) pop() (T, bool) {
	var zero T
	if f.head == len(f.items) {
		return zero, false
	}
	v := f.items[f.head]
	f.items[f.head] = zero
	if f.head++; f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	}
	return v, true
}
