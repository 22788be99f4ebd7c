package apiserver

import (
	"errors"
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
	"github.com/fauxkube/fauxkube/cluster/witness"
)

// cacher keeps one resource's watch cache in step with the store:
//
//	start -> list, page by page -> replace -> watch -> changes ...
//	  ^                                          |
//	  |  1 s later, all watchers ended           |  broken: again from the last revision
//	  +------ compacted, or 30 s no leader ------+
//
// The cost of a change is charged before the cache shows it; changes that come meanwhile wait and are charged together.
type cacher struct {
	server *Server
	entry  *registry.Entry
	cache  *watchcache.Cache

	ready      bool
	generation int
	changed    int64 // when ready changed last
	problem    error // why it is not ready

	session *session // the present list and watch; callbacks of an older one are ignored

	brokenSince int64
	backoff     time.Duration

	woken      []*watching
	bookmarkAt int64 // when the timer for bookmarks is set, 0 = not
	readers    readers
}

// session is one list and the watch that follows it.
type session struct {
	cacher   *cacher
	items    []watchcache.Item
	bytes    int64
	revision int64 // of the list, then the last one seen
	watch    storeWatch
	witness  *witness.Stream
	watched  bool // there was a watch before
	dead     bool

	inbox    []*watch.Response // what has come in
	batch    []*watch.Response // what is being decoded
	decoding bool
}

const (
	// A connection that breaks is etcd's client's business, which resumes the watch by itself, on another member too, for
	// as long as it takes (client/v3/watch.go: 10 to 100 ms apart).
	minResume = 10 * time.Millisecond
	maxResume = 100 * time.Millisecond
	// A watch that the store ends, for want of a leader, is tried again with the reflector's back-off, for 30 s: more
	// leaders than that are not elected (cacher.go MaxInternalErrorRetryDuration).
	minBackoff = 800 * time.Millisecond
	maxBackoff = 30 * time.Second
	maxBroken  = 30 * time.Second
	// After that, or a compaction, the cache is filled anew (cacher.go: wait.Until a second).
	restartAfter = time.Second
	// cacheListPage is upstream's storageWatchListPageSize.
	cacheListPage = 10_000
)

func newCacher(s *Server, e *registry.Entry) *cacher {
	config := watchcache.Config{Resource: e.Resource}
	if e.Resource == api.Pods {
		config.Index = "spec.nodeName"
		config.IndexValue = func(o api.Object) string {
			v, _ := e.Field(o, "spec.nodeName")
			return v
		}
	}
	c := &cacher{server: s, entry: e, cache: watchcache.New(config), changed: s.now()}
	c.readers.cacher = c
	c.cache.Plant(s.bugs.cache)
	return c
}

// start fills the cache from a list. Whoever watches it is sent away first.
func (c *cacher) start() {
	c.cache.EndAll()
	c.session = &session{cacher: c}
	c.session.list(c.entry.KeyPrefix, 0)
}

// list reads the next page; all pages are of the first one's revision.
func (s *session) list(from string, revision int64) {
	prefix := s.cacher.entry.KeyPrefix
	s.cacher.server.etcd.Range(&mvcc.RangeRequest{
		Key: from, RangeEnd: storage.RangeEnd(prefix), Limit: cacheListPage, Revision: revision,
	}, func(r *mvcc.RangeResponse, err error) {
		switch {
		case s.dead:
		case err != nil:
			s.cacher.fail(err)
		default:
			s.page(r)
		}
	})
}

func (s *session) page(r *mvcc.RangeResponse) {
	if s.revision == 0 {
		s.revision = r.Header.Revision
	}
	for _, kv := range r.KVs {
		if obj := storage.ObjectOf(kv); obj != nil {
			size := kv.Value.SizeBytes()
			s.items = append(s.items, watchcache.Item{Key: kv.Key, Object: obj, Size: size})
			s.bytes += int64(size)
		}
	}
	if int64(len(r.KVs)) < r.Count && len(r.KVs) > 0 {
		s.list(r.KVs[len(r.KVs)-1].Key+"\x00", s.revision)
		return
	}
	srv := s.cacher.server
	srv.process.Charge(srv.ops.cacheDecode, s.bytes, 0, srv.kinds.cacheListed, 0, s)
}

// replace makes the list the cache's state and watches what follows.
func (s *session) replace() {
	c := s.cacher
	c.cache.Replace(s.items, uint64(s.revision))
	s.items = nil
	c.ready, c.problem, c.changed = true, nil, c.server.now()
	c.generation++
	c.brokenSince, c.backoff = 0, 0
	c.server.metrics.cacheStarts.Inc()
	c.observed("")
	s.open()
	c.readers.advance()
}

// open watches from after the last revision seen. The leader is required: a member that is cut off ends the watch instead
// of being silent.
func (s *session) open() {
	if s.dead {
		return
	}
	c := s.cacher
	before := s.witness
	s.witness = c.server.config.Witness.Store(c.server.process, c, c.entry.Resource, s.revision)
	before.End()
	defer func() { s.watched = true }()
	s.watch = c.server.etcd.Watch(&watch.Request{
		Key: c.entry.KeyPrefix, RangeEnd: storage.RangeEnd(c.entry.KeyPrefix), StartRevision: s.resumeAt(),
		PrevKV: true, ProgressNotify: true, RequireLeader: true,
	}, s)
}

