package mvcc

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Revision is one put or deletion in the export of a snapshot.
type Revision struct {
	KeyValue
	Deleted bool
}

// CompactRevision is the revision at which the state was compacted; -1 where it was not.
func (s *Snapshot) CompactRevision() int64 { return s.compactRevision }

// Living lists the keys that exist, in order.
func (s *Snapshot) Living() []*KeyValue {
	var all []*KeyValue
	s.keys.each(func(newest *Record) {
		if newest.Version != 0 {
			all = append(all, &newest.KeyValue)
		}
	})
	return all
}

// Export lists everything that the snapshot holds, in the order in which it was written: the states that the last
// compaction kept, by revision and key, and then the log.
func (s *Snapshot) Export() []Revision {
	var kept []*Record
	s.keys.each(func(newest *Record) {
		r := newest.at(s.compactRevision - 1)
		if r != nil && r.Version != 0 && newest.at(s.compactRevision) == r {
			kept = append(kept, r)
		}
	})
	slices.SortFunc(kept, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.ModRevision, b.ModRevision), cmp.Compare(a.Key, b.Key))
	})
	all := make([]Revision, 0, len(kept)+len(s.log.records))
	for _, records := range [2][]*Record{kept, s.log.records} {
		for _, r := range records {
			all = append(all, Revision{r.KeyValue, r.Deleted()})
		}
	}
	return all
}

// Import builds the snapshot that was exported. It checks that the revisions fit together.
func Import(all []Revision, revision, compactRevision int64) (*Snapshot, error) {
	floor := compactRevision
	s := &Snapshot{revision: revision, compactRevision: compactRevision, floor: &floor}
	last := map[string]*Record{}
	for i := range all {
		r := &Record{KeyValue: all[i].KeyValue, previous: last[all[i].Key]}
		if err := s.admit(r, all[i].Deleted); err != nil {
			return nil, err
		}
		last[r.Key] = r
	}
	newest := make([]*Record, 0, len(last))
	for _, key := range slices.Sorted(maps.Keys(last)) {
		newest = append(newest, last[key])
	}
	s.keys = freezeAll(newest)
	return s, nil
}

// admit adds the next record in order.
func (s *Snapshot) admit(r *Record, deleted bool) error {
	newest := int64(0)
	if n := len(s.log.records); n > 0 {
		newest = s.log.records[n-1].ModRevision
	}
	before := r.previous
	switch {
	case r.ModRevision < newest || r.ModRevision > s.revision:
		return fmt.Errorf("revision %d of %q is out of order", r.ModRevision, r.Key)
	case deleted != (r.Version == 0):
		return fmt.Errorf("revision %d of %q has version %d", r.ModRevision, r.Key, r.Version)
	case r.Version > 1 && before != nil && (before.Version != r.Version-1 || before.CreateRevision != r.CreateRevision):
		return fmt.Errorf("revision %d of %q does not follow revision %d", r.ModRevision, r.Key, before.ModRevision)
	}
	r.sizeBytes = int32(r.SizeBytes())
	if before != nil {
		r.replacedBytes = before.sizeBytes
	}
	s.sizeBytes += int64(r.sizeBytes)
	if r.ModRevision >= s.compactRevision {
		s.log.append(r)
		if r.ModRevision == s.compactRevision {
			s.sizeBytes -= int64(r.replacedBytes)
			r.previous = nil
		}
	}
	return nil
}
