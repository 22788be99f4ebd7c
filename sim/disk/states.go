package disk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CrashState is one content that a file may have after a crash.
type CrashState struct {
	Size    int64
	Records []Record
	// Prefix is what File.Prefix would return.
	Prefix []Record
	state  content
}

// CrashStates returns every content that the file could have if the power failed now, without repetition, in a fixed
// order, sectors torn only at their borders. It is for small files: beyond limit outcomes it returns an error.
func (f *File) CrashStates(limit int) ([]CrashState, error) {
	f.disk.settle()
	full := f.firstChanges(len(f.pending))
	sectors := slices.Sorted(maps.Keys(full.versions))
	count := len(f.pending) + 1
	for _, s := range sectors {
		if count *= full.versions[s] + 1; count > limit {
			return nil, fmt.Errorf("%s has more than %d crash states", f.name, limit)
		}
	}
	var states []CrashState
	seen := map[string]bool{}
	o := outcome{versions: map[int64]int{}}
	var choose func(i int)
	choose = func(i int) {
		if i < len(sectors) {
			for v := 0; v <= full.versions[sectors[i]]; v++ {
				o.versions[sectors[i]] = v
				choose(i + 1)
			}
			return
		}
		for o.sizes = 0; o.sizes <= len(f.pending); o.sizes++ {
			c := f.after(&o)
			if key := c.fingerprint(); !seen[key] {
				seen[key] = true
				states = append(states, newCrashState(c))
			}
		}
	}
	choose(0)
	return states, nil
}

// BecomeState makes the file what it would be had the power failed with this outcome: for proofs that go through all
// of CrashStates, each on a simulation of its own or one after the other on one.
func (f *File) BecomeState(s CrashState) {
	f.disk.settle()
	f.durable = s.state.clone()
	f.now, f.apart = f.durable, false
	f.applied += uint64(len(f.pending))
	f.pending, f.dirty = nil, 0
}

func newCrashState(c content) CrashState {
	s := CrashState{Size: c.size, Records: c.records(), state: c}
	f := File{inode: &inode{now: c}}
	s.Prefix, _, _ = f.Prefix()
	return s
}

// fingerprint tells contents apart.
func (c *content) fingerprint() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", c.size)
	for _, e := range c.extents {
		fmt.Fprintf(&b, " %d+%d=%d:%d%t", e.Offset, e.Length, e.write, e.From, e.Rotten)
	}
	return b.String()
}
