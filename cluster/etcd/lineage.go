package etcd

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// lineage is what a member's log holds, as one number for each index: a hash over term and content of every entry up to
// there. So two logs are equal up to an index if their numbers there are, and comparing costs the same however long they
// are. It follows the log as raft believes it, which is not durable yet.
type lineage struct {
	// hashes[i] belongs to index base+i.
	base   uint64
	hashes []uint64
}

func (l *lineage) last() uint64 { return l.base + uint64(len(l.hashes)) - 1 }

// at is the number of an index; false where the log does not reach it, or has let go of it.
func (l *lineage) at(index uint64) (uint64, bool) {
	if index < l.base || index > l.last() {
		return 0, false
	}
	return l.hashes[index-l.base], true
}

// restart forgets everything but what a snapshot stands for.
func (l *lineage) restart(index, hash uint64) {
	l.base, l.hashes = index, append(l.hashes[:0], hash)
}

// compact forgets what is before an index.
func (l *lineage) compact(index uint64) {
	if index > l.base {
		l.base, l.hashes = index, dropFront(l.hashes, index-l.base)
	}
}

// extend takes entries in, which replace those of the same and higher indices, and has each compared with those of other
// members.
func (l *lineage) extend(m *Member, entries []raftpb.Entry) {
	if len(entries) == 0 {
		return
	}
	first := entries[0].Index
	if first <= l.base || first > l.last()+1 {
		panic(fmt.Sprintf("etcd: entry %d is appended to a log that goes from %d to %d", first, l.base, l.last()))
	}
	l.hashes = l.hashes[:first-l.base]
	h := l.hashes[len(l.hashes)-1]
	for i := range entries {
		e := &entries[i]
		h = mvcc.Mix(mvcc.Mix(h, e.Term), identity(e))
		l.hashes = append(l.hashes, h)
		m.canonical.logged(m, e.Index, e.Term, h)
	}
}

// identity tells the contents of entries apart.
func identity(e *raftpb.Entry) uint64 {
	switch {
	case len(e.Data) == 0:
		return 0
	case e.Type == raftpb.EntryNormal:
		return commandOf(e).id
	default:
		return mvcc.HashString(1, string(e.Data))
	}
}

// entries are the entries that any log has held: the first one of each index, and those of other terms beside them.
type entries struct {
	base   uint64
	firsts []entrySeen // Of index base+i.
	others map[uint64][]entrySeen
}

// entrySeen is the term of an entry and the lineage up to it. Term 0 is a gap.
type entrySeen struct{ term, lineage uint64 }

// note takes an entry in; false if one of the same index and term has another lineage.
func (x *entries) note(index, term, lineage uint64) bool {
	if x.firsts == nil {
		x.base = index
	}
	if index < x.base {
		return true // Nobody can go back there.
	}
	for x.base+uint64(len(x.firsts)) <= index {
		x.firsts = append(x.firsts, entrySeen{})
	}
	seen := &x.firsts[index-x.base]
	if seen.term == 0 {
		*seen = entrySeen{term, lineage}
	}
	if seen.term == term {
		return seen.lineage == lineage
	}
	for _, other := range x.others[index] {
		if other.term == term {
			return other.lineage == lineage
		}
	}
	if x.others == nil {
		x.others = map[uint64][]entrySeen{}
	}
	x.others[index] = append(x.others[index], entrySeen{term, lineage})
	return true
}

// drop forgets what is before an index.
func (x *entries) drop(before uint64) {
	if before <= x.base || before-x.base <= uint64(len(x.firsts))/2 || before-x.base > uint64(len(x.firsts)) {
		return
	}
	x.firsts = dropFront(x.firsts, before-x.base)
	x.base = before
	for index := range x.others { //sim:unordered each on its own
		if index < before {
			delete(x.others, index)
		}
	}
}
