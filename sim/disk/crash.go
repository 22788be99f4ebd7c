package disk

import (
	"maps"
	"math"
	"slices"

	"github.com/fauxkube/fauxkube/sim"
)

// outcome is what a crash made of a file's pending changes: the legal ones differ in nothing else.
type outcome struct {
	// versions says for each sector that was written how many of the writes that touch it are on the disk. They are
	// always the first ones.
	versions map[int64]int
	// sizes is how many of the changes count for the file's size, again the first ones.
	sizes int
	// tornAt, where torn is set, is how many bytes of the change with the number sizes got out besides.
	torn   bool
	tornAt int64
}

// Crash leaves of every file what a loss of power leaves. Whoever asked for a sync is taken to be dead.
func (d *Disk) Crash() {
	d.settle()
	for _, r := range d.requests[d.head:] {
		d.simulation.Cancel(r.timer)
	}
	clear(d.requests)
	d.requests, d.head = d.requests[:0], 0
	d.busyUntil = d.simulation.Now()
	d.stats.Crashes++
	d.crashFiles()
	d.crashNames()
	d.faults.tear = false
	d.used = 0
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.used += d.names[name].now.size
	}
}

// crashFiles draws an outcome for every file that has a name now or may have had one, each from its own stream.
func (d *Disk) crashFiles() {
	seen := map[*inode]bool{}
	fall := func(names map[string]*inode) {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if n := names[name]; !seen[n] {
				seen[n] = true
				n.crash(d.simulation.Stream("disk/" + d.config.Name + "/" + name))
			}
		}
	}
	fall(d.names)
	fall(d.durable)
}

func (d *Disk) crashNames() {
	kept := int(d.draws.Int63n(purposeNames, int64(len(d.pending))+1))
	for i := range d.pending[:kept] {
		d.pending[i].apply(d.durable)
	}
	d.applied += uint64(len(d.pending))
	d.pending = nil
	d.names = maps.Clone(d.durable)
}

func (n *inode) crash(draws *sim.Stream) {
	if len(n.pending) > 0 {
		o := n.drawOutcome(draws)
		n.durable = n.after(&o)
	}
	n.now, n.apart = n.durable, false
	n.applied += uint64(len(n.pending))
	n.pending, n.dirty = nil, 0
}

// drawOutcome chooses among: everything lost, everything kept, some first changes kept, each sector on its own. Drawing
// each sector on its own alone would tear nearly every write and lose nearly every log's tail.
func (n *inode) drawOutcome(draws *sim.Stream) outcome {
	if n.disk.faults.tear {
		return n.tornOutcome(draws)
	}
	switch draws.Int63n(purposeCrash, 4) {
	case 0:
		return n.firstChanges(0)
	case 1:
		return n.firstChanges(len(n.pending))
	case 2:
		return n.firstChanges(int(draws.Int63n(purposeCrash, int64(len(n.pending))+1)))
	}
	o := n.firstChanges(len(n.pending))
	for _, sector := range slices.Sorted(maps.Keys(o.versions)) {
		o.versions[sector] = int(draws.Int63n(purposeSector, int64(o.versions[sector])+1))
	}
	o.sizes = int(draws.Int63n(purposeCrash, int64(len(n.pending))+1))
	return o
}

// firstChanges is the outcome in which the first count changes, and no others, got out.
func (n *inode) firstChanges(count int) outcome {
	o := outcome{versions: map[int64]int{}, sizes: count}
	for i := range n.pending[:count] {
		for sector := range n.sectors(&n.pending[i]) {
			o.versions[sector]++
		}
	}
	return o
}

// tornOutcome breaks off inside the first write.
func (n *inode) tornOutcome(draws *sim.Stream) outcome {
	first := slices.IndexFunc(n.pending, func(x change) bool { return !x.truncate })
	if first < 0 {
		return n.firstChanges(0)
	}
	o := n.firstChanges(first)
	o.torn, o.tornAt = true, draws.Int63n(purposeSector, n.pending[first].extent.Length)
	return o
}

// sectors iterates over the sectors that a change writes.
func (n *inode) sectors(x *change) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		if x.truncate {
			return
		}
		size := n.disk.config.SectorBytes
		for s := x.extent.Offset / size; s*size < x.extent.end(); s++ {
			if !yield(s) {
				return
			}
		}
	}
}

// after is the file's content after an outcome.
func (n *inode) after(o *outcome) content {
	c := n.durable.clone()
	seen := map[int64]int{}
	size := n.disk.config.SectorBytes
	finalSize := n.durable.size
	for i := range n.pending {
		x := &n.pending[i]
		if i < o.sizes {
			finalSize = x.size
			if x.truncate {
				c.cut(x.size, endOfFile)
			}
		}
		for s := range n.sectors(x) {
			seen[s]++
			if seen[s] <= o.versions[s] {
				c.put(x.extent.clip(s*size, (s+1)*size))
			}
		}
	}
	if o.torn {
		x := &n.pending[o.sizes]
		c.put(x.extent.clip(x.extent.Offset, x.extent.Offset+o.tornAt))
		finalSize = x.size
	}
	c.cut(finalSize, endOfFile)
	c.size = finalSize
	c.join()
	return c
}

// endOfFile lies behind every offset.
const endOfFile = math.MaxInt64

// join puts neighbouring pieces of one write together again.
func (c *content) join() {
	out := c.extents[:0]
	for _, e := range c.extents {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if last.write == e.write && last.end() == e.Offset && last.From+last.Length == e.From && last.Rotten == e.Rotten {
				last.Length += e.Length
				continue
			}
		}
		out = append(out, e)
	}
	clear(c.extents[len(out):])
	c.extents = out
}