// Events takes a response of the store's watch.
func (s *session) Events(r *watch.Response) {
	if s.dead {
		return
	}
	c := s.cacher
	c.brokenSince, c.backoff = 0, 0
	s.testify(r)
	if c.server.bugs.progressOvertakes {
		c.cache.Progress(uint64(r.Header.Revision))
	}
	if len(r.Events) > 0 {
		s.revision = r.Events[len(r.Events)-1].KV.ModRevision
	} else if r.IsProgress() {
		s.revision = max(s.revision, r.Header.Revision)
	}
	s.inbox = append(s.inbox, r)
	s.decode()
}

// testify shows the witness what the store has told.
func (s *session) testify(r *watch.Response) {
	if s.witness == nil {
		return
	}
	if r.IsProgress() {
		s.witness.Progress(r.Header.Revision)
	}
	for i := range r.Events {
		e := &r.Events[i]
		if stored, ok := e.KV.Value.(*storage.Stored); ok {
			s.witness.Event(stored.At(e.KV.ModRevision), false)
		} else if last := storage.ObjectOf(e.PrevKV); last != nil {
			s.witness.Deleted(last, e.KV.ModRevision)
		}
	}
	s.witness.Done()
}

func (c *cacher) String() string {
	return fmt.Sprintf("watch of %s by %s", c.entry.Resource, c.server.process.Machine().Name())
}

// Closed is the end of the store's watch.
func (s *session) Closed(err error) {
	if s.dead {
		return
	}
	s.watch = nil
	c := s.cacher
	switch {
	case errors.Is(err, mvcc.ErrCompacted):
		c.fail(err)
	case !errors.Is(err, etcd.ErrNoLeader):
		c.backoff = min(max(2*c.backoff, minResume), maxResume)
		s.reopen(c.backoff)
	default:
		now := c.server.now()
		if c.brokenSince == 0 {
			c.brokenSince = now
		}
		if now-c.brokenSince > int64(maxBroken) {
			c.fail(err)
			return
		}
		c.backoff = min(max(2*c.backoff, minBackoff), maxBackoff)
		s.reopen(c.backoff + time.Duration(c.server.draws.Int63n(purposeBackoff, int64(c.backoff))))
	}
}

func (s *session) reopen(after time.Duration) {
	srv := s.cacher.server
	srv.process.At(after, 0, srv.kinds.cacheRetry, 0, s)
}

// fail gives the session up: the cache is not ready until it has been filled anew.
func (c *cacher) fail(err error) {
	s := c.session
	s.dead = true
	s.witness.End()
	if s.watch != nil {
		s.watch.Cancel()
	}
	if c.ready {
		c.changed = c.server.now()
	}
	c.ready, c.problem = false, err
	c.server.process.At(restartAfter, 0, c.server.kinds.cacheStart, 0, c)
}

// decode charges what has come in. Progress alone costs nothing.
func (s *session) decode() {
	if s.decoding || len(s.inbox) == 0 {
		return
	}
	bytes, changes := int64(0), 0
	for _, r := range s.inbox {
		changes += len(r.Events)
		for i := range r.Events {
			if v := r.Events[i].KV.Value; v != nil {
				bytes += int64(v.SizeBytes())
			}
		}
	}
	s.batch, s.inbox = s.inbox, s.batch[:0]
	s.decoding = true
	if changes == 0 {
		s.decoded()
		return
	}
	srv := s.cacher.server
	srv.process.Charge(srv.ops.cacheDecode, bytes, 0, srv.kinds.cacheDecoded, uint64(changes), s)
}

// decoded applies the batch and tells whoever waits for it.
func (s *session) decoded() {
	s.decoding = false
	if s.dead {
		return
	}
	c := s.cacher
	now := c.server.now()
	for i, r := range s.batch {
		c.apply(r, now)
		s.batch[i] = nil
	}
	c.readers.advance()
	c.wake()
	s.decode()
}

func (c *cacher) apply(r *watch.Response, now int64) {
	for i := range r.Events {
		kv := r.Events[i].KV
		if stored, ok := kv.Value.(*storage.Stored); ok {
			c.cache.Apply(kv.Key, stored.At(kv.ModRevision), stored.SizeBytes(), uint64(kv.ModRevision), now)
		} else if r.Events[i].Type == mvcc.Delete {
			c.cache.Apply(kv.Key, nil, 0, uint64(kv.ModRevision), now)
		}
		c.observed(kv.Key)
	}
	if r.IsProgress() {
		c.cache.Progress(uint64(r.Header.Revision))
	}
}

// observed tells the observer of a run.
func (c *cacher) observed(key string) {
	if f := c.server.config.OnChange; f != nil {
		f(c.server, c.entry.Resource, key)
	}
}

// wake lets the watches that have heard of something work.
func (c *cacher) wake() {
	for i := 0; i < len(c.woken); i++ {
		c.woken[i].pump()
		c.woken[i] = nil
	}
	c.woken = c.woken[:0]
}

// armBookmarks sets the timer for the next bookmark, if it is not set early enough.
func (c *cacher) armBookmarks() {
	at, ok := c.cache.NextBookmark()
	if !ok || c.bookmarkAt != 0 && c.bookmarkAt <= at {
		return
	}
	c.bookmarkAt = at
	wait := max(time.Duration(at-c.server.now()), 0)
	c.server.process.At(wait, 0, c.server.kinds.bookmarks, 0, c)
}

func (c *cacher) sendBookmarks() {
	if c.bookmarkAt = 0; c.ready {
		c.cache.Bookmark(c.server.now())
		c.wake()
	}
	c.armBookmarks()
}
