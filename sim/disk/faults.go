package disk

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// faults is what is wrong with a disk.
type faults struct {
	slow         sim.Distribution
	full         bool
	failing      bool
	lying        bool
	tear         bool
	stalledUntil sim.Time
}

// SlowSync adds a draw of extra to the latency of each sync from now on; nil ends it.
func (d *Disk) SlowSync(extra sim.Distribution) { d.faults.slow = extra }

// Stall makes the disk do nothing for the given time, or until Unstall; what it was doing and what is queued goes on
// afterwards. Stalls do not add up: the one that ends last counts.
func (d *Disk) Stall(span time.Duration) {
	now := d.simulation.Now()
	from := max(now, d.faults.stalledUntil)
	until := now.Add(span)
	if until <= from {
		return
	}
	d.faults.stalledUntil = until
	d.postpone(until.Sub(from))
	d.busyUntil = max(d.busyUntil, now).Add(until.Sub(from))
}

// Unstall ends a stall early.
func (d *Disk) Unstall() {
	now := d.simulation.Now()
	left := d.faults.stalledUntil.Sub(now)
	if left <= 0 {
		return
	}
	d.faults.stalledUntil = now
	d.postpone(-left)
	d.busyUntil = max(d.busyUntil.Add(-left), now)
}

// SetFull makes every write that would grow a file fail with ErrNoSpace, whatever the capacity.
func (d *Disk) SetFull(full bool) { d.faults.full = full }

// SetCapacity changes how many bytes the files may take; 0 means no limit.
func (d *Disk) SetCapacity(bytes int64) { d.config.CapacityBytes = bytes }

// FailSync makes syncs that are asked for from now on end with ErrIO, their data lost to later syncs too.
func (d *Disk) FailSync(failing bool) { d.faults.failing = failing }

// LoseSync makes syncs that are asked for from now on succeed without making anything durable, as a disk does that
// keeps flushes in a volatile cache. A later honest sync makes up for them.
func (d *Disk) LoseSync(lying bool) { d.faults.lying = lying }

// TearNext makes the next crash stop the disk in the middle of the first unsynced write of each file, inside a sector
// even, as a disk without power-loss protection may. What came after that write is lost.
func (d *Disk) TearNext() { d.faults.tear = true }

// Rot spoils the sector of a file that holds offset: each record that has bytes there fails its checksum. It reports
// whether there was anything to spoil.
func (d *Disk) Rot(name string, offset int64) bool {
	n, ok := d.names[name]
	if !ok {
		return false
	}
	d.settle()
	from := offset - offset%d.config.SectorBytes
	n.part()
	n.durable.rot(from, from+d.config.SectorBytes)
	return n.now.rot(from, from+d.config.SectorBytes)
}

// RotSomewhere spoils a drawn sector of a drawn file whose name begins with prefix, and returns which. The name is empty
// where there was nothing to spoil.
func (d *Disk) RotSomewhere(prefix string) (name string, offset int64) {
	var total int64
	names := d.List(prefix)
	for _, name := range names {
		total += d.names[name].now.size
	}
	if total == 0 {
		return "", 0
	}
	at := d.draws.Int63n(purposeRot, total)
	for _, name := range names {
		size := d.names[name].now.size
		if at < size {
			if !d.Rot(name, at) {
				return "", 0
			}
			return name, at
		}
		at -= size
	}
	panic("disk: a drawn offset lies beyond all files")
}

func (c *content) rot(from, to int64) bool {
	parts := c.within(from, to)
	for _, e := range parts {
		e.Rotten = true
		c.put(e)
	}
	return len(parts) > 0
}
