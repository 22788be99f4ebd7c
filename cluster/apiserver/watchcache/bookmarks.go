package watchcache

import (
	"time"

	"github.com/tidwall/btree"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
)

const (
	// bookmarkPeriod is how often a watcher that allows bookmarks gets one (upstream defaultBookmarkFrequency).
	bookmarkPeriod = time.Minute
	// bookmarkBeforeEnd is how long before its deadline a watch gets a last one.
	bookmarkBeforeEnd = 2 * time.Second
	// bookmarkBucket: those due within one second go out together.
	bookmarkBucket = int64(time.Second)
)

// bookmarks holds the watchers by the second in which their next bookmark is due. Upstream looks every 1 to 1.25 s whether
// any is; here the owner asks when the next one is, so that a quiet cache needs no timer.
type bookmarks struct {
	due  btree.Map[int64, []*Watcher]
	memo api.WatchEvent // the bookmark of the last revision, shared by its watchers
	at   uint64
}

// schedule puts the watcher's next bookmark at a minute from now, earlier if its deadline is near, at once while it waits
// for the one that ends a WatchList's initial events.
func (b *bookmarks) schedule(w *Watcher, now int64) {
	next := now
	if w.anyBookmark {
		next += int64(bookmarkPeriod)
		if w.deadline > 0 {
			next = min(next, w.deadline-int64(bookmarkBeforeEnd))
		}
		if next < now {
			return
		}
	}
	bucket := next/bookmarkBucket + 1
	list, _ := b.due.Get(bucket)
	b.due.Set(bucket, append(list, w))
}

// NextBookmark is when Bookmark wants to be called next.
func (c *Cache) NextBookmark() (at int64, ok bool) {
	bucket, _, ok := c.bookmarks.due.Min()
	return bucket * bookmarkBucket, ok
}

// Bookmark queues the bookmarks that are due.
func (c *Cache) Bookmark(now int64) {
	for {
		bucket, list, ok := c.bookmarks.due.Min()
		if !ok || bucket*bookmarkBucket > now {
			return
		}
		c.bookmarks.due.Delete(bucket)
		for _, w := range list {
			if w.ended {
				continue
			}
			w.bookmark(c.revision)
			c.bookmarks.schedule(w, now)
		}
	}
}

// bookmark queues a regular bookmark, unless the buffers are full (upstream never blocks for one) or the revision says
// nothing new.
func (w *Watcher) bookmark(revision uint64) {
	if revision < w.bookmarkAfter || w.Len() >= w.buffer {
		return
	}
	w.anyBookmark = true
	if revision > w.after || revision == w.after && !w.annotated {
		was := w.Len()
		w.queueBookmark(revision)
		w.queued(was)
	}
}

// queueBookmark queues a bookmark; the first of a WatchList carries the annotation.
func (w *Watcher) queueBookmark(revision uint64) {
	if !w.annotated {
		w.annotated = true
		w.queue = append(w.queue, pending{event: api.Bookmark(w.cache.config.Resource, api.FormatRV(revision), true), size: bookmarkBytes})
		return
	}
	if w.cache.bugs.BookmarksPromise {
		revision++
	}
	w.queue = append(w.queue, pending{event: w.cache.bookmarkAt(revision), size: bookmarkBytes})
}

// bookmarkBytes is about what a bookmark's object takes: its envelope and a resource version.
const bookmarkBytes = 40

func (c *Cache) bookmarkAt(revision uint64) api.WatchEvent {
	if c.bookmarks.at != revision || c.bookmarks.memo.Type != watch.Bookmark {
		c.bookmarks.memo = api.Bookmark(c.config.Resource, api.FormatRV(revision), false)
		c.bookmarks.at = revision
	}
	return c.bookmarks.memo
}
