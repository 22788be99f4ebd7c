package mvcc

import "slices"

// Bugs are mistakes that can be planted, to show that they are found (etcd.Bugs).
type Bugs struct {
	// CompactionDropsTombstone takes a deletion at the compacted revision away too.
	CompactionDropsTombstone bool
	// TxnJudgesByFloor has ranges in transactions judged by what this member has let go of, instead of what all have.
	TxnJudgesByFloor bool
}

// Plant plants bugs.
func (s *Store) Plant(b Bugs) { s.bugs = b }

// RecountRevision is a bug: the revision becomes that of the newest record that is left.
func (s *Store) RecountRevision() {
	s.revision = max(1, s.compactRevision-1)
	s.keys.ascend("", func(r *Record) bool {
		s.revision = max(s.revision, r.ModRevision)
		return true
	})
}

// dropTombstones forgets the deletions of a revision.
func (h *history) dropTombstones(revision int64) {
	h.records = slices.DeleteFunc(slices.Clone(h.records), func(r *Record) bool { return r.ModRevision == revision && r.Deleted() })
}
