package client

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// The default controller rate limiter of client-go util/workqueue: each key's retries double from 5 ms to 1000 s, and
// all retries together are held to 10 a second after a burst of 100.
const (
	defaultBaseDelay       = 5 * time.Millisecond
	defaultMaxDelay        = 1000 * time.Second
	defaultOverallQPSMilli = 10_000
	defaultOverallBurst    = 100
)

// QueueConfig changes a WorkQueue from its defaults.
type QueueConfig struct {
	// BaseDelay and MaxDelay bound the delay of a key's retries, which doubles each time; 0 means 5 ms and 1000 s.
	BaseDelay, MaxDelay time.Duration
	// OverallQPSMilli and OverallBurst limit all retries together; 0 means 10 a second and 100, a negative rate no limit.
	OverallQPSMilli int64
	OverallBurst    int
	// Metrics receives workqueue_*{name}; nil, or a queue without a name, measures nothing.
	Metrics *metrics.Registry
}

// WorkQueue hands keys to workers. A key that is added several times before a worker takes it is taken once; one that
// is added while a worker has it waits until that worker is done, so that no key is worked on twice at once.
type WorkQueue[K comparable] struct {
	process *host.Process
	config  QueueConfig
	metrics *queueMetrics
	overall *level // nil: no limit over all keys

	entries map[K]*entry[K]
	spare   []*entry[K] // entries to use again
	queue   sim.Queue[*entry[K]]
	length  int
	down    sim.Signal

	waiting  waitingHeap[K]
	sequence uint64
	timer    sim.Timer
	armed    sim.Monotonic // what the timer is set to
	kind     sim.Kind
}

// entry is what the queue knows of a key: it exists while any of it is of use.
type entry[K comparable] struct {
	key        K
	dirty      bool // needs processing
	processing bool // a worker has it
	failures   uint32
	addedAt    sim.Monotonic
	startedAt  sim.Monotonic

	// AddAfter: when it becomes dirty, its tie-breaker among equals and its place in the heap, 0 if it has none.
	readyAt  sim.Monotonic
	sequence uint64
	place    int
}

// NewWorkQueue returns an empty queue of the current incarnation of p.
func NewWorkQueue[K comparable](p *host.Process, name string, c QueueConfig) *WorkQueue[K] {
	q := &WorkQueue[K]{
		process: p, config: c.withDefaults(), metrics: newQueueMetrics(c.Metrics, name),
		entries: map[K]*entry[K]{},
		kind:    p.Kind("client.workqueue.ready", func(_ uint64, ref any) { ref.(interface{ addReady() }).addReady() }),
	}
	if q.config.OverallQPSMilli > 0 {
		overall := newRate(q.config.OverallQPSMilli, q.config.OverallBurst, p.Monotonic())
		q.overall = &overall
	}
	return q
}

func (c QueueConfig) withDefaults() QueueConfig {
	if c.BaseDelay == 0 {
		c.BaseDelay = defaultBaseDelay
	}
	if c.MaxDelay == 0 {
		c.MaxDelay = defaultMaxDelay
	}
	if c.OverallQPSMilli == 0 {
		c.OverallQPSMilli = defaultOverallQPSMilli
	}
	if c.OverallBurst == 0 {
		c.OverallBurst = defaultOverallBurst
	}
	return c
}

// Add marks a key as needing work.
func (q *WorkQueue[K]) Add(k K) {
	if !q.down.IsSet() {
		q.add(q.entry(k))
	}
}

func (q *WorkQueue[K]) add(e *entry[K]) {
	if e.dirty {
		return
	}
	e.dirty = true
	q.metrics.added()
	if q.metrics != nil {
		e.addedAt = q.process.Monotonic()
	}
	if !e.processing {
		q.push(e)
	}
}

func (q *WorkQueue[K]) push(e *entry[K]) {
	q.length++
	q.queue.Push(e)
}

