package disk

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
)

// bytewise is the dumb twin: a file as bytes, its unsynced operations as a list, and crash states by trying everything.
type bytewise struct {
	sector  int
	durable []byte
	ops     []operation
}

// operation writes data at offset or, where data is nil, sets the size.
type operation struct {
	offset int
	data   []byte
	size   int
}

func (o operation) apply(b []byte) []byte {
	if o.data == nil {
		return resized(b, o.size)
	}
	b = resized(b, max(len(b), o.offset+len(o.data)))
	copy(b[o.offset:], o.data)
	return b
}

func resized(b []byte, size int) []byte {
	out := make([]byte, size)
	copy(out, b)
	return out
}

func (w *bytewise) now() []byte {
	b := slices.Clone(w.durable)
	for _, o := range w.ops {
		b = o.apply(b)
	}
	return b
}

// states returns all legal contents: each sector after some first few of the writes that touch it, and the length and
// the truncations of some first few operations.
func (w *bytewise) states() map[string]bool {
	top := len(w.durable)
	for _, o := range w.ops {
		top = max(top, o.offset+len(o.data), o.size)
	}
	sectors := (top + w.sector - 1) / w.sector
	all := map[string]bool{}
	for sizes := 0; sizes <= len(w.ops); sizes++ {
		prefix := slices.Clone(w.durable)
		for _, o := range w.ops[:sizes] {
			prefix = o.apply(prefix)
		}
		var build func(done []byte, sector int)
		build = func(done []byte, sector int) {
			if sector == sectors {
				all[string(resized(done, len(prefix)))] = true
				return
			}
			for _, version := range w.versions(sector, sizes) {
				build(append(slices.Clone(done), version...), sector+1)
			}
		}
		build(nil, 0)
	}
	return all
}

// versions returns what may be in one sector given how many operations count for the length.
func (w *bytewise) versions(sector, sizes int) [][]byte {
	from := sector * w.sector
	touches := 0
	for _, o := range w.ops {
		if o.data != nil && o.offset < from+w.sector && o.offset+len(o.data) > from {
			touches++
		}
	}
	var versions [][]byte
	for kept := 0; kept <= touches; kept++ {
		b := resized(w.durable, from+w.sector)
		seen := 0
		for i, o := range w.ops {
			switch {
			case o.data == nil:
				if i < sizes {
					b = resized(resized(b, min(o.size, len(b))), from+w.sector)
				}
			case o.offset < from+w.sector && o.offset+len(o.data) > from:
				if seen++; seen <= kept {
					b = resized(o.apply(b), from+w.sector)
				}
			}
		}
		versions = append(versions, b[from:])
	}
	return versions
}

func TestCrashStatesAgreeWithTheBytewiseTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := sim.New(sim.Config{NoWatchdog: true, Seed: rapid.Uint64().Draw(rt, "seed")})
		defer s.Close()
		d := New(s, Config{Name: "d", SectorBytes: 4, SyncLatency: sim.Fixed(10)})
		f := d.Open("f")
		d.SyncDirectory(func(error) {})
		twin := &bytewise{sector: 4}
		letter := byte('a')
		for range rapid.IntRange(1, 7).Draw(rt, "operations") {
			switch rapid.IntRange(0, 5).Draw(rt, "operation") {
			case 0:
				f.Sync(func(error) {})
				if err := s.Run(s.Now() + 1_000_000); err != nil {
					rt.Fatal(err)
				}
				twin.durable, twin.ops = twin.now(), nil
			case 1:
				size := rapid.IntRange(0, 12).Draw(rt, "size")
				f.Truncate(int64(size))
				twin.ops = append(twin.ops, operation{size: size})
			default:
				offset := rapid.IntRange(0, 10).Draw(rt, "offset")
				if rapid.Bool().Draw(rt, "append") {
					offset = int(f.Size())
				}
				data := make([]byte, rapid.IntRange(1, 6).Draw(rt, "length"))
				for i := range data {
					data[i] = letter
				}
				letter++
				f.Write(int64(offset), data, len(data))
				twin.ops = append(twin.ops, operation{offset: offset, data: data})
			}
			if string(f.Bytes()) != string(twin.now()) {
				rt.Fatalf("reads %q, want %q", f.Bytes(), twin.now())
			}
		}
		legal := twin.states()
		states, err := f.CrashStates(100_000)
		if err != nil {
			rt.Skip(err)
		}
		seen := map[string]bool{}
		for _, state := range states {
			g := File{inode: &inode{now: state.state}}
			seen[string(g.Bytes())] = true
		}
		for want := range legal {
			if !seen[want] {
				rt.Fatalf("%q is legal and was not listed among %d states", want, len(states))
			}
		}
		for got := range seen {
			if !legal[got] {
				rt.Fatalf("%q was listed and is not legal", got)
			}
		}
		d.Crash()
		if got := string(f.Bytes()); !legal[got] {
			rt.Fatalf("a crash left %q, which is not legal", got)
		}
		if got, now := fmt.Sprint(f.durable), fmt.Sprint(f.now); got != now {
			rt.Fatalf("after a crash the durable content is %s and reads %s", got, now)
		}
	})
}

func TestCrashStatesOfALog(t *testing.T) {
	s, d := newDisk(t, Config{SectorBytes: 512})
	f := d.Open("wal")
	f.Append("synced", 100)
	f.Sync(func(error) {})
	run(t, s, 1<<30)
	f.Append("one", 600)
	f.Append("two", 100)
	states, err := f.CrashStates(1000)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range states {
		got = append(got, fmt.Sprintf("%d: %s", s.Size, describe(s.Records)))
	}
	want := []string{
		// Sector 0 as it was, then with one's first part; sector 1 as it was, with one's rest, with two. A length that
		// is shorter cuts.
		"100: synced@0",
		"700: synced@0", "800: synced@0",
		"700: synced@0, one@100 torn", "800: synced@0, one@100 torn",
		"800: synced@0, one@100 torn, two@700",
		"700: synced@0, one@100 torn", "800: synced@0, one@100 torn",
		"700: synced@0, one@100", "800: synced@0, one@100",
		"800: synced@0, one@100, two@700",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%q\nwant\n%q", got, want)
	}
	f.BecomeState(states[len(states)-1])
	d.Crash()
	if f.Size() != states[len(states)-1].Size {
		t.Fatal("the file did not become the state")
	}
	if _, err := f.CrashStates(1000); err != nil {
		t.Fatal(err)
	}
	f.Append("large", 1<<20)
	if _, err := f.CrashStates(1000); err == nil {
		t.Fatal("a thousand sectors have no list of states")
	}
}
