package watchcache

// Bugs are mistakes that can be planted in a cache, to show that they are found.
type Bugs struct {
	// SkipsFirst: a watch that resumes is not told of the first change since.
	SkipsFirst bool
	// RepeatsLast: a watch that resumes is told the last change that it knows again.
	RepeatsLast bool
	// Swaps: two changes that a client has not taken yet change places.
	Swaps bool
	// LosesDeletions: who watches an index value is not told of deletions.
	LosesDeletions bool
	// BookmarksPromise: a bookmark names the next revision, of which the cache knows nothing yet.
	BookmarksPromise bool
}

// Plant plants mistakes.
func (c *Cache) Plant(b Bugs) { c.bugs = b }

// resume is the place in the history from which a watch is told of changes, and the revision behind which it begins.
func (c *Cache) resume(revision uint64) (place int, after uint64) {
	place = c.history.after(revision)
	switch {
	case c.bugs.SkipsFirst && place < c.history.end:
		return place + 1, revision
	case c.bugs.RepeatsLast && place > c.history.start:
		return place - 1, revision - 1
	}
	return place, revision
}

// misorder does what the planted mistakes do to a queue that has got one more.
func (w *Watcher) misorder() {
	n := len(w.queue)
	if n-w.head < 2 || w.head < w.state {
		return
	}
	if w.cache.bugs.Swaps {
		w.queue[n-1], w.queue[n-2] = w.queue[n-2], w.queue[n-1]
	}
}
