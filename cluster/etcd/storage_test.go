package etcd

import (
	"math"
	"reflect"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"
)

// The storage answers as raft's own does.
func TestStorageEqualsRaftsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ours, theirs := newLogStorage(), raft.NewMemoryStorage()
		term := uint64(1)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			last, first := ours.last(), ours.offset()
			switch rapid.IntRange(0, 6).Draw(t, "action") {
			case 0, 1, 2:
				from := rapid.Uint64Range(first+1, last+1).Draw(t, "from")
				term++
				var entries []raftpb.Entry
				for i := range rapid.Uint64Range(1, 5).Draw(t, "count") {
					entries = append(entries, raftpb.Entry{Term: term, Index: from + i, Data: make([]byte, 8)})
				}
				ours.append(entries)
				if err := theirs.Append(entries); err != nil {
					t.Fatal(err)
				}
			case 3:
				if last > first {
					at := rapid.Uint64Range(first+1, last).Draw(t, "compact")
					ours.compact(at)
					if err := theirs.Compact(at); err != nil {
						t.Fatal(err)
					}
				}
			case 4:
				s := raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{Index: last + 3, Term: term}}
				ours.install(s)
				if err := theirs.ApplySnapshot(s); err != nil {
					t.Fatal(err)
				}
			}
			compareStorage(t, ours, theirs)
		}
	})
}

func compareStorage(t *rapid.T, ours *logStorage, theirs *raft.MemoryStorage) {
	first, _ := theirs.FirstIndex()
	last, _ := theirs.LastIndex()
	if x, _ := ours.FirstIndex(); x != first || ours.last() != last {
		t.Fatalf("entries %d to %d instead of %d to %d", x, ours.last(), first, last)
	}
	for index := max(first, 3) - 3; index <= last+2; index++ {
		x, err := ours.Term(index)
		y, err2 := theirs.Term(index)
		if x != y || err != err2 {
			t.Fatalf("term of %d: %d, %v instead of %d, %v", index, x, err, y, err2)
		}
	}
	low := rapid.Uint64Range(first-min(first, 2), last).Draw(t, "low")
	high := rapid.Uint64Range(low, last+1).Draw(t, "high")
	size := rapid.SampledFrom([]uint64{0, 20, 50, math.MaxUint64}).Draw(t, "size")
	x, err := ours.Entries(low, high, size)
	y, err2 := theirs.Entries(low, high, size)
	if err != err2 || len(x) != len(y) || len(x) > 0 && !reflect.DeepEqual(x, y) {
		t.Fatalf("entries [%d, %d) up to %d bytes: %v, %v instead of %v, %v", low, high, size, x, err, y, err2)
	}
}
