package wal

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/disk"
)

func dataSize(e *raftpb.Entry) int { return len(e.Data) }

var testMetadata = Metadata{ClusterID: 7, MemberID: 1, Voters: []uint64{1}}

// bench is a disk and its simulation.
type bench struct {
	simulation *sim.Simulation
	disk       *disk.Disk
}

func newBench(t testing.TB, seed uint64) *bench {
	s := sim.New(sim.Config{Seed: seed, NoWatchdog: true})
	t.Cleanup(s.Close)
	return &bench{s, disk.New(s, disk.Config{Name: "d", SectorBytes: 512})}
}

func (b *bench) run() {
	if err := b.simulation.Run(b.simulation.Now().Add(time.Minute)); err != nil {
		panic(err)
	}
}

func (b *bench) sync(l *Log) {
	l.Sync(func(err error) {
		if err != nil {
			panic(err)
		}
	})
	b.run()
}

func (b *bench) recover() (log *Log, state *State, err error) {
	Recover(b.disk, "m/", dataSize, func(l *Log, s *State, e error) { log, state, err = l, s, e })
	b.run()
	return log, state, err
}

func entries(term, from, to uint64) (all []raftpb.Entry) {
	for i := from; i <= to; i++ {
		all = append(all, raftpb.Entry{Term: term, Index: i, Data: make([]byte, 100)})
	}
	return all
}

func indices(entries []raftpb.Entry) (all []uint64) {
	for _, e := range entries {
		all = append(all, e.Index)
	}
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLogRemembersWhatWasWritten(t *testing.T) {
	b := newBench(t, 1)
	l, err := Create(b.disk, "m/", testMetadata, dataSize)
	must(t, err)
	must(t, l.Append(entries(1, 2, 40), raftpb.HardState{Term: 1, Vote: 1, Commit: 20}))
	must(t, l.Append(entries(2, 30, 35), raftpb.HardState{Term: 2, Vote: 3, Commit: 25})) // Replaces 30 to 40.
	must(t, l.Mark(SnapshotMark{Index: 20, Term: 1}))
	b.sync(l)
	b.disk.Crash()
	again, state, err := b.recover()
	must(t, err)
	behind, err := state.After(20)
	must(t, err)
	if got := indices(behind); len(got) != 15 || got[0] != 21 || got[14] != 35 || behind[14].Term != 2 {
		t.Fatalf("entries behind the snapshot: %v", got)
	}
	if state.HardState != (raftpb.HardState{Term: 2, Vote: 3, Commit: 25}) || state.Metadata.MemberID != 1 {
		t.Fatalf("state %+v", state)
	}
	if again.LastIndex() != 35 || len(state.Snapshots) != 1 || state.Snapshots[0].Index != 20 {
		t.Fatalf("last %d, snapshots %v", again.LastIndex(), state.Snapshots)
	}
}

// Every disk state that a crash may leave of three records that were not synced: what was synced is there, and what
// else is there is a first part of what was written.
func TestEveryCrashStateRecovers(t *testing.T) {
	b := newBench(t, 1)
	l, err := Create(b.disk, "m/", testMetadata, dataSize)
	must(t, err)
	must(t, l.Append(entries(1, 2, 3), raftpb.HardState{Term: 1, Commit: 2}))
	b.sync(l)
	for i := uint64(4); i <= 6; i++ {
		e := raftpb.Entry{Term: 1, Index: i, Data: make([]byte, 700)} // Each spans sectors and shares some.
		must(t, l.Append([]raftpb.Entry{e}, raftpb.HardState{Term: 1, Commit: i - 1}))
	}
	file := b.disk.Open(b.disk.List("m/")[0])
	states, err := file.CrashStates(100_000)
	must(t, err)
	seen := map[int]int{}
	for _, s := range states {
		file.BecomeState(s)
		_, state, err := b.recover()
		if err != nil {
			t.Fatalf("state with records %+v: %v", s.Records, err)
		}
		after, err := state.After(1)
		must(t, err)
		if got := indices(after); !slices.Equal(got, []uint64{2, 3, 4, 5, 6}[:len(got)]) || len(got) < 2 {
			t.Fatalf("state with records %+v gives entries %v", s.Records, got)
		}
		seen[len(after)]++
	}
	if len(states) < 50 || len(seen) != 4 {
		t.Fatalf("%d states with %v: too few to prove anything", len(states), seen)
	}
}

// A bad record among those that had been durable is not cut off but refused.
func TestDamageIsRefused(t *testing.T) {
	write := func(b *bench) *disk.File {
		l, err := Create(b.disk, "m/", testMetadata, dataSize)
		must(t, err)
		for i := uint64(2); i < 6; i++ {
			must(t, l.Append(entries(1, i, i), raftpb.HardState{Term: 1, Commit: i - 1}))
			b.sync(l)
		}
		return b.disk.Open(b.disk.List("m/")[0])
	}
	tests := []struct {
		name   string
		damage func(b *bench, f *disk.File)
	}{
		{"hole in the middle", func(b *bench, f *disk.File) {
			r := f.Records()[2]
			must(t, f.Write(r.Offset, "zeros", int(r.Length)/2))
		}},
		{"bit rot", func(b *bench, f *disk.File) { b.disk.Rot(f.Name(), f.Records()[1].Offset) }},
		{"bit rot in the last record", func(b *bench, f *disk.File) { b.disk.Rot(f.Name(), f.Size()-1) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, 1)
			test.damage(b, write(b))
			if _, _, err := b.recover(); !errors.Is(err, ErrDamaged) {
				t.Fatalf("recovery says %v", err)
			}
		})
	}
}

