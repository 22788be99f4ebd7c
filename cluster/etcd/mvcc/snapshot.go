package mvcc

// Snapshot is the state of a keyspace at one revision. It never changes; the records are shared.
type Snapshot struct {
	keys            frozen
	log             history
	revision        int64
	compactRevision int64
	floor           *int64
	sizeBytes       int64
}

// Snapshot takes the state as it is.
func (s *Store) Snapshot() *Snapshot {
	return &Snapshot{
		keys: s.keys.freeze(), log: s.log.share(), revision: s.revision, compactRevision: s.compactRevision,
		floor: s.floor, sizeBytes: s.sizeBytes,
	}
}

// Revision is the revision of the state.
func (s *Snapshot) Revision() int64 { return s.revision }

// SizeBytes is the modelled size of the database file.
func (s *Snapshot) SizeBytes() int64 { return s.sizeBytes }

// Restore returns a store in the state of a snapshot. The leases, restored from the same snapshot, have their keys
// attached again.
func Restore(from *Snapshot, leases Leases) *Store {
	s := &Store{
		keys: from.keys.thaw(), log: from.log.share(), revision: from.revision,
		compactRevision: from.compactRevision, floor: from.floor, sizeBytes: from.sizeBytes, leases: leases,
	}
	if leases == nil {
		return s
	}
	from.keys.each(func(r *Record) {
		if r.Lease != 0 {
			leases.Attach(r.Lease, r.Key)
		}
	})
	return s
}

// Clone returns a snapshot that shares nothing but keys and values with the original: what another member gets, so
// that each member owns its records.
func (s *Snapshot) Clone() *Snapshot {
	floor := max(s.compactRevision, *s.floor) // What the records have lost is lost in their copies, too.
	copied := make(map[*Record]*Record, len(s.log.records))
	newest := make([]*Record, 0, s.keys.len())
	s.keys.each(func(r *Record) { newest = append(newest, cloneList(r, copied)) })
	c := &Snapshot{
		keys: freezeAll(newest), revision: s.revision, compactRevision: s.compactRevision, floor: &floor, sizeBytes: s.sizeBytes,
	}
	c.log.records = make([]*Record, len(s.log.records))
	for i, r := range s.log.records {
		c.log.records[i] = cloneList(r, copied)
	}
	return c
}

func cloneList(r *Record, copied map[*Record]*Record) *Record {
	if r == nil {
		return nil
	}
	if c := copied[r]; c != nil {
		return c
	}
	c := new(Record)
	*c = *r
	copied[r] = c
	c.previous = cloneList(r.previous, copied)
	return c
}

// Bump returns the same state at a higher revision, compacted there: none of the revisions before can be read.
func (s *Snapshot) Bump(revisions int64) *Snapshot {
	store := Restore(s.Clone(), nil)
	store.revision += revisions
	if _, _, err := store.Compact(store.revision); err != nil {
		panic("mvcc: a revision that nobody has seen was compacted: " + err.Error())
	}
	return store.Snapshot()
}
