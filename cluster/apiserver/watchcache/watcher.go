package watchcache

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Sink is who a watcher serves. Both methods may be called in the middle of a change: they schedule, they do not work.
type Sink interface {
	// Pending says that the watcher's queue is no longer empty.
	Pending()
	// Ended says that the cache has ended the watcher; what is pending may still be taken.
	Ended()
	// Overflow says that the watcher's buffers are full: unless it drains soon, End it.
	Overflow()
}

// Upstream's channel sizes: a watcher has an input and a result channel of this many events each.
const (
	minBuffer       = 10
	bufferIndexed   = 10   // the resource is indexed and the watcher uses the index
	bufferUnindexed = 1000 // the resource is indexed and the watcher does not use it
	bufferPlain     = 100  // the resource has no index
)

// Start says where a watch begins.
type Start struct {
	Selector *Selector
	Prefix   string
	// Revision to start after; 0 is any: the current state is sent first.
	Revision uint64
	// InitialEvents sends the current state first; with Bookmarks it is ended by a bookmark that says so.
	InitialEvents bool
	// BookmarkAfter holds back bookmarks of a WatchList before this revision.
	BookmarkAfter uint64
	Bookmarks     bool
	// Deadline is when the server will end the watch, 0 = unknown: a bookmark is sent just before.
	Deadline int64
	Sink     Sink
}

// Watcher is one watch on a cache: a queue of events that its Sink empties.
type Watcher struct {
	cache      *Cache
	number     int
	selector   *Selector
	scope      scope
	byIndex    bool
	indexValue string
	sink       Sink

	queue    []pending
	head     int
	buffer   int // queued events beyond this count as an overflow
	overflow bool
	ended    bool

	after         uint64 // older changes are not delivered
	from          uint64 // what after was at the beginning
	state         int    // how many objects of the state were queued then, -1 where the watch began with changes
	bookmarks     bool
	deadline      int64
	bookmarkAfter uint64
	annotated     bool // the bookmark that ends the initial events has been queued, or none was asked for
	anyBookmark   bool // a bookmark at or after bookmarkAfter has been seen
}

// pending is one event that a watcher has not taken yet.
type pending struct {
	event api.WatchEvent
	size  int32 // of the object
	// encode says that this watcher is the first to send the event and encodes it for all; upstream shares the encoding
	// of a change among its watchers, but not that of initial events.
	encode bool
}

// Watch registers a watcher. The error is 410 Gone where the history does not reach back to the revision.
func (c *Cache) Watch(s Start, now int64) (*Watcher, error) {
	w := &Watcher{
		cache: c, selector: s.Selector, sink: s.Sink, bookmarks: s.Bookmarks, deadline: s.Deadline,
		scope: scope{s.Selector.Namespace, s.Selector.Name}, bookmarkAfter: s.BookmarkAfter,
		annotated: s.BookmarkAfter == 0, anyBookmark: s.BookmarkAfter == 0,
	}
	if c.config.Index != "" {
		w.indexValue, w.byIndex = s.Selector.requires(c.config.Index)
	}
	if s.InitialEvents || s.Revision == 0 {
		w.startFromState(s.Prefix)
	} else if err := w.startFromHistory(s.Revision); err != nil {
		return nil, err
	}
	w.from = w.after
	if w.state < 0 {
		w.from = s.Revision
	}
	if s.InitialEvents && s.Bookmarks {
		w.queueBookmark(c.revision)
	}
	w.buffer = len(w.queue) + 2*c.bufferSize(w.byIndex)
	c.watchers.number(w)
	c.watchers.add(w)
	if w.bookmarks {
		c.bookmarks.schedule(w, now)
	}
	return w, nil
}

// startFromState queues every current object that matches.
func (w *Watcher) startFromState(prefix string) {
	w.after = w.cache.revision
	q := Query{Prefix: prefix, Selector: w.selector}
	for e := range w.cache.candidates(q) {
		if w.selector.Matches(e.object) {
			w.queue = append(w.queue, pending{api.WatchEvent{Type: watch.Added, Object: e.object}, int32(e.size), true})
		}
	}
	w.state = len(w.queue)
}

// startFromHistory queues the changes since a revision. A revision that the cache has not reached yet is fine: what is
// older will be left out when it comes.
func (w *Watcher) startFromHistory(revision uint64) error {
	h := &w.cache.history
	oldest := w.cache.listRevision + 1
	if h.forgot {
		oldest = h.slot(h.start).revision
	}
	if revision+1 < oldest {
		return errTooOld(revision, oldest-1)
	}
	w.state = -1
	var i int
	for i, w.after = w.cache.resume(revision); i < h.end; i++ {
		w.convert(h.slot(i))
	}
	return nil
}