func TestSegmentsAreCutAndReleased(t *testing.T) {
	b := newBench(t, 1)
	l, err := Create(b.disk, "m/", testMetadata, dataSize)
	must(t, err)
	for i := range uint64(4) {
		must(t, l.Append(entries(1, 2+10*i, 11+10*i), raftpb.HardState{Term: 1, Commit: 11 + 10*i}))
		must(t, l.Mark(SnapshotMark{Index: 11 + 10*i, Term: 1}))
		b.sync(l)
		must(t, l.Cut())
		b.sync(l)
		l.Release(11 + 10*i)
	}
	if names := b.disk.List("m/"); len(names) != 1 {
		t.Fatalf("segments %v are left", names)
	}
	_, state, err := b.recover()
	must(t, err)
	if rest, err := state.After(41); err != nil || len(rest) != 0 || len(state.Snapshots) != 1 || state.Snapshots[0].Index != 41 {
		t.Fatalf("%v %v %v", rest, err, state.Snapshots)
	}
}

// A snapshot from the leader voids the entries written before it, also those with higher indices.
func TestResetVoidsTheLog(t *testing.T) {
	b := newBench(t, 1)
	l, err := Create(b.disk, "m/", testMetadata, dataSize)
	must(t, err)
	must(t, l.Append(entries(1, 2, 30), raftpb.HardState{Term: 1, Commit: 5}))
	must(t, l.Mark(SnapshotMark{Index: 20, Term: 3, Reset: true}))
	b.sync(l)
	again, state, err := b.recover()
	must(t, err)
	if rest, err := state.After(20); err != nil || len(rest) != 0 || again.LastIndex() != 20 {
		t.Fatalf("%v %v last %d", indices(rest), err, again.LastIndex())
	}
}

// Random appends, syncs and crashes: nothing durable is ever lost and nothing that was never written appears.
func TestRandomCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sim.New(sim.Config{Seed: rapid.Uint64().Draw(t, "seed"), NoWatchdog: true})
		defer s.Close()
		b := &bench{s, disk.New(s, disk.Config{Name: "d", SectorBytes: 512})}
		l, err := Create(b.disk, "m/", testMetadata, dataSize)
		if err != nil {
			t.Fatal(err)
		}
		b.sync(l)
		durable, written, term := uint64(1), uint64(1), uint64(1)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "action") {
			case 0, 1, 2:
				from := written + 1 - uint64(rapid.IntRange(0, int(min(written-durable, 3))).Draw(t, "back"))
				to := from + uint64(rapid.IntRange(0, 40).Draw(t, "count"))
				term++
				if err := l.Append(entries(term, from, to), raftpb.HardState{Term: term, Commit: durable}); err != nil {
					t.Fatal(err)
				}
				written = to
			case 3:
				b.sync(l)
				durable = written
			case 4:
				if l.Durable() {
					if err := l.Cut(); err != nil {
						t.Fatal(err)
					}
					if rapid.Bool().Draw(t, "syncCut") {
						b.sync(l)
					}
				}
			default:
				b.disk.Crash()
				again, state, err := b.recover()
				if err != nil {
					t.Fatal(err)
				}
				found, err := state.After(1)
				if err != nil {
					t.Fatal(err)
				}
				last := uint64(1)
				if len(found) > 0 {
					last = found[len(found)-1].Index
				}
				if last < durable {
					t.Fatalf("entry %d was durable, the log ends at %d", durable, last)
				}
				l, written = again, last
				b.sync(l)
				durable = written
			}
		}
	})
}
