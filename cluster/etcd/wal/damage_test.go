package wal

import (
	"errors"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// A segment whose end is bad is refused where another one follows: that was cut when this one was durable.
func TestBadEndBeforeASuccessorIsRefused(t *testing.T) {
	b := newBench(t, 1)
	l, err := Create(b.disk, "m/", testMetadata, dataSize)
	must(t, err)
	must(t, l.Append(entries(1, 2, 3), raftpb.HardState{Term: 1, Commit: 2}))
	must(t, l.Append(entries(1, 4, 5), raftpb.HardState{Term: 1, Commit: 3})) // Nothing says that this one was durable but what follows.
	b.sync(l)
	must(t, l.Cut())
	b.sync(l)
	f := b.disk.Open(b.disk.List("m/")[0])
	last := f.Records()[len(f.Records())-1]
	must(t, f.Write(last.Offset, "zeros", int(last.Length)))
	if _, _, err := b.recover(); !errors.Is(err, ErrDamaged) {
		t.Fatalf("recovery says %v", err)
	}
}

// Entries that are missing in the log are refused, wherever it was that they got lost.
func TestMissingEntriesAreRefused(t *testing.T) {
	b := newBench(t, 1)
	l, err := Create(b.disk, "m/", testMetadata, dataSize)
	must(t, err)
	must(t, l.Append(entries(1, 2, 3), raftpb.HardState{Term: 1}))
	must(t, l.Append(entries(1, 6, 7), raftpb.HardState{Term: 1}))
	b.sync(l)
	if _, _, err := b.recover(); !errors.Is(err, ErrDamaged) {
		t.Errorf("a gap between entries: %v", err)
	}
	for _, x := range []struct {
		name     string
		state    State
		snapshot uint64
		damaged  bool
	}{
		{"behind the snapshot", State{Entries: entries(1, 4, 6)}, 3, false},
		{"from before the snapshot on", State{Entries: entries(1, 2, 6)}, 3, false},
		{"a gap behind the snapshot", State{Entries: entries(1, 5, 6)}, 3, true},
		{"no entries", State{HardState: raftpb.HardState{Commit: 3}}, 3, false},
		{"committed up to the end", State{Entries: entries(1, 4, 6), HardState: raftpb.HardState{Commit: 6}}, 3, false},
		{"committed beyond the end", State{Entries: entries(1, 4, 6), HardState: raftpb.HardState{Commit: 7}}, 3, true},
		{"committed, and nothing there", State{HardState: raftpb.HardState{Commit: 4}}, 3, true},
	} {
		if _, err := x.state.After(x.snapshot); errors.Is(err, ErrDamaged) != x.damaged {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}
