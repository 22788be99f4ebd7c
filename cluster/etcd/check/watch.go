package check

import (
	"errors"
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/watchcheck"
)

// watches is the history that watches are compared with.
type watches struct {
	history           *watchcheck.History
	all               []*Watch
	events, bookmarks int64
}

func newWatches(k *Checker) watches {
	return watches{history: watchcheck.NewHistory(1, func(v *watchcheck.Violation) { k.Report(v) })}
}

// forget drops what is compacted and no watch waits for any more. A new watch begins behind it.
func (w *watches) forget(compacted int64) {
	before := compacted
	for _, x := range w.all {
		switch {
		case x.ended:
		case x.open:
			before = min(before, x.stream.Needs())
		default:
			before = min(before, x.request.StartRevision)
		}
	}
	w.history.Forget(before)
}

func (w *watches) commit(a *etcd.Application) {
	if len(a.Events) == 0 || a.Revision <= w.history.Newest() {
		return
	}
	changes := make([]watchcheck.Change, len(a.Events))
	for i := range a.Events {
		e := &a.Events[i]
		changes[i] = watchcheck.Change{
			Revision: e.KV.ModRevision, Key: watchcheck.Key{Name: e.KV.Key}, Deleted: e.Type == etcd.Delete, Content: content(e.KV), Previous: content(e.PrevKV),
		}
	}
	w.history.Commit(a.Revision, changes...)
}

// content is a hash of a state, never 0 unless there is none.
func content(kv *etcd.KeyValue) uint64 {
	if kv == nil {
		return 0
	}
	h := mvcc.HashString(uint64(kv.ModRevision), kv.Key)
	h = mvcc.Mix(mvcc.Mix(mvcc.Mix(h, uint64(kv.CreateRevision)), uint64(kv.Version)), uint64(kv.Lease))
	if v, ok := kv.Value.(mvcc.Hasher); ok {
		h = mvcc.Mix(h, v.Hash())
	}
	return h | 1
}

// Watch is a watch that is checked, and goes on by itself, at the next member, whenever it has ended.
type Watch struct {
	client  *Client
	request etcd.WatchRequest
	name    string
	stream  *watchcheck.Stream
	watch   *etcd.Watch
	// open says that the watch is under way; otherwise it goes on in a moment, unless it has ended for good.
	open, ended bool
	// Ends counts how often it has begun anew.
	Ends int
}

// resumeAfter is how long a watch that has ended waits before it goes on (etcd's client: 100 ms at most).
const resumeAfter = 100 * time.Millisecond

// Watch begins a watch. StartRevision 0 is everything from the oldest revision that is left.
func (c *Client) Watch(r etcd.WatchRequest) *Watch {
	k := c.checker
	w := &Watch{client: c, request: r, name: fmt.Sprintf("watch %d of %s of %s", len(k.watches.all)+1, c.name, interval(r.Key, r.RangeEnd))}
	k.watches.all = append(k.watches.all, w)
	if r.StartRevision == 0 {
		w.request.StartRevision = max(k.model.keys.CompactRevision(), 2)
	}
	w.begin()
	return w
}

func (w *Watch) begin() {
	if w.ended {
		return
	}
	w.open = true
	k := w.client.checker
	w.stream = k.watches.history.Watch(watchcheck.Name(w.name), w.request.StartRevision, w.look)
	r := w.request
	w.watch = w.client.store.Watch(&r, w)
}

// look is what the request asks for.
func (w *Watch) look(c *watchcheck.Change) watchcheck.Look {
	r := &w.request
	switch {
	case !mvcc.InRange(c.Key.Name, r.Key, r.RangeEnd) || c.Deleted && r.NoDelete || !c.Deleted && r.NoPut:
		return watchcheck.Hidden
	case c.Deleted:
		return watchcheck.Delete
	default:
		return watchcheck.Put
	}
}

// Events implements etcd.WatchReceiver.
func (w *Watch) Events(r *etcd.WatchResponse) {
	if r.IsProgress() {
		w.client.checker.watches.bookmarks++
		w.stream.Bookmark(r.Header.Revision)
		return
	}
	events := make([]watchcheck.Event, len(r.Events))
	for i := range r.Events {
		e := &r.Events[i]
		events[i] = watchcheck.Event{Revision: e.KV.ModRevision, Key: watchcheck.Key{Name: e.KV.Key}, Deleted: e.Type == etcd.Delete, Content: content(e.KV)}
		if w.request.PrevKV {
			events[i].Previous = content(e.PrevKV)
		}
	}
	w.client.checker.watches.events += int64(len(events))
	w.stream.Deliver(events, r.Fragment)
}

// Closed implements etcd.WatchReceiver.
func (w *Watch) Closed(err error) {
	w.Ends++
	w.open = false
	w.request.StartRevision = w.stream.Next()
	if k := w.client.checker; errors.Is(err, etcd.ErrCompacted) {
		if oldest := k.model.keys.CompactRevision(); w.request.StartRevision >= oldest {
			k.broken(RefusedWithReason, "%s from %d ended with %v, but %d is the oldest revision", w.name, w.request.StartRevision, err, oldest)
		}
		w.request.StartRevision = max(w.request.StartRevision, k.model.keys.CompactRevision())
	}
	w.client.process.After(resumeAfter, w.begin)
}

// RequestProgress asks how far the watch is.
func (w *Watch) RequestProgress() {
	if w.open {
		w.watch.RequestProgress()
	}
}

// Break ends the watch as a broken connection does: it goes on later, from where it was.
func (w *Watch) Break() {
	if w.open {
		w.watch.Cancel()
		w.Closed(nil)
	}
}

// Cancel ends the watch for good.
func (w *Watch) Cancel() {
	if w.open {
		w.watch.Cancel()
	}
	w.open, w.ended = false, true
}

// Behind reports whether there is something that the watch has not told.
func (w *Watch) Behind() bool { return w.stream.Behind() }

// Next is the first revision that the watch has not told.
func (w *Watch) Next() int64 { return w.stream.Next() }