// bufferSize is the length of the watcher's two channels: about one second of the history's rate, within bounds.
func (c *Cache) bufferSize(usesIndex bool) int {
	size := (len(c.history.ring) + int(keepFor/time.Second) - 1) / int(keepFor/time.Second)
	limit := bufferPlain
	switch {
	case usesIndex:
		limit = bufferIndexed
	case c.config.Index != "":
		limit = bufferUnindexed
	}
	return min(max(size, minBuffer), limit)
}

// dispatch tells a change to the watchers that it can match.
func (c *Cache) dispatch(e *change) {
	if c.watchers.count == 0 {
		return
	}
	any := e.object
	if any == nil {
		any = e.previous
	}
	m := api.Meta(any)
	deliver := func(w *Watcher) { w.deliver(e) }
	c.watchers.each(m.Namespace, m.Name, deliver)
	if len(c.watchers.indexed) == 0 {
		return
	}
	value := c.config.IndexValue(any)
	eachOf(c.watchers.indexed[value], deliver)
	if e.object != nil && e.previous != nil {
		if before := c.config.IndexValue(e.previous); before != value {
			eachOf(c.watchers.indexed[before], deliver)
		}
	}
}

func (w *Watcher) deliver(e *change) {
	if w.ended || e.revision <= w.after {
		return
	}
	was := len(w.queue) - w.head
	if !w.convert(e) {
		return
	}
	w.queued(was)
}

func (w *Watcher) queued(was int) {
	if was == 0 {
		w.sink.Pending()
	}
	if was >= w.buffer && !w.overflow {
		w.overflow = true
		w.sink.Overflow()
	}
}

// convert queues the change as the watcher sees it and reports whether it sees it at all.
func (w *Watcher) convert(e *change) bool {
	now := e.object != nil && w.selector.Matches(e.object)
	before := e.previous != nil && w.selector.Matches(e.previous)
	p := pending{size: e.size, encode: !e.encoded}
	switch {
	case now && before:
		p.event = api.WatchEvent{Type: watch.Modified, Object: e.object}
	case now:
		p.event = api.WatchEvent{Type: watch.Added, Object: e.object}
	case before && w.byIndex && w.cache.bugs.LosesDeletions:
		return false
	case before:
		p.event = api.WatchEvent{Type: watch.Deleted, Object: e.deleted()}
	default:
		return false
	}
	e.encoded = true
	w.queue = append(w.queue, p)
	w.misorder()
	return true
}

// Began is the revision behind which the watch began, and how many objects of the state at that revision it tells first,
// -1 where it tells only changes.
func (w *Watcher) Began() (revision uint64, objects int) { return w.from, w.state }

// Len is the number of events pending.
func (w *Watcher) Len() int { return len(w.queue) - w.head }

// Taken is what Take took.
type Taken struct {
	Events []api.WatchEvent
	Bytes  int // of all objects
	Encode int // of the objects that this watcher encodes for all
}

// Take moves pending events to out: at most so many, and no more once they exceed so many bytes.
func (w *Watcher) Take(limit, bytes int, out []api.WatchEvent) Taken {
	t := Taken{Events: out}
	for w.head < len(w.queue) && len(t.Events) < limit && t.Bytes < bytes {
		p := &w.queue[w.head]
		t.Events = append(t.Events, p.event)
		t.Bytes += int(p.size)
		if p.encode {
			t.Encode += int(p.size)
		}
		*p = pending{}
		w.head++
	}
	if w.head == len(w.queue) {
		w.queue, w.head, w.state = w.queue[:0], 0, -1
		if cap(w.queue) > 4*w.minKeep() {
			w.queue = nil // The initial events of a large list: do not keep their room.
		}
		w.buffer = 2 * w.cache.bufferSize(w.byIndex)
	}
	return t
}

func (w *Watcher) minKeep() int { return 2 * minBuffer }

// Overflowing reports whether the queue is still beyond the buffers, and resets the alarm if it is not.
func (w *Watcher) Overflowing() bool {
	w.overflow = w.Len() > w.buffer
	return w.overflow
}

// End removes the watcher from its cache; nothing more is queued. The sink is not told.
func (w *Watcher) End() {
	if w.ended {
		return
	}
	w.ended = true
	w.cache.watchers.remove(w)
}

// EndAll ends every watcher and tells their sinks: the cache is about to be filled anew.
func (c *Cache) EndAll() {
	for _, w := range c.watchers.every() {
		w.End()
		w.sink.Ended()
	}
}

// Watchers is the number of watchers.
func (c *Cache) Watchers() int { return c.watchers.count }

// String identifies the watcher in messages.
func (w *Watcher) String() string {
	return fmt.Sprintf("watch of %s %s", w.cache.config.Resource, w.selector)
}
