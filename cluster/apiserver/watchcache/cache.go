package watchcache

import (
	"fmt"
	"strings"

	"github.com/tidwall/btree"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Config says what a cache is of.
type Config struct {
	Resource *api.Resource
	// Index is the selectable field that lists and watches are indexed by, "" for none: spec.nodeName of pods.
	Index string
	// IndexValue reads that field.
	IndexValue FieldGetter
}

// Cache is one resource in one API server. Create it with New; it is not ready before the first Replace.
type Cache struct {
	config  Config
	entries map[string]*entry
	order   btree.Map[string, *entry]
	index   map[string]*btree.Map[string, *entry]
	bytes   int64

	history      history
	revision     uint64 // up to which changes are known
	listRevision uint64 // of the last Replace
	exactFloor   uint64 // the oldest revision at which an exact list can be served

	watchers   watchers
	bookmarks  bookmarks
	generation int
	bugs       Bugs
}

// entry is one current object. Its address is stable while the key lives.
type entry struct {
	key    string
	object api.Object
	size   int
}

// Item is one object of a list that fills a cache.
type Item struct {
	Key    string
	Object api.Object
	Size   int
}

// New returns an empty cache.
func New(c Config) *Cache {
	return &Cache{config: c, entries: map[string]*entry{}, history: newHistory(), watchers: newWatchers()}
}

// Revision is the store revision up to which the cache knows the changes, 0 before the first Replace.
func (c *Cache) Revision() uint64 { return c.revision }

// Len is the number of objects.
func (c *Cache) Len() int { return len(c.entries) }

// Bytes is the size of all objects.
func (c *Cache) Bytes() int64 { return c.bytes }

// Get returns the object under a key.
func (c *Cache) Get(key string) (api.Object, bool) {
	e := c.entries[key]
	if e == nil {
		return nil, false
	}
	return e.object, true
}

// Find is Get for a key in bytes; it returns the key as a string too, which outlives them. The object is nil where there is
// none.
func (c *Cache) Find(key []byte) (string, api.Object) {
	e := c.entries[string(key)]
	if e == nil {
		return "", nil
	}
	return e.key, e.object
}

// Replace makes a list at a revision the cache's state. The history starts anew, so every watcher must have been ended.
func (c *Cache) Replace(items []Item, revision uint64) {
	if n := c.watchers.count; n > 0 {
		panic(fmt.Sprintf("watchcache: %s replaced under %d watchers", c.config.Resource, n))
	}
	c.entries = make(map[string]*entry, len(items))
	c.order, c.index, c.bytes = btree.Map[string, *entry]{}, nil, 0
	for _, it := range items {
		c.insert(&entry{key: it.Key, object: it.Object, size: it.Size})
	}
	c.history.clear()
	c.revision, c.listRevision, c.exactFloor = revision, revision, revision
	c.generation++
}

// Apply makes a change known: object nil is a deletion. Changes come in order of revision; a store that breaks its promise
// and repeats an older one is believed, as upstream believes it.
func (c *Cache) Apply(key string, object api.Object, size int, revision uint64, now int64) {
	e := c.entries[key]
	c.revision = max(c.revision, revision)
	if e == nil && object == nil {
		return // A deletion of what a later list no longer had.
	}
	ch := change{key: key, object: object, revision: revision, at: now, size: int32(size)}
	if e != nil {
		ch.previous = e.object
		if object == nil {
			ch.size = int32(e.size)
		}
	}
	c.store(e, key, object, size)
	kept := c.history.append(ch)
	if c.history.forgot {
		c.exactFloor = max(c.exactFloor, c.history.slot(c.history.start).revision)
	}
	c.dispatch(kept)
}

// Progress tells that the store has reached a revision without a change here.
func (c *Cache) Progress(revision uint64) { c.revision = max(c.revision, revision) }

// Compact withdraws exact lists below a revision: the store could not serve them either.
func (c *Cache) Compact(revision uint64) {
	if revision <= c.exactFloor {
		return
	}
	// As upstream, whose snapshots are one per change: the first that is young enough serves.
	c.exactFloor = c.revision + 1
	if i := c.history.after(revision - 1); i < c.history.end {
		c.exactFloor = c.history.slot(i).revision
	}
}

func (c *Cache) store(e *entry, key string, object api.Object, size int) {
	switch {
	case object == nil:
		c.remove(e)
	case e == nil:
		c.insert(&entry{key: key, object: object, size: size})
	default:
		c.bytes += int64(size - e.size)
		if c.config.Index != "" {
			if from, to := c.config.IndexValue(e.object), c.config.IndexValue(object); from != to {
				c.unindex(from, key)
				c.indexed(to).Set(key, e)
			}
		}
		e.object, e.size = object, size
	}
}

func (c *Cache) insert(e *entry) {
	c.entries[e.key] = e
	c.order.Set(e.key, e)
	c.bytes += int64(e.size)
	if c.config.Index != "" {
		c.indexed(c.config.IndexValue(e.object)).Set(e.key, e)
	}
}

func (c *Cache) remove(e *entry) {
	delete(c.entries, e.key)
	c.order.Delete(e.key)
	c.bytes -= int64(e.size)
	if c.config.Index != "" {
		c.unindex(c.config.IndexValue(e.object), e.key)
	}
}

func (c *Cache) indexed(value string) *btree.Map[string, *entry] {
	if c.index == nil {
		c.index = map[string]*btree.Map[string, *entry]{}
	}
	m := c.index[value]
	if m == nil {
		m = &btree.Map[string, *entry]{}
		c.index[value] = m
	}
	return m
}

func (c *Cache) unindex(value, key string) {
	m := c.index[value]
	m.Delete(key)
	if m.Len() == 0 {
		delete(c.index, value)
	}
}

// Query is one list request.
type Query struct {
	Key      string // asks for one key alone, if set
	Prefix   string // of keys: a resource's, or that of one of its namespaces
	From     string // continue from this key; "" starts at the prefix
	Selector *Selector
	Limit    int64 // 0 is none
}

// Result is the answer to a Query.
type Result struct {
	Items   []api.Object
	Bytes   int64  // of the items
	LastKey string // of the last item
	More    bool   // the limit cut the list
	Seen    int64  // keys in the range, whatever the selector and the limit
}

// List returns what is current.
func (c *Cache) List(q Query) Result { return collect(q, c.candidates(q)) }

// candidates are the entries among which the query's are: one, those of an index value, or those of a range.
func (c *Cache) candidates(q Query) func(yield func(*entry) bool) {
	if q.Key != "" {
		return func(yield func(*entry) bool) {
			if e := c.entries[q.Key]; e != nil {
				yield(e)
			}
		}
	}
	if value, ok := q.Selector.requires(c.config.Index); ok && c.config.Index != "" && q.From == "" {
		return ascend(c.index[value], q)
	}
	return ascend(&c.order, q)
}

// CanServeExact reports whether ListExact can serve a revision that the cache has reached.
func (c *Cache) CanServeExact(revision uint64) bool { return revision >= c.exactFloor }

// ListExact returns what was current at a revision; CanServeExact must hold.
func (c *Cache) ListExact(q Query, revision uint64) Result {
	if q.Key != "" {
		q.Prefix = q.Key // What only begins like it, the selector's name leaves out.
	}
	first := c.history.after(revision)
	if first == c.history.end {
		return collect(q, ascend(&c.order, q))
	}
	// Undo: each key changed since had the state before its first younger change.
	was := map[string]api.Object{}
	for i := c.history.end - 1; i >= first; i-- {
		was[c.history.slot(i).key] = c.history.slot(i).previous
	}
	var past btree.Map[string, *entry]
	c.order.Scan(func(key string, e *entry) bool {
		if _, changed := was[key]; !changed {
			past.Load(key, e)
		}
		return true
	})
	for key, object := range was { //sim:unordered every key goes to its own place in an ordered map
		if object != nil {
			past.Set(key, &entry{key: key, object: object, size: api.SizeOf(object)})
		}
	}
	return collect(q, ascend(&past, q))
}

// ascend walks the entries of the query's range in order of key.
func ascend(m *btree.Map[string, *entry], q Query) func(yield func(*entry) bool) {
	return func(yield func(*entry) bool) {
		if m == nil {
			return
		}
		m.Ascend(max(q.Prefix, q.From), func(key string, e *entry) bool {
			return strings.HasPrefix(key, q.Prefix) && yield(e)
		})
	}
}

func collect(q Query, entries func(yield func(*entry) bool)) Result {
	var r Result
	for e := range entries {
		r.Seen++
		switch {
		case r.More:
		case q.Limit > 0 && int64(len(r.Items)) >= q.Limit:
			r.More = true
			if !q.Selector.Plain() {
				return r
			}
		case q.Selector.Matches(e.object):
			r.Items = append(r.Items, e.object)
			r.Bytes += int64(e.size)
			r.LastKey = e.key
		}
	}
	return r
}

// errTooOld is what a watch from before the history gets: 410 Gone.
func errTooOld(revision, oldest uint64) error {
	return apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", revision, oldest))
}