// Get parks the task until a key needs work, and takes the one that has waited longest. It reports false once the
// queue is shut down and empty. Call Done when finished with the key.
func (q *WorkQueue[K]) Get(t *sim.Task) (K, bool) {
	for {
		if k, ok := q.TryGet(); ok {
			return k, true
		}
		if q.down.IsSet() {
			var none K
			return none, false
		}
		t.Wait(sim.Forever, &q.queue, &q.down)
	}
}

// TryGet is Get without waiting: it reports false where nothing needs work now.
func (q *WorkQueue[K]) TryGet() (K, bool) {
	e, ok := q.queue.Pop()
	if !ok {
		var none K
		return none, false
	}
	q.length--
	e.dirty, e.processing = false, true
	if q.metrics != nil {
		e.startedAt = q.process.Monotonic()
		q.metrics.taken(e.startedAt.Sub(e.addedAt))
	}
	return e.key, true
}

// Done ends the work on a key. If it was added meanwhile it needs work again.
func (q *WorkQueue[K]) Done(k K) {
	e := q.entries[k]
	if e == nil || !e.processing {
		return
	}
	e.processing = false
	if q.metrics != nil {
		q.metrics.finished(q.process.Monotonic().Sub(e.startedAt))
	}
	if e.dirty {
		q.push(e)
		return
	}
	q.release(e)
}

// AddAfter adds a key when d has passed. Of several delays of one key, the earliest end counts.
func (q *WorkQueue[K]) AddAfter(k K, d time.Duration) {
	if q.down.IsSet() {
		return
	}
	q.metrics.retried()
	if d <= 0 {
		q.Add(k)
		return
	}
	q.wait(q.entry(k), q.process.Monotonic().Add(d))
}

// AddRateLimited adds a key after the delay that its failures, and those of all keys, call for.
func (q *WorkQueue[K]) AddRateLimited(k K) { q.AddAfter(k, q.when(k)) }

// when counts a failure and returns the longer of the key's own delay and the delay over all keys.
func (q *WorkQueue[K]) when(k K) time.Duration {
	e := q.entry(k)
	delay := q.config.MaxDelay
	// 2^62 ns are past any maximum; the shift must not wrap.
	if e.failures < 62 && q.config.BaseDelay <= q.config.MaxDelay>>e.failures {
		delay = q.config.BaseDelay << e.failures
	}
	e.failures++
	if q.overall != nil {
		delay = max(delay, q.overall.reserve(q.process.Monotonic()))
	}
	return delay
}

// Forget says that a key's failures are over: its next retry comes after BaseDelay again.
func (q *WorkQueue[K]) Forget(k K) {
	if e := q.entries[k]; e != nil {
		e.failures = 0
		q.release(e)
	}
}

// NumRequeues is how often the key was added with AddRateLimited since it was last forgotten.
func (q *WorkQueue[K]) NumRequeues(k K) int {
	if e := q.entries[k]; e != nil {
		return int(e.failures)
	}
	return 0
}

// Len is the number of keys that wait for a worker.
func (q *WorkQueue[K]) Len() int { return q.length }

// Waiting is the number of keys whose delay is running.
func (q *WorkQueue[K]) Waiting() int { return len(q.waiting) }

// ShutDown refuses new keys. Workers still get those that wait, then Get reports false.
func (q *WorkQueue[K]) ShutDown() {
	q.down.Set()
	q.process.Cancel(q.timer)
}

// ShuttingDown reports whether ShutDown was called.
func (q *WorkQueue[K]) ShuttingDown() bool { return q.down.IsSet() }

func (q *WorkQueue[K]) entry(k K) *entry[K] {
	e := q.entries[k]
	if e != nil {
		return e
	}
	if n := len(q.spare); n > 0 {
		e, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		e = &entry[K]{}
	}
	e.key = k
	q.entries[k] = e
	return e
}

// release forgets a key of which nothing is left to know.
func (q *WorkQueue[K]) release(e *entry[K]) {
	if e.dirty || e.processing || e.failures > 0 || e.place > 0 {
		return
	}
	delete(q.entries, e.key)
	*e = entry[K]{}
	q.spare = append(q.spare, e)
}
