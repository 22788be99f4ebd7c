package watchcache

import (
	"sort"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Sizes of the ring (upstream's watch_cache.go).
const (
	minCapacity = 100
	maxCapacity = 100 * 1024
	// keepFor is how much history is kept when room allows: a bookmark's period and a margin.
	keepFor = 75 * time.Second
)

// change is one change of one object. Object is nil for a deletion, previous for a creation.
type change struct {
	key              string
	object, previous api.Object
	gone             api.Object // previous as DELETED delivers it, made on first use
	revision         uint64
	at               int64
	size             int32 // of the object, or of previous
	encoded          bool  // a watcher has been given the event and pays for its encoding
}

// deleted is the object's last content at the revision of the change that removed it from sight.
func (e *change) deleted() api.Object {
	if e.gone == nil {
		e.gone = api.ShallowCopy(e.previous)
		e.gone.SetResourceVersion(api.FormatRV(e.revision))
	}
	return e.gone
}

// history is the ring of changes. Indices start..end grow for ever; slot i lives at i modulo the capacity.
type history struct {
	ring       []change
	start, end int
	// forgot: a change was dropped since the last list, so that the ring no longer reaches back to it.
	forgot bool
}

func newHistory() history { return history{ring: make([]change, minCapacity)} }

func (h *history) slot(i int) *change { return &h.ring[i%len(h.ring)] }
func (h *history) len() int           { return h.end - h.start }
func (h *history) full() bool         { return h.len() == len(h.ring) }

// append adds a change and returns its slot, which is valid until the next call.
func (h *history) append(e change) *change {
	h.resize(e.at)
	if h.full() {
		*h.slot(h.start) = change{}
		h.start++
		h.forgot = true
	}
	s := h.slot(h.end)
	*s = e
	h.end++
	return s
}

// resize doubles a full ring whose oldest change is younger than keepFor, and halves one of which three quarters are older.
func (h *history) resize(now int64) {
	if !h.full() {
		return
	}
	capacity := len(h.ring)
	switch {
	case now-h.slot(h.start).at < int64(keepFor):
		capacity = min(capacity*2, maxCapacity)
	case now-h.slot(h.end-capacity/4).at > int64(keepFor):
		capacity = max(capacity/2, minCapacity)
	}
	if capacity == len(h.ring) {
		return
	}
	if capacity < len(h.ring) {
		h.start = h.end - capacity
		h.forgot = true
	}
	ring := make([]change, capacity)
	for i := h.start; i < h.end; i++ {
		ring[i%capacity] = *h.slot(i)
	}
	h.ring = ring
}

// clear forgets everything: a list has replaced the state.
func (h *history) clear() {
	clear(h.ring)
	h.start, h.forgot = h.end, false
}

// after returns the index of the first change younger than revision.
func (h *history) after(revision uint64) int {
	return h.start + sort.Search(h.len(), func(i int) bool { return h.slot(h.start+i).revision > revision })
}
