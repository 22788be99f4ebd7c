package client

import (
	"container/heap"
	"time"

	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
)

// waitingHeap orders the keys of AddAfter by when they become ready, and by arrival where that is equal.
type waitingHeap[K comparable] []*entry[K]

func (h waitingHeap[K]) Len() int { return len(h) }

func (h waitingHeap[K]) Less(i, j int) bool {
	if h[i].readyAt != h[j].readyAt {
		return h[i].readyAt < h[j].readyAt
	}
	return h[i].sequence < h[j].sequence
}

func (h waitingHeap[K]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *waitingHeap[K]) Push(x any) {
	e := x.(*entry[K])
	*h = append(*h, e)
	e.place = len(*h)
}

func (h *waitingHeap[K]) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	e.place = 0
	return e
}

// wait puts a key into the heap, or moves it forward if it would be ready sooner now.
func (q *WorkQueue[K]) wait(e *entry[K], readyAt sim.Monotonic) {
	if e.place > 0 {
		if readyAt < e.readyAt {
			e.readyAt = readyAt
			heap.Fix(&q.waiting, e.place-1)
		}
	} else {
		q.sequence++
		e.readyAt, e.sequence = readyAt, q.sequence
		heap.Push(&q.waiting, e)
	}
	q.arm()
}

// arm sets the queue's one timer to the first key of the heap.
func (q *WorkQueue[K]) arm() {
	if len(q.waiting) == 0 {
		return
	}
	first := q.waiting[0].readyAt
	if !q.timer.IsZero() {
		if q.armed == first {
			return
		}
		q.process.Cancel(q.timer)
	}
	q.armed = first
	q.timer = q.process.At(max(first.Sub(q.process.Monotonic()), shortestWait), 0, q.kind, 0, q)
}

// addReady adds all keys that are ready by now.
func (q *WorkQueue[K]) addReady() {
	q.timer = sim.Timer{}
	now := q.process.Monotonic()
	for len(q.waiting) > 0 && q.waiting[0].readyAt <= now {
		e := heap.Pop(&q.waiting).(*entry[K])
		q.add(e)
	}
	q.arm()
}

// queueMetrics are client-go's series of one queue. workqueue_unfinished_work_seconds and
// workqueue_longest_running_processor_seconds are left out: upstream refreshes them every 500 ms, and idle time must
// cost nothing here. A nil *queueMetrics measures nothing.
type queueMetrics struct {
	depth    *metrics.Gauge
	adds     *metrics.Counter
	retries  *metrics.Counter
	latency  *metrics.Histogram
	duration *metrics.Histogram
}

func newQueueMetrics(r *metrics.Registry, name string) *queueMetrics {
	if r == nil || name == "" {
		return nil
	}
	m := &queueMetrics{
		depth:    r.Gauge("workqueue_depth", "name", name),
		adds:     r.Counter("workqueue_adds_total", "name", name),
		retries:  r.Counter("workqueue_retries_total", "name", name),
		latency:  r.Histogram("workqueue_queue_duration_seconds", "name", name),
		duration: r.Histogram("workqueue_work_duration_seconds", "name", name),
	}
	m.depth.Set(0) // What an earlier incarnation held is lost.
	return m
}

func (m *queueMetrics) added() {
	if m != nil {
		m.adds.Inc()
		m.depth.Inc()
	}
}

func (m *queueMetrics) retried() {
	if m != nil {
		m.retries.Inc()
	}
}

func (m *queueMetrics) taken(waited time.Duration) {
	m.depth.Dec()
	m.latency.Observe(waited)
}

func (m *queueMetrics) finished(worked time.Duration) { m.duration.Observe(worked) }
