package mvcc

import (
	"slices"
	"sort"
)

// history is the log of records in order of revision. What has been appended never changes, so that a snapshot can
// keep the slice.
type history struct {
	records []*Record
}

func (h *history) append(r *Record) {
	if len(h.records) == cap(h.records) { // The runtime would copy a long history at every quarter.
		h.records = slices.Grow(h.records, len(h.records)+1)
	}
	h.records = append(h.records, r)
}

// from returns the records of a revision and later.
func (h *history) from(revision int64) []*Record {
	i := sort.Search(len(h.records), func(i int) bool { return h.records[i].ModRevision >= revision })
	return h.records[i:]
}

// drop forgets the records before a revision. It copies the rest once in a while, so that their memory returns.
func (h *history) drop(before int64) {
	rest := h.from(before)
	if len(rest) < cap(h.records)/2 {
		rest = append(make([]*Record, 0, len(rest)+len(rest)/4), rest...)
	}
	h.records = rest
}

// share returns the records as they are, for a snapshot: whoever appends to it copies first.
func (h *history) share() history {
	return history{h.records[:len(h.records):len(h.records)]}
}

// Records returns the changes of a revision and later, in order; nil where the revision cannot be read any more.
// The slice must not be modified.
func (s *Store) Records(from int64) []*Record { return s.log.from(from) }
