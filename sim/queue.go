package sim

import (
	"math/bits"
	"slices"
)

// queue is a monotone radix heap of timed entries. Nothing is ever pushed before the last popped time, so an entry
// lives in the bucket of the highest bit in which its time differs from that time: bucket 0 holds what is due at
// exactly that instant. Entries of equal time always share a bucket and stay in the order of their pushes.
//
// Source of the structure: Ahuja, Mehlhorn, Orlin, Tarjan, "Faster algorithms for the shortest path problem" (1990).
type queue struct {
	buckets [65]bucket
	// occupied has bit i set where bucket i may hold entries (buckets 1 to 63; 0 and 64 are looked at directly).
	occupied uint64
	last     Time
	live     int
	dead     int
}

// entry refers to an event slot; it is dead when the slot's generation has moved on.
type entry struct {
	at         Time
	slot       uint32
	generation uint32
}

type bucket struct {
	entries []entry
	// head is the index of the first entry not yet popped; only bucket 0 uses it.
	head int
}

func (q *queue) bucketOf(at Time) int { return bits.Len64(uint64(at ^ q.last)) }

func (q *queue) push(e entry) {
	i := q.bucketOf(e.at)
	q.buckets[i].entries = appendDoubling(q.buckets[i].entries, e)
	q.occupied |= 1 << uint(i&63)
	q.live++
}

// appendDoubling is append for what grows large and stays so: the builtin grows by a quarter, which copies each element
// four times on the way.
func appendDoubling[T any](s []T, v T) []T {
	if len(s) == cap(s) {
		s = slices.Grow(s, max(len(s), 8))
	}
	return append(s, v)
}

// prepare moves what is due next, if not after until, into bucket 0 and reports whether there is anything.
// Dead entries may be among it.
func (q *queue) prepare(until Time) bool {
	zero := &q.buckets[0]
	if zero.head < len(zero.entries) {
		return q.last <= until
	}
	zero.entries, zero.head = zero.entries[:0], 0
	mask := q.occupied &^ 1
	for mask != 0 {
		i := bits.TrailingZeros64(mask)
		b := &q.buckets[i]
		if len(b.entries) == 0 {
			q.occupied &^= 1 << uint(i)
			mask &= mask - 1
			continue
		}
		return q.redistribute(b, until)
	}
	return false
}

// redistribute empties b, the lowest bucket in use, into the buckets below it.
func (q *queue) redistribute(b *bucket, until Time) bool {
	least := b.entries[0].at
	for _, e := range b.entries[1:] {
		least = min(least, e.at)
	}
	if least > until {
		return false
	}
	q.last = least
	for _, e := range b.entries {
		i := q.bucketOf(e.at)
		q.buckets[i].entries = appendDoubling(q.buckets[i].entries, e)
		q.occupied |= 1 << uint(i&63)
	}
	b.entries = b.entries[:0]
	return true
}

// sweep drops dead entries everywhere, so that cancelled timers do not pile up until their time comes.
func (q *queue) sweep(alive func(entry) bool) {
	for i := range q.buckets {
		b := &q.buckets[i]
		kept := b.entries[:0]
		for _, e := range b.entries[b.head:] {
			if alive(e) {
				kept = append(kept, e)
			}
		}
		b.entries, b.head = kept, 0
	}
	q.dead = 0
}

// reset empties the queue and lets it start anew from now.
func (q *queue) reset(now Time) {
	for i := range q.buckets {
		q.buckets[i].entries, q.buckets[i].head = q.buckets[i].entries[:0], 0
	}
	q.occupied, q.dead, q.last = 0, 0, now
}
