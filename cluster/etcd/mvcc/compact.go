package mvcc

// Compact makes the history before a revision unreadable and lets go of it. It returns how many records it visited,
// which is what the work costs.
func (s *Store) Compact(revision int64) (visited int, err error) {
	s.begin()
	switch {
	case revision <= s.compactRevision:
		return 0, ErrCompacted
	case revision > s.revision:
		return 0, ErrFutureRev
	}
	for _, r := range s.log.from(s.compactRevision) {
		if r.ModRevision > revision {
			break
		}
		s.compactRecord(r, revision)
		visited++
	}
	s.compactRevision = revision
	*s.floor = max(*s.floor, revision)
	s.log.drop(revision)
	if s.bugs.CompactionDropsTombstone {
		s.log.dropTombstones(revision)
	}
	return visited, nil
}

// compactRecord cuts off what a record replaced, and removes a tombstone. Tombstones at the compacted revision itself
// wait for the next compaction, for the sake of watchers that start there.
func (s *Store) compactRecord(r *Record, revision int64) {
	if r.ModRevision > s.compactRevision {
		s.sizeBytes -= int64(r.replacedBytes)
		r.previous = nil
	}
	if r.Version != 0 || r.ModRevision == revision && !s.bugs.CompactionDropsTombstone {
		return
	}
	if s.keys.get(r.Key) == r {
		s.keys.remove(r.Key)
		s.sizeBytes -= int64(r.sizeBytes)
	}
}
