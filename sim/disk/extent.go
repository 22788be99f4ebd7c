package disk

import (
	"slices"
	"sort"
)

// Extent is a stretch of a file that came from one write.
type Extent struct {
	// Offset and Length place it in the file.
	Offset, Length int64
	// Payload is what was written. The extent holds the bytes from From of the Size that the write had.
	Payload    any
	From, Size int64
	// Rotten: the medium has lost these bytes, a checksum over them fails.
	Rotten bool
	// write is the number of the write: extents of one write may be pieced together again.
	write uint64
}

func (e Extent) end() int64 { return e.Offset + e.Length }

// clip returns the part of e within [from, to).
func (e Extent) clip(from, to int64) Extent {
	from, to = max(from, e.Offset), min(to, e.end())
	e.From += from - e.Offset
	e.Offset, e.Length = from, to-from
	return e
}

// content is what a file holds: extents in order, without overlap. What none of them covers reads as zeros.
type content struct {
	extents []Extent
	size    int64
}

// end is behind the last extent.
func (c *content) end() int64 {
	if n := len(c.extents); n > 0 {
		return c.extents[n-1].end()
	}
	return 0
}

func (c *content) clone() content {
	return content{extents: append([]Extent(nil), c.extents...), size: c.size}
}

// put writes an extent over what is there, without touching the size.
func (c *content) put(e Extent) {
	switch {
	case e.Length <= 0:
	case c.end() > e.Offset:
		c.replace(e.Offset, e.end(), e)
	default:
		if len(c.extents) == cap(c.extents) { // Logs grow large: the runtime would copy them at every quarter.
			c.extents = slices.Grow(c.extents, len(c.extents)+1)
		}
		c.extents = append(c.extents, e)
	}
}

// search returns the index of the first extent that ends after offset.
func (c *content) search(offset int64) int {
	return sort.Search(len(c.extents), func(i int) bool { return c.extents[i].end() > offset })
}

// cut removes what lies within [from, to), splitting extents that reach beyond.
func (c *content) cut(from, to int64) { c.replace(from, to) }

// replace puts extents in the place of what lies within [from, to).
func (c *content) replace(from, to int64, by ...Extent) {
	i := c.search(from)
	j := i
	for j < len(c.extents) && c.extents[j].Offset < to {
		j++
	}
	var room [3]Extent
	parts := room[:0]
	if i < j && c.extents[i].Offset < from {
		parts = append(parts, c.extents[i].clip(c.extents[i].Offset, from))
	}
	parts = append(parts, by...)
	if i < j && c.extents[j-1].end() > to {
		parts = append(parts, c.extents[j-1].clip(to, c.extents[j-1].end()))
	}
	if i < j || len(parts) > 0 {
		c.extents = slices.Replace(c.extents, i, j, parts...)
	}
}

// resize sets the size; what lies beyond is gone.
func (c *content) resize(size int64) {
	if size < c.size {
		c.cut(size, c.size)
	}
	c.size = size
}

// within returns the extents that overlap [from, to), clipped to it.
func (c *content) within(from, to int64) []Extent {
	var parts []Extent
	for i := c.search(from); i < len(c.extents) && c.extents[i].Offset < to; i++ {
		parts = append(parts, c.extents[i].clip(from, to))
	}
	return parts
}

// change is one write or truncation that is not durable yet.
type change struct {
	// extent is what was written; a truncation has none and only sets size.
	extent   Extent
	truncate bool
	// size is the file's size after the change.
	size int64
}

func (c *content) apply(x *change) {
	if x.truncate {
		c.resize(x.size)
		return
	}
	c.put(x.extent)
	c.size = x.size
}
