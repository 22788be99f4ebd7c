package client

import "math/bits"

// lru is a cache that forgets what has not been used for longest. client-go gives the caches of its event correlator
// 4096 places each. Their keys are a dozen strings: each is there once, under its hash, and hashed once a look-up.
type lru[K comparable, V any] struct {
	limit   int
	hash    func(*K) uint64
	entries map[uint64]*lruEntry[K, V] // the first of each hash
	count   int
	// newest and oldest end a doubly linked list in order of use.
	newest, oldest *lruEntry[K, V]
}

type lruEntry[K comparable, V any] struct {
	key          K
	value        V
	hash         uint64
	next         *lruEntry[K, V] // of the same hash
	newer, older *lruEntry[K, V]
}

func newLRU[K comparable, V any](limit int, hash func(*K) uint64) *lru[K, V] {
	return &lru[K, V]{limit: limit, hash: hash, entries: map[uint64]*lruEntry[K, V]{}}
}

// get returns the place of k's value and marks it as used; nil if k is unknown.
func (c *lru[K, V]) get(k *K) *V {
	e := c.find(k, c.hash(k))
	if e == nil {
		return nil
	}
	c.unlink(e)
	c.link(e)
	return &e.value
}

// place is get that makes a place, with a zero value, for a key that is unknown.
func (c *lru[K, V]) place(k *K) (v *V, known bool) {
	h := c.hash(k)
	e := c.find(k, h)
	if known = e != nil; known {
		c.unlink(e)
	} else {
		if c.count >= c.limit {
			c.forget(c.oldest)
		}
		e = &lruEntry[K, V]{key: *k, hash: h, next: c.entries[h]}
		c.entries[h] = e
		c.count++
	}
	c.link(e)
	return &e.value, known
}

func (c *lru[K, V]) find(k *K, hash uint64) *lruEntry[K, V] {
	e := c.entries[hash]
	for e != nil && e.key != *k {
		e = e.next
	}
	return e
}

func (c *lru[K, V]) forget(gone *lruEntry[K, V]) {
	c.unlink(gone)
	c.count--
	if first := c.entries[gone.hash]; first != gone {
		for first.next != gone {
			first = first.next
		}
		first.next = gone.next
	} else if gone.next != nil {
		c.entries[gone.hash] = gone.next
	} else {
		delete(c.entries, gone.hash)
	}
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

// hashString folds a string into a hash, eight bytes at a time.
func hashString(h uint64, s string) uint64 {
	h = hashNumber(h, uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		h = hashNumber(h, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56)
	}
	var rest uint64
	for i := range len(s) {
		rest |= uint64(s[i]) << (8 * i)
	}
	return hashNumber(h, rest)
}

func hashNumber(h, n uint64) uint64 {
	return bits.RotateLeft64((h^n)*0x9fb21c651e98df25, 27)
}
