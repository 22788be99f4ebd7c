package watch

import "github.com/fauxkube/fauxkube/cluster/etcd/mvcc"

// Sync lets unsynced watchers catch up from the log: at most 512 of them, at most 1000 revisions each. The member calls
// it every 100 ms while there are any. It returns the number of events sent, which is what the work costs.
func (h *Hub) Sync() (events int) {
	batch := append([]*Watcher(nil), h.behind[:min(len(h.behind), maxWatchersPerSync)]...)
	header := h.header()
	var last *Watcher
	var lastFrom int64
	var lastRead reading
	for _, w := range batch {
		if w.next < h.store.FirstRevision() {
			h.cancelCompacted(w, header)
			continue
		}
		if last == nil || last.group != w.group || lastFrom != w.next {
			last, lastFrom, lastRead = w, w.next, h.read(w.group, w.next)
		}
		events += h.deliver(w, lastRead, header)
	}
	return events
}

// reading is what the log has for a group from some revision on.
type reading struct {
	events []mvcc.Event
	// more is the revision at which the next reading goes on; 0 where nothing is left.
	more int64
}

// read collects the events of a group from a revision on, up to the limit of revisions.
func (h *Hub) read(g *group, from int64) (out reading) {
	revisions, current := 0, int64(0)
	for _, r := range h.store.Records(from) {
		if !mvcc.InRange(r.Key, g.key, g.end) {
			continue
		}
		if r.ModRevision != current {
			if revisions++; revisions > maxRevisionsPerBatch {
				out.more = r.ModRevision
				return out
			}
			current = r.ModRevision
		}
		if h.bugs.MissesDeleteAtCompaction && r.Deleted() && r.ModRevision == h.store.CompactRevision() {
			continue
		}
		if !g.wants(r) { // It counts nevertheless, as in etcd.
			continue
		}
		out.events = append(out.events, r.Event(g.prevKV))
	}
	return out
}

// deliver sends a reading to an unsynced watcher and moves it to its next state.
func (h *Hub) deliver(w *Watcher, read reading, header mvcc.Header) int {
	newest := h.store.Revision()
	w.next = max(w.next, newest+1)
	if h.bugs.FutureLowered {
		w.next = newest + 1
	}
	if read.more != 0 {
		w.next = read.more // The header is the present one nevertheless, as in etcd: to resume by it would skip events.
	}
	switch {
	case len(read.events) > 0 && !h.send(w, &Response{Header: header, Events: read.events}):
		h.move(w, blocked)
	case read.more == 0:
		h.move(w, synced)
	}
	if len(read.events) > 0 {
		w.quiet = false
	}
	return len(read.events)
}

func (h *Hub) cancelCompacted(w *Watcher, header mvcc.Header) {
	h.Cancel(w)
	header.Revision = 0 // As in etcd.
	h.sendLast(w, &Response{
		Header: header, Canceled: true, CompactRevision: h.store.FirstRevision(), Reason: mvcc.ErrCompacted,
	})
}

// Progress answers a client that asks how far its watch is: with the newest revision if everything up to it has been
// delivered, and not at all otherwise, so that the answer never runs ahead of events.
func (h *Hub) Progress(w *Watcher) bool {
	newest := h.store.Revision()
	behind := w.state != synced || h.notified != newest
	if behind && !h.bugs.ProgressOutOfStep || newest < w.start && !h.bugs.ProgressBehindStart {
		return false
	}
	response := &Response{Header: h.header()}
	if !w.sink.Send(response) {
		w.pending = append(w.pending, response)
		h.move(w, blocked)
		w.next = max(w.next, newest+1)
	}
	return true
}

// ProgressTick sends a progress notification to a watcher that asked for them, if nothing was sent since the last tick.
func (h *Hub) ProgressTick(w *Watcher) {
	if w.progress && w.quiet {
		h.Progress(w)
	}
	w.quiet = true
}
