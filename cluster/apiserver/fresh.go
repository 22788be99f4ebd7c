package apiserver

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
)

// readers are the reads that wait for a cache to reach a revision. While anybody waits the store is asked for its
// progress, at most every 100 ms, since the resource itself may not change at all.
type readers struct {
	cacher  *cacher
	waiting []waitingReader
	armed   bool // the time-out of the oldest
	asking  bool // a request for progress is due or was made within 100 ms
	asked   int64
}

type waitingReader struct {
	revision uint64
	until    int64
	then     func(error)
}

// await calls then once the cache has reached the revision, at once if it has, or with "Too large resource version" after
// 3 s.
func (c *cacher) await(revision uint64, then func(error)) {
	if c.ready && revision <= c.cache.Revision() {
		then(nil)
		return
	}
	r := &c.readers
	r.waiting = append(r.waiting, waitingReader{revision, c.server.now() + int64(freshTimeout), then})
	r.arm()
	r.ask()
}

// advance lets the readers go whose revision has been reached.
func (r *readers) advance() {
	if len(r.waiting) == 0 {
		return
	}
	reached := r.cacher.cache.Revision()
	waiting := r.waiting
	r.waiting = nil
	var done []waitingReader
	for _, w := range waiting {
		if w.revision <= reached {
			done = append(done, w)
		} else {
			r.waiting = append(r.waiting, w)
		}
	}
	for _, w := range done {
		w.then(nil)
	}
}

// expireReaders turns away those who have waited 3 s. They are in order of arrival.
func (c *cacher) expireReaders() {
	r, now := &c.readers, c.server.now()
	r.armed = false
	n := 0
	for n < len(r.waiting) && r.waiting[n].until <= now {
		n++
	}
	late := r.waiting[:n]
	r.waiting = r.waiting[n:]
	r.arm()
	for _, w := range late {
		w.then(storage.TooLargeResourceVersion(w.revision, c.cache.Revision(), tooLargeRetrySeconds))
	}
}

func (r *readers) arm() {
	if r.armed || len(r.waiting) == 0 {
		return
	}
	r.armed = true
	s := r.cacher.server
	s.process.At(max(time.Duration(r.waiting[0].until-s.now()), 0), 0, s.kinds.fresh, 0, r.cacher)
}

// ask schedules the next request for progress.
func (r *readers) ask() {
	if r.asking {
		return
	}
	r.asking = true
	s := r.cacher.server
	wait := time.Duration(0)
	if r.asked != 0 {
		wait = max(time.Duration(r.asked+int64(progressPeriod)-s.now()), 0)
	}
	s.process.At(wait, 0, s.kinds.progress, 0, r.cacher)
}

// requestProgress asks the store how far it is, if anybody still wants to know.
func (c *cacher) requestProgress() {
	r := &c.readers
	r.asking = false
	if len(r.waiting) == 0 {
		return
	}
	r.asked = c.server.now()
	if s := c.session; s.watch != nil {
		s.watch.RequestProgress()
	}
	r.ask()
}
