package runtime

import (
	"container/heap"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// maxBatchAge is how long an order of nodes may be used (pkg/scheduler/framework/runtime/batch.go).
const maxBatchAge = 500 * time.Millisecond

// Results of asking for a hint, and reasons for giving an order up, as label values (pkg/scheduler/metrics/metrics.go).
const (
	batchNoHint      = "no_hint"
	batchHintUsed    = "hint_used"
	batchHintNotUsed = "hint_not_used"

	flushPodSkipped      = "pod_skipped"
	flushNodeMissing     = "node_missing"
	flushNodeNotFull     = "node_not_full"
	flushEmptyList       = "empty_list"
	flushExpired         = "expired"
	flushPodIncompatible = "pod_incompatible"
	flushPodNotBatchable = "pod_not_batchable"
)

// batch is opportunistic batching (KEP-5598): the order of nodes that one pod's attempt left is used for the next pods as long as they have
// its signature, come one directly after the other, and each fills the node that it was given.
type batch struct {
	f *Framework

	signature string
	order     *order // nil: nothing to go by
	created   time.Duration

	// The last attempt that found a node.
	number int64
	chosen string
}

// hint returns the node on which the pod is to be tried first; empty if there is none.
func (b *batch) hint(c *framework.Cycle) string {
	if why := b.unusable(c); why != "" {
		if why != flushNothing {
			b.f.observe().BatchFlushed(b.f.ProfileName(), why)
		}
		b.f.observe().BatchAttempt(b.f.ProfileName(), batchNoHint)
		return ""
	}
	return b.order.pop(b.f.handle.Draw)
}

// flushNothing: there is nothing to give up.
const flushNothing = "nothing"

// unusable says why the order doesn't serve the pod; empty if it does. It is kept, but rarely of use again: the next attempt that
// finds a node replaces it.
func (b *batch) unusable(c *framework.Cycle) string {
	switch {
	case b.order == nil || b.order.Len() == 0:
		return flushNothing
	case c.Number != b.number+1:
		return flushPodSkipped // another profile's, or one that failed
	case c.Signature == "" || c.Signature != b.signature:
		return flushPodIncompatible
	case b.f.monotonic()-b.created > maxBatchAge:
		return flushExpired
	}
	last := c.Snapshot.Node(b.chosen)
	if last == nil {
		return flushNodeMissing
	}
	// If the pod fits where its predecessor went, that node may still be the best, or anything else: its new score is not known.
	if !b.f.Filter(c, last).IsRejected() {
		return flushNodeNotFull
	}
	return ""
}

// store notes what an attempt chose, hinted or not, and the order of the others; nil if there are none.
func (b *batch) store(c *framework.Cycle, hinted, chosen string, others *order) {
	b.number, b.chosen = c.Number, chosen
	if hinted == chosen {
		b.f.observe().BatchAttempt(b.f.ProfileName(), batchHintUsed)
		return
	}
	if hinted != "" {
		b.f.observe().BatchAttempt(b.f.ProfileName(), batchHintNotUsed)
	}
	if c.Signature != "" && others != nil {
		b.signature, b.order, b.created = c.Signature, others, b.f.monotonic()
		c.AfterCharge(func() { b.created = b.f.monotonic() })
		return
	}
	why := flushPodNotBatchable
	if others == nil {
		why = flushEmptyList
	}
	b.f.observe().BatchFlushed(b.f.ProfileName(), why)
	b.order = nil
}

// order is nodes from the best to the worst, by a tie rule.
type order struct {
	tie    Tie
	names  []string
	totals []int64
	sorted bool // the heap is made
}

// unkept stands for nodes of which nobody keeps the order, since the pod is not signed.
var unkept = &order{}

// newOrder copies the scores of an attempt. The order without its winner is what is left after one pop.
func newOrder(c *framework.Cycle, slots []int32, totals []int64, tie Tie) *order {
	o := &order{tie: tie, names: make([]string, len(slots)), totals: append([]int64(nil), totals...)}
	for i, slot := range slots {
		o.names[i] = c.Snapshot.Nodes[slot].Name()
	}
	return o
}

// without removes the winner that the tie rule chose at an index.
func (o *order) without(winner int) *order {
	if o.tie == TieUpstream {
		o.pop(nil)
	} else {
		o.remove(winner)
	}
	return o
}

// pop removes the best node and returns its name.
func (o *order) pop(draw func(int) int) string {
	if o.tie != TieUpstream {
		return o.remove(o.tie.best(o.totals, func(i int) string { return o.names[i] }, draw))
	}
	if !o.sorted {
		heap.Init(o)
		o.sorted = true
	}
	return heap.Pop(o).(string)
}

func (o *order) remove(i int) string {
	name := o.names[i]
	o.Swap(i, o.Len()-1)
	o.Pop()
	return name
}

// Len implements heap.Interface: the same heap as upstream's (nodeScoreHeap in pkg/scheduler/schedule_one.go), which decides ties.
func (o *order) Len() int           { return len(o.names) }
func (o *order) Less(i, j int) bool { return o.totals[i] > o.totals[j] }
func (o *order) Swap(i, j int) {
	o.names[i], o.names[j] = o.names[j], o.names[i]
	o.totals[i], o.totals[j] = o.totals[j], o.totals[i]
}
func (o *order) Push(any) { panic("scheduler: an order of nodes does not grow") }
func (o *order) Pop() any {
	last := o.Len() - 1
	name := o.names[last]
	o.names, o.totals = o.names[:last], o.totals[:last]
	return name
}
