package watch

import (
	"cmp"
	"slices"
	"sort"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// question is what the watchers of a group have in common.
type question struct {
	key, end                string
	prevKV, noPut, noDelete bool
}

// group is the synced watchers of one question and what they are about to be told.
type group struct {
	question
	watchers []*Watcher
	// members counts the watchers in any state; the group is forgotten with the last one.
	members int
	// batch holds the events since the last flush.
	batch []mvcc.Event
}

func (g *group) wants(r *mvcc.Record) bool {
	if r.Deleted() {
		return !g.noDelete
	}
	return !g.noPut
}

// index finds the groups that watch a key.
type index struct {
	groups map[question]*group
	byKey  map[string][]*group
	ranges []*group // In order of creation.
	// borders are the ends of all ranges, sorted; cover[i] are the groups that watch the keys in
	// [borders[i], borders[i+1]). Both are rebuilt when dirty.
	borders []string
	cover   [][]*group
	dirty   bool
}

func newIndex() index {
	return index{groups: map[question]*group{}, byKey: map[string][]*group{}}
}

// group returns the group of a question, a new one if need be, and counts a member.
func (x *index) join(q question) *group {
	g := x.groups[q]
	if g == nil {
		g = &group{question: q}
		x.groups[q] = g
		if q.end == "" {
			x.byKey[q.key] = append(x.byKey[q.key], g)
		} else {
			x.ranges = append(x.ranges, g)
			x.dirty = true
		}
	}
	g.members++
	return g
}

// leave takes a member out of its group.
func (x *index) leave(g *group) {
	if g.members--; g.members > 0 {
		return
	}
	delete(x.groups, g.question)
	if g.end != "" {
		x.ranges = remove(x.ranges, g)
		x.dirty = true
		return
	}
	if rest := remove(x.byKey[g.key], g); len(rest) > 0 {
		x.byKey[g.key] = rest
	} else {
		delete(x.byKey, g.key)
	}
}

func remove(groups []*group, g *group) []*group {
	i := slices.Index(groups, g)
	return slices.Delete(groups, i, i+1)
}

// covering returns the groups of ranges that hold a key.
func (x *index) covering(key string) []*group {
	if x.dirty {
		x.rebuild()
	}
	i := sort.Search(len(x.borders), func(i int) bool { return x.borders[i] > key })
	if i == 0 {
		return nil
	}
	return x.cover[i-1]
}

func (x *index) rebuild() {
	x.dirty = false
	x.borders = x.borders[:0]
	for _, g := range x.ranges {
		x.borders = append(x.borders, g.key)
		if g.end != mvcc.AllKeys {
			x.borders = append(x.borders, g.end)
		}
	}
	slices.Sort(x.borders)
	x.borders = slices.Compact(x.borders)
	x.cover = make([][]*group, len(x.borders))
	for _, g := range x.ranges {
		first, _ := slices.BinarySearch(x.borders, g.key)
		for i := first; i < len(x.borders) && (g.end == mvcc.AllKeys || x.borders[i] < g.end); i++ {
			x.cover[i] = append(x.cover[i], g)
		}
	}
}

// sorted lists all groups by key, end and options.
func (x *index) sorted() []*group {
	all := make([]*group, 0, len(x.groups))
	for _, g := range x.groups { //sim:unordered sorted below
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.end, b.end), cmp.Compare(a.options(), b.options()))
	})
	return all
}

func (q question) options() (bits int) {
	for i, set := range [...]bool{q.prevKV, q.noPut, q.noDelete} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}
