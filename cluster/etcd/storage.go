package etcd

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// logStorage is the part of the log that raft may still ask for, in memory: what the member's disk holds behind the
// newest snapshot, and some entries before it for slow followers. raft's own MemoryStorage does the same under a lock.
type logStorage struct {
	state    raftpb.HardState
	snapshot raftpb.Snapshot
	// entries begin with one that is compacted, of which index and term are still known.
	entries []raftpb.Entry
}

var _ raft.Storage = (*logStorage)(nil)

func newLogStorage() *logStorage {
	return &logStorage{entries: make([]raftpb.Entry, 1)}
}

func (s *logStorage) offset() uint64 { return s.entries[0].Index }
func (s *logStorage) last() uint64   { return s.entries[0].Index + uint64(len(s.entries)) - 1 }

// InitialState implements raft.Storage.
func (s *logStorage) InitialState() (raftpb.HardState, raftpb.ConfState, error) {
	return s.state, s.snapshot.Metadata.ConfState, nil
}

// Entries implements raft.Storage.
func (s *logStorage) Entries(low, high, maxSize uint64) ([]raftpb.Entry, error) {
	switch {
	case low <= s.offset():
		return nil, raft.ErrCompacted
	case high > s.last()+1:
		panic(fmt.Sprintf("etcd: raft asks for entries up to %d, the log ends at %d", high, s.last()))
	case len(s.entries) == 1:
		return nil, raft.ErrUnavailable
	}
	found := s.entries[low-s.offset() : high-s.offset()]
	size := uint64(0)
	for i := range found {
		if size += uint64(found[i].Size()); size > maxSize && i > 0 {
			found = found[:i]
			break
		}
	}
	return found[:len(found):len(found)], nil
}

// Term implements raft.Storage.
func (s *logStorage) Term(index uint64) (uint64, error) {
	switch {
	case index < s.offset():
		return 0, raft.ErrCompacted
	case index > s.last():
		return 0, raft.ErrUnavailable
	}
	return s.entries[index-s.offset()].Term, nil
}

// LastIndex implements raft.Storage.
func (s *logStorage) LastIndex() (uint64, error) { return s.last(), nil }

// FirstIndex implements raft.Storage.
func (s *logStorage) FirstIndex() (uint64, error) { return s.offset() + 1, nil }

// Snapshot implements raft.Storage.
func (s *logStorage) Snapshot() (raftpb.Snapshot, error) { return s.snapshot, nil }

// install replaces everything by a snapshot.
func (s *logStorage) install(snapshot raftpb.Snapshot) {
	s.snapshot = snapshot
	s.entries = []raftpb.Entry{{Term: snapshot.Metadata.Term, Index: snapshot.Metadata.Index}}
}

// append adds entries, which replace those of the same and higher indices. Slices handed out before stay as they are.
func (s *logStorage) append(entries []raftpb.Entry) {
	if len(entries) == 0 {
		return
	}
	first := entries[0].Index
	if last := entries[len(entries)-1].Index; last <= s.offset() {
		return
	}
	if first <= s.offset() {
		entries = entries[s.offset()+1-first:]
		first = s.offset() + 1
	}
	switch {
	case first == s.last()+1:
		s.entries = append(s.entries, entries...)
	case first <= s.last():
		kept := s.entries[: first-s.offset() : first-s.offset()]
		s.entries = append(kept, entries...)
	default:
		panic(fmt.Sprintf("etcd: entry %d is appended to a log that ends at %d", first, s.last()))
	}
}

// setSnapshot makes a snapshot of the member's own the one that followers are sent.
func (s *logStorage) setSnapshot(snapshot raftpb.Snapshot) { s.snapshot = snapshot }

// compact forgets the entries up to an index.
func (s *logStorage) compact(index uint64) {
	s.entries = dropFront(s.entries, index-s.offset())
	s.entries[0].Data = nil
}

// dropFront copies what is behind the first n elements, with room to grow to the same length again.
func dropFront[T any](all []T, n uint64) []T {
	return append(make([]T, 0, len(all)+len(all)/8), all[n:]...)
}
