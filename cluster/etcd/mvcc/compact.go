package mvcc

// Compact makes the history before a revision unreadable and lets go of it. It returns how many records it drops,
// and how many etcd looks at to do that, which is what the work costs: those and the one that each key keeps.
func (s *Store) Compact(revision int64) (dropped, looked int, err error) {
	s.begin()
	switch {
	case revision <= s.compactRevision:
		return 0, 0, ErrCompacted
	case revision > s.revision:
		return 0, 0, ErrFutureRev
	}
	for _, r := range s.log.from(s.compactRevision) {
		if r.ModRevision > revision {
			break
		}
		dropped += s.compactRecord(r, revision)
	}
	s.compactRevision = revision
	*s.floor = max(*s.floor, revision)
	s.log.drop(revision)
	if s.bugs.CompactionDropsTombstone {
		s.log.dropTombstones(revision)
	}
	return dropped, dropped + s.keys.len(), nil
}

// compactRecord cuts off what a record replaced, and removes a tombstone; it returns how many that are. Tombstones at the
// compacted revision itself wait for the next compaction, for the sake of watchers that start there.
func (s *Store) compactRecord(r *Record, revision int64) (dropped int) {
	if r.ModRevision > s.compactRevision && r.replacedBytes > 0 {
		s.sizeBytes -= int64(r.replacedBytes)
		r.previous = nil
		dropped++
	}
	if r.Version != 0 || r.ModRevision == revision && !s.bugs.CompactionDropsTombstone {
		return dropped
	}
	if s.keys.get(r.Key) == r {
		s.keys.remove(r.Key)
		s.sizeBytes -= int64(r.sizeBytes)
		dropped++
	}
	return dropped
}
