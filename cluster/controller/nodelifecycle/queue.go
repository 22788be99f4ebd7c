package nodelifecycle

import (
	"container/heap"
	"time"

	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// taintQueue holds the nodes of one zone that await the NoExecute taint, and lets them through at the zone's rate. A node
// that has been let through stays known, so that it is queued only once, until it is removed.
type taintQueue struct {
	process *host.Process
	milli   int64
	bucket  *client.TokenBucket // nil lets nothing through
	nodes   dueHeap
	known   map[string]bool
}

func newTaintQueue(p *host.Process) *taintQueue {
	return &taintQueue{
		process: p, milli: evictionRateMilli, known: make(map[string]bool),
		bucket: client.NewTokenBucket(p, evictionRateMilli, evictionBurst),
	}
}

// add queues a node; false if it is known already.
func (q *taintQueue) add(node string) bool {
	if q.known[node] {
		return false
	}
	q.known[node] = true
	heap.Push(&q.nodes, &dueNode{name: node, due: q.process.Monotonic()})
	return true
}

// remove forgets a node; false if it was not known.
func (q *taintQueue) remove(node string) bool {
	if !q.known[node] {
		return false
	}
	delete(q.known, node)
	q.dequeue(node)
	return true
}

func (q *taintQueue) dequeue(node string) {
	for i, n := range q.nodes {
		if n.name == node {
			heap.Remove(&q.nodes, i)
			return
		}
	}
}

// active reports whether a node might be let through sooner or later.
func (q *taintQueue) active() bool { return len(q.nodes) > 0 && q.bucket != nil }

// try lets nodes through while tokens last. handle returns whether it is done with a node and, if not, when to try again.
// As upstream, a token is spent on every attempt, also on one that comes too early.
func (q *taintQueue) try(handle func(node string) (done bool, again time.Duration)) {
	for len(q.nodes) > 0 {
		head := q.nodes[0]
		if q.bucket == nil || !q.bucket.TryAccept() {
			return
		}
		now := q.process.Monotonic()
		if now < head.due {
			return
		}
		done, again := handle(head.name)
		// The node may have been removed, and even queued anew, while it was handled.
		q.dequeue(head.name)
		if !done && q.known[head.name] {
			heap.Push(&q.nodes, &dueNode{name: head.name, due: now.Add(again + 1)})
		}
	}
}

// setRate changes the rate. A full bucket does not come with it if the old one was empty.
func (q *taintQueue) setRate(milli int64) {
	if milli == q.milli {
		return
	}
	old := q.bucket
	q.milli, q.bucket = milli, nil
	if milli <= 0 {
		return
	}
	q.bucket = client.NewTokenBucket(q.process, milli, evictionBurst)
	if old == nil || !old.TryAccept() {
		q.bucket.TryAccept()
	}
}

type dueNode struct {
	name string
	due  sim.Monotonic
}

// dueHeap orders nodes by when they are due.
type dueHeap []*dueNode

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(*dueNode)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
