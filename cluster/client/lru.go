package client

// lru is a cache that forgets what has not been used for longest. client-go gives the caches of its event correlator
// 4096 places each.
type lru[K comparable, V any] struct {
	limit   int
	entries map[K]*lruEntry[K, V]
	// newest and oldest end a doubly linked list in order of use.
	newest, oldest *lruEntry[K, V]
}

type lruEntry[K comparable, V any] struct {
	key          K
	value        V
	newer, older *lruEntry[K, V]
}

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, entries: map[K]*lruEntry[K, V]{}}
}

// get returns the place of k's value and marks it as used; nil if k is unknown.
func (c *lru[K, V]) get(k K) *V {
	e := c.entries[k]
	if e == nil {
		return nil
	}
	c.unlink(e)
	c.link(e)
	return &e.value
}

// put stores a value as the one used last.
func (c *lru[K, V]) put(k K, v V) *V {
	if place := c.get(k); place != nil {
		*place = v
		return place
	}
	if len(c.entries) >= c.limit {
		delete(c.entries, c.oldest.key)
		c.unlink(c.oldest)
	}
	e := &lruEntry[K, V]{key: k, value: v}
	c.entries[k] = e
	c.link(e)
	return &e.value
}

func (c *lru[K, V]) link(e *lruEntry[K, V]) {
	e.older, e.newer = c.newest, nil
	if c.newest != nil {
		c.newest.newer = e
	} else {
		c.oldest = e
	}
	c.newest = e
}

func (c *lru[K, V]) unlink(e *lruEntry[K, V]) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		c.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		c.oldest = e.newer
	}
}
