package mvcc

import "github.com/tidwall/btree"

// index finds the newest record of each key, tombstones too until they are compacted: by the key, and in order of keys.
// Both ways lead to one place, so that a write of a key that exists, as most are, is one look-up and leaves the order alone.
type index struct {
	places map[string]*place
	order  btree.Map[string, *place]
}

type place struct{ newest *Record }

func newIndex() index { return index{places: map[string]*place{}} }

func (x *index) len() int { return len(x.places) }

// get returns the newest record of a key, nil where there is none.
func (x *index) get(key string) *Record {
	if p := x.places[key]; p != nil {
		return p.newest
	}
	return nil
}

// set makes a record the newest of its key and returns the one that was, nil where there was none. The key is given
// besides, since the record may take over the older one's string.
func (x *index) set(key string, r *Record) (old *Record) {
	p := x.places[key]
	if p == nil {
		p = &place{newest: r}
		x.places[key] = p
		x.order.Set(key, p)
		return nil
	}
	old, p.newest = p.newest, r
	return old
}

func (x *index) remove(key string) {
	delete(x.places, key)
	x.order.Delete(key)
}

// ascend visits the newest records from a key on, in order of keys, until visit returns false.
func (x *index) ascend(from string, visit func(*Record) bool) {
	x.order.Ascend(from, func(_ string, p *place) bool { return visit(p.newest) })
}

// records lists the newest records in order of keys.
func (x *index) records() []*Record {
	all := make([]*Record, 0, len(x.places))
	x.order.Scan(func(_ string, p *place) bool {
		all = append(all, p.newest)
		return true
	})
	return all
}

// indexOf is the index of records that come in order of keys.
func indexOf(records []*Record) index {
	x := index{places: make(map[string]*place, len(records))}
	places := make([]place, len(records))
	for i, r := range records {
		places[i].newest = r
		x.places[r.Key] = &places[i]
		x.order.Load(r.Key, &places[i])
	}
	return x
}
