package mvcc

// Hasher is a value that knows a hash of its content; others count by their size only.
type Hasher interface {
	Hash() uint64
}

// Hash is that of the content.
func (b Bytes) Hash() uint64 { return HashString(hashSeed, string(b)) }

const hashSeed = 0x9e3779b97f4a7c15

// Mix folds a number into a hash: a multiplication and a shift, so that every bit reaches the upper half.
func Mix(h, v uint64) uint64 {
	h = (h ^ v) * 0xff51afd7ed558ccd
	return h ^ h>>32
}

// HashString folds a string into a hash, eight bytes at a time.
func HashString(h uint64, s string) uint64 {
	h = Mix(h, uint64(len(s)))
	for len(s) >= 8 {
		h = Mix(h, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56)
		s = s[8:]
	}
	var last uint64
	for i := range len(s) {
		last |= uint64(s[i]) << (8 * i)
	}
	return Mix(h, last)
}

// Hash folds a record into a hash, without the content of its value.
func (r *Record) Hash(h uint64) uint64 {
	h = HashString(h, r.Key)
	h = Mix(h, uint64(r.ModRevision))
	h = Mix(h, uint64(r.CreateRevision))
	h = Mix(h, uint64(r.Version))
	return Mix(h, uint64(r.Lease)<<32^uint64(r.sizeBytes))
}

func (r *Record) hashWithValue(h uint64) uint64 {
	h = r.Hash(h)
	if v, ok := r.Value.(Hasher); ok {
		h = Mix(h, v.Hash())
	}
	return h
}

// HashKV hashes the keyspace as of a revision (0 is the newest): what the last compaction kept and everything after
// it. Members that are compacted at the same revision, which is returned, have the same hash.
func (s *Store) HashKV(revision int64) (hash uint64, compactRevision int64, err error) {
	first := s.FirstRevision()
	switch {
	case revision == 0:
		revision = s.revision
	case revision > s.revision:
		return 0, 0, ErrFutureRev
	case revision > 0 && revision < first:
		return 0, 0, ErrCompacted
	}
	h := uint64(hashSeed)
	s.keys.ascend("", func(newest *Record) bool {
		if r := newest.at(first - 1); r != nil && r.Version != 0 && newest.at(first) == r {
			h = r.hashWithValue(h)
		}
		return true
	})
	for _, r := range s.log.from(first) {
		if r.ModRevision > revision {
			break
		}
		h = r.hashWithValue(h)
	}
	return h, first, nil
}
