package watch

import (
	"errors"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Limits of etcd (server/storage/mvcc/watchable_store.go, watcher_group.go).
const (
	maxWatchersPerSync   = 512
	maxRevisionsPerBatch = 1000
)

// ErrEmptyRange refuses a watch of a range without keys, in etcd's words (server/storage/mvcc/watcher.go).
var ErrEmptyRange = errors.New("mvcc: watcher range is empty")

// Hub is all watchers of one member.
type Hub struct {
	store *mvcc.Store
	index index
	// behind are the unsynced watchers, in the order in which they fell behind.
	behind []*Watcher
	// touched are the groups with a batch.
	touched []*group
	// notified is the revision up to which synced watchers have been told everything.
	notified int64
	header   func() mvcc.Header
	// fragmentBytes is the size from which a response is split for those who allow it.
	fragmentBytes int
	watchers      int
	bugs          Bugs
}

// New returns a hub without watchers. header gives the current response header of the member.
func New(store *mvcc.Store, header func() mvcc.Header, fragmentBytes int) *Hub {
	return &Hub{
		store: store, index: newIndex(), notified: store.Revision(), header: header, fragmentBytes: fragmentBytes,
	}
}

// Watchers counts the watchers in any state.
func (h *Hub) Watchers() int { return h.watchers }

// Unsynced counts the watchers that wait for Sync.
func (h *Hub) Unsynced() int { return len(h.behind) }

// Watch adds a watcher and confirms its creation to the sink.
func (h *Hub) Watch(r *Request, sink Sink) *Watcher {
	key := r.Key
	if key == "" {
		key = "\x00" // The smallest key, as etcd reads it.
	}
	w := &Watcher{
		hub: h, sink: sink, start: r.StartRevision, next: r.StartRevision, fragment: r.Fragment, progress: r.ProgressNotify, quiet: true,
		group: h.index.join(question{key, r.RangeEnd, r.PrevKV, r.NoPut, r.NoDelete}),
	}
	h.watchers++
	created := &Response{Header: h.header(), Created: true}
	switch {
	case r.StartRevision < 0:
		created.Reason = mvcc.ErrCompacted
	case r.RangeEnd != "" && r.RangeEnd != mvcc.AllKeys && r.RangeEnd <= key:
		created.Reason = ErrEmptyRange
	}
	if created.Reason != nil {
		created.Canceled, w.state = true, ended
		h.forget(w)
	}
	newest := h.store.Revision()
	switch {
	case w.state == ended:
	case w.start == 0 || w.start > newest:
		w.next = max(w.start, newest+1)
		h.enter(w, synced)
	default:
		h.enter(w, unsynced)
	}
	if !w.sink.Send(created) {
		w.pending = append(w.pending, created)
		if w.state != ended {
			h.move(w, blocked)
		}
	}
	return w
}

// Cancel takes a watcher off the hub without a word.
func (h *Hub) Cancel(w *Watcher) {
	if w.state != ended {
		h.move(w, ended)
		h.forget(w)
	}
}

// End cancels a watcher and tells it the reason.
func (h *Hub) End(w *Watcher, reason error) {
	if w.state != ended {
		h.Cancel(w)
		h.sendLast(w, &Response{Header: h.header(), Canceled: true, Reason: reason})
	}
}

func (h *Hub) sendLast(w *Watcher, r *Response) {
	if len(w.pending) > 0 || !w.sink.Send(r) {
		w.pending = append(w.pending, r)
	}
}

func (h *Hub) forget(w *Watcher) {
	h.watchers--
	h.index.leave(w.group)
}

// enter puts a watcher into the list of its state.
func (h *Hub) enter(w *Watcher, to state) {
	w.state = to
	switch to {
	case synced:
		w.place = len(w.group.watchers)
		w.group.watchers = append(w.group.watchers, w)
	case unsynced:
		w.place = len(h.behind)
		h.behind = append(h.behind, w)
	}
}

// move changes the state of a watcher. A synced one remembers where it stood.
func (h *Hub) move(w *Watcher, to state) {
	switch w.state {
	case synced:
		w.next = max(w.next, h.notified+1)
		w.group.watchers = takeOut(w.group.watchers, w.place)
	case unsynced:
		h.behind = takeOut(h.behind, w.place)
	}
	h.enter(w, to)
}

// takeOut removes a place from a list; the order of the others stays, so that who is told first does not depend on who
// left.
func takeOut(list []*Watcher, place int) []*Watcher {
	list = slices.Delete(list, place, place+1)
	for i := place; i < len(list); i++ {
		list[i].place = i
	}
	return list
}

// Notify takes the changes of one revision. Nothing is sent before Flush, so that changes applied together are told
// together.
func (h *Hub) Notify(changes []*mvcc.Record) {
	for _, r := range changes {
		if groups, ok := h.index.byKey[r.Key]; ok {
			h.collect(groups, r)
		}
		if len(h.index.ranges) > 0 {
			h.collect(h.index.covering(r.Key), r)
		}
	}
}

func (h *Hub) collect(groups []*group, r *mvcc.Record) {
	for _, g := range groups {
		if len(g.watchers) == 0 || !g.wants(r) {
			continue
		}
		if len(g.batch) == 0 {
			h.touched = append(h.touched, g)
		}
		g.batch = append(g.batch, r.Event(g.prevKV))
	}
}

// Waiting counts the responses that Flush will send.
func (h *Hub) Waiting() (n int) {
	for _, g := range h.touched {
		n += len(g.watchers)
	}
	return n
}

// Flush sends what Notify has collected.
func (h *Hub) Flush() {
	if len(h.touched) > 0 {
		header := h.header()
		for i, g := range h.touched {
			h.touched[i] = nil
			h.flushGroup(g, header)
		}
		h.touched = h.touched[:0]
	}
	h.notified = h.store.Revision()
}

func (h *Hub) flushGroup(g *group, header mvcc.Header) {
	response := newResponse(header, g.batch)
	first := g.batch[0].KV.ModRevision
	clear(g.batch)
	g.batch = g.batch[:0]
	var full []*Watcher
	for _, w := range g.watchers {
		mine := response
		if w.next > first {
			if mine = later(response, w.next); mine == nil {
				continue // It starts in the future.
			}
		}
		w.quiet = false
		if !h.send(w, mine) {
			full = append(full, w)
		}
	}
	for _, w := range full {
		h.move(w, blocked)
		w.next = max(w.next, header.Revision+1)
	}
}

// later cuts a response down to the events from a revision on.
func later(r *Response, from int64) *Response {
	i := slices.IndexFunc(r.Events, func(e mvcc.Event) bool { return e.KV.ModRevision >= from })
	if i < 0 {
		return nil
	}
	return &Response{Header: r.Header, Events: r.Events[i:]}
}

// send hands over a response, in pieces where it is large and the watcher allows it. False means that the watcher has
// something pending.
func (h *Hub) send(w *Watcher, r *Response) bool {
	if w.fragment && len(r.Events) > 1 && r.SizeBytes() >= h.fragmentBytes {
		w.pending = split(r, h.fragmentBytes)
		return h.drain(w)
	}
	if w.sink.Send(r) {
		return true
	}
	w.pending = append(w.pending, r)
	return false
}

// split cuts the events of a response into messages below a size, of one event at least.
func split(r *Response, limit int) (parts []*Response) {
	for events := r.Events; len(events) > 0; {
		n, size := 1, responseOverheadBytes+events[0].SizeBytes()
		for n < len(events) && size+events[n].SizeBytes() < limit {
			size += events[n].SizeBytes()
			n++
		}
		parts = append(parts, &Response{Header: r.Header, Events: events[:n:n], Fragment: n < len(events)})
		events = events[n:]
	}
	return parts
}

// drain sends what is pending and reports whether all of it went out.
func (h *Hub) drain(w *Watcher) bool {
	for len(w.pending) > 0 {
		if !w.sink.Send(w.pending[0]) {
			return false
		}
		w.pending = w.pending[1:]
	}
	w.pending = nil
	return true
}

// Writable says that a sink has room again.
func (h *Hub) Writable(w *Watcher) {
	if !h.drain(w) || w.state != blocked {
		return
	}
	if h.bugs.StarvedSkips && w.next < h.store.FirstRevision() {
		w.next = h.notified + 1
	}
	if w.next <= h.notified {
		h.move(w, unsynced)
	} else {
		h.move(w, synced)
	}
}

// Restore replaces the store by one restored from a leader's snapshot: the watchers catch up from its log.
func (h *Hub) Restore(store *mvcc.Store) {
	h.store = store
	for _, w := range h.allSynced() {
		next := w.next
		h.move(w, unsynced)
		if h.bugs.RestoreRewinds {
			w.next = next
		}
	}
	h.notified = store.Revision()
}

// allSynced lists the synced watchers in an order that does not depend on maps.
func (h *Hub) allSynced() (all []*Watcher) {
	for _, g := range h.index.sorted() {
		all = append(all, g.watchers...)
	}
	return all
}
