package apiserver

import (
	"errors"
	"strconv"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
)

// compactKey holds the last compacted revision. Its version is the number of compactions, which the servers use as a clock
// that only one of them can advance (k8s.io/apiserver/pkg/storage/etcd3/compact.go):
//
//	every 5 minutes: if the key's version is what I saw last, I write it and compact to the revision of 5 minutes ago;
//	otherwise another server has, and I remember what it wrote
//
// So history lasts between 5 and 10 minutes, however many servers there are.
const compactKey = "compact_rev_key"

// compactionNotice is how often upstream's caches look at the compacted revision (cacher/compactor.go).
const compactionNotice = 15 * time.Second

type compactor struct {
	server   *Server
	interval time.Duration

	version   int64 // of compactKey when seen last
	revision  int64 // of the store at that time: what the next compaction cuts to
	compacted int64
	told      int64
	telling   bool
}

func startCompactor(s *Server) {
	c := &compactor{server: s, interval: s.config.CompactionInterval}
	if c.interval == 0 {
		c.interval = compactionInterval
	}
	if c.interval > 0 {
		s.process.At(c.interval, 0, s.kinds.compact, 0, c)
	}
	s.process.At(time.Second, 0, s.kinds.recompact, 0, c)
}

// compact takes its turn, or sees that another server has.
func (c *compactor) compact() {
	s := c.server
	s.process.At(c.interval, 0, s.kinds.compact, 0, c)
	s.etcd.Txn(&mvcc.TxnRequest{
		Compare: []mvcc.Compare{{Target: mvcc.CompareVersion, Key: compactKey, Number: c.version}},
		Success: []mvcc.RequestOp{{Put: &mvcc.PutRequest{Key: compactKey, Value: mvcc.Bytes(strconv.FormatInt(c.revision, 10))}}},
		Failure: []mvcc.RequestOp{{Range: &mvcc.RangeRequest{Key: compactKey}}},
	}, c.decided)
}

func (c *compactor) decided(r *mvcc.TxnResponse, err error) {
	if err != nil {
		return // The next turn is in 5 minutes.
	}
	to := c.revision
	c.revision = r.Header.Revision
	if !r.Succeeded {
		if kvs := r.Responses[0].Range.KVs; len(kvs) > 0 {
			c.version = kvs[0].Version
			c.notice(kvs[0])
		}
		return
	}
	c.version++
	if to == 0 {
		return // The first turn only learns the revision.
	}
	c.server.etcd.Compact(to, func(err error) {
		if err == nil || errors.Is(err, mvcc.ErrCompacted) {
			c.reached(to)
		}
	})
}

// watch follows the key, to hear of the compactions of other servers.
func (c *compactor) watch() {
	c.server.etcd.Range(&mvcc.RangeRequest{Key: compactKey}, func(r *mvcc.RangeResponse, err error) {
		if err != nil {
			c.again()
			return
		}
		for _, kv := range r.KVs {
			c.notice(kv)
		}
		c.server.etcd.Watch(&watch.Request{Key: compactKey, StartRevision: r.Header.Revision, RequireLeader: true}, c)
	})
}

func (c *compactor) again() { c.server.process.At(time.Second, 0, c.server.kinds.recompact, 0, c) }

// Events hears of a compaction by another server.
func (c *compactor) Events(r *watch.Response) {
	for i := range r.Events {
		c.notice(r.Events[i].KV)
	}
}

// Closed ends the watch of the key; it is opened again.
func (c *compactor) Closed(error) { c.again() }

func (c *compactor) notice(kv *mvcc.KeyValue) {
	text, ok := kv.Value.(mvcc.Bytes)
	if !ok {
		return
	}
	if revision, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		c.reached(revision)
	}
}

// reached notes how far the history is cut; the caches hear of it a little later.
func (c *compactor) reached(revision int64) {
	c.compacted = max(c.compacted, revision)
	if c.compacted > c.told && !c.telling {
		c.telling = true
		c.server.process.At(compactionNotice, 0, c.server.kinds.compacted, 0, c)
	}
}

func (c *compactor) tellCaches() {
	c.telling, c.told = false, c.compacted
	for _, cacher := range c.server.cachers {
		if cacher != nil && cacher.ready {
			cacher.cache.Compact(uint64(c.compacted))
		}
	}
}
