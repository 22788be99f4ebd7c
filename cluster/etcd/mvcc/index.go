package mvcc

import (
	"slices"

	"github.com/tidwall/btree"
)

// index finds the newest record of each key, tombstones too until they are compacted: by the key, and in order of keys.
// Both ways lead to a slot, so that a write of a key that exists, as most are, is one look-up and leaves the order alone;
// and the slots lie side by side, so that a snapshot copies them in one piece.
type index struct {
	slots map[string]int32
	order *btree.Map[string, int32]
	// newest are the records by slot; nil where a slot is free.
	newest []*Record
	free   []int32
	// last is the slot that was looked for last: a transaction compares a key and then writes it.
	last lookUp
}

// lookUp is an answer of the slots, until one is given away.
type lookUp struct {
	key   string
	slot  int32
	found bool
}

func (x *index) find(key string) (slot int32, ok bool) {
	if x.last.found && x.last.key == key {
		return x.last.slot, true
	}
	if slot, ok = x.slots[key]; ok {
		x.last = lookUp{key, slot, true}
	}
	return slot, ok
}

func newIndex() index { return index{slots: map[string]int32{}, order: &btree.Map[string, int32]{}} }

func (x *index) len() int { return len(x.slots) }

// get returns the newest record of a key, nil where there is none.
func (x *index) get(key string) *Record {
	if slot, ok := x.find(key); ok {
		return x.newest[slot]
	}
	return nil
}

// set makes a record the newest of its key and returns the one that was, nil where there was none. The key is given
// besides, since the record may take over the older one's string.
func (x *index) set(key string, r *Record) (old *Record) {
	slot, ok := x.find(key)
	if ok {
		old, x.newest[slot] = x.newest[slot], r
		return old
	}
	if n := len(x.free); n > 0 {
		slot, x.free = x.free[n-1], x.free[:n-1]
		x.newest[slot] = r
	} else {
		slot = int32(len(x.newest))
		x.newest = append(x.newest, r)
	}
	x.slots[key] = slot
	x.order.Set(key, slot)
	return nil
}

func (x *index) remove(key string) {
	slot := x.slots[key]
	x.last = lookUp{}
	delete(x.slots, key)
	x.order.Delete(key)
	x.newest[slot] = nil
	x.free = append(x.free, slot)
}

// ascend visits the newest records from a key on, in order of keys, until visit returns false.
func (x *index) ascend(from string, visit func(*Record) bool) {
	x.order.Ascend(from, func(_ string, slot int32) bool { return visit(x.newest[slot]) })
}

// frozen is an index as it was at one time.
type frozen struct {
	order  *btree.Map[string, int32]
	newest []*Record
}

// freeze copies the slots; the order is copied as it changes.
func (x *index) freeze() frozen { return frozen{x.order.Copy(), slices.Clone(x.newest)} }

// each visits the records in order of keys.
func (f *frozen) each(visit func(*Record)) {
	f.order.Scan(func(_ string, slot int32) bool {
		visit(f.newest[slot])
		return true
	})
}

func (f *frozen) len() int { return f.order.Len() }

// freezeAll is the index of records that come in order of keys.
func freezeAll(records []*Record) frozen {
	f := frozen{order: &btree.Map[string, int32]{}, newest: records}
	for slot, r := range records {
		f.order.Load(r.Key, int32(slot))
	}
	return f
}

// thaw returns an index that begins as a frozen one.
func (f *frozen) thaw() index {
	x := index{slots: make(map[string]int32, f.len()), order: f.order.Copy(), newest: slices.Clone(f.newest)}
	f.order.Scan(func(key string, slot int32) bool {
		x.slots[key] = slot
		return true
	})
	for slot, r := range x.newest {
		if r == nil {
			x.free = append(x.free, int32(slot))
		}
	}
	return x
}
