package disk

import (
	"errors"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// What the simulated disk may answer.
var (
	// ErrNoSpace: the disk is full.
	ErrNoSpace = errors.New("no space left on device")
	// ErrIO: a sync failed; as on Linux since 4.13, what it should have saved counts as clean and will not be tried again.
	ErrIO = errors.New("input/output error")
	// ErrNotExist: there is no file of that name.
	ErrNotExist = errors.New("file does not exist")
)

// Config describes a disk. The zero value is a cloud SSD.
type Config struct {
	// Name is the stable identifier of the disk's draws.
	Name string
	// SectorBytes is what the disk writes as a whole or not at all: 512 or 4096; 0 means 4096.
	SectorBytes int64
	// CapacityBytes is what all files together may take; 0 means no limit.
	CapacityBytes int64
	// SyncLatency is how long one flush takes that has the disk to itself; nil means CloudSSD.
	SyncLatency sim.Distribution
	// BytesPerSecond is what a flush or a read moves besides its latency; 0 means 125 MiB/s, the baseline that
	// AWS documents for gp3 volumes.
	BytesPerSecond int64
	// ReadLatency is the time to the first byte of a read; nil means 200 µs, of the order of a network-attached SSD's.
	ReadLatency sim.Distribution
}

const defaultBytesPerSecond = 125 << 20

// CloudSSD is the latency of fdatasync measured with fio on a cloud SSD: p50 .78 ms, p90 2.18, p99 2.38, p99.5 9.6,
// p99.9 15.8 ms, and rarely a stall above 1 s (the source is named in the etcd FAQ's guidance on disks, which asks for a
// p99 below 10 ms).
func CloudSSD() sim.Distribution {
	body := sim.LogNormal(780*time.Microsecond, 2380*time.Microsecond)
	slow := sim.WithTail(body, 7_000, sim.Uniform(8*time.Millisecond, 16*time.Millisecond))
	return sim.WithTail(slow, 1, sim.Uniform(time.Second, 2*time.Second))
}

// Disk is a simulated disk with one flat directory and one queue: syncs and reads are served one after the other, as
// the journal of a file system does with commits.
type Disk struct {
	simulation *sim.Simulation
	config     Config
	draws      *sim.Stream
	doneKind   sim.Kind

	names   map[string]*inode
	durable map[string]*inode
	pending []nameChange
	// applied counts the name changes that became durable, so that requests can say how far they reach.
	applied uint64

	requests  []*request
	head      int
	busyUntil sim.Time
	free      []*request

	used   int64
	writes uint64
	faults faults
	stats  Stats
}

// Stats counts what a disk has done.
type Stats struct {
	Syncs, Reads, Crashes int64
	BytesWritten          int64
	// Waited is the time that syncs spent in the queue before the disk began with them.
	Waited time.Duration
}

// Draws of a disk's stream.
const (
	purposeSync sim.Purpose = iota
	purposeSlow
	purposeRead
	purposeCrash
	purposeSector
	purposeNames
	purposeRot
)

// New returns an empty disk.
func New(s *sim.Simulation, c Config) *Disk {
	if c.SectorBytes == 0 {
		c.SectorBytes = 4096
	}
	if c.BytesPerSecond == 0 {
		c.BytesPerSecond = defaultBytesPerSecond
	}
	if c.SyncLatency == nil {
		c.SyncLatency = s.Attach("disk.cloudSSD", func() any { return CloudSSD() }).(sim.Distribution)
	}
	if c.ReadLatency == nil {
		c.ReadLatency = sim.Fixed(200 * time.Microsecond)
	}
	return &Disk{
		simulation: s, config: c, draws: s.Stream("disk/" + c.Name), doneKind: s.Kind("disk.done", finish),
		names: map[string]*inode{}, durable: map[string]*inode{},
	}
}

// Name is the disk's name.
func (d *Disk) Name() string { return d.config.Name }

// Used returns how many bytes the files take.
func (d *Disk) Used() int64 { return d.used }

// Stats returns the counts so far.
func (d *Disk) Stats() Stats { return d.stats }

// reserve accounts for growth of files; negative growth always succeeds.
func (d *Disk) reserve(bytes int64) error {
	if bytes > 0 && (d.faults.full || d.config.CapacityBytes > 0 && d.used+bytes > d.config.CapacityBytes) {
		return ErrNoSpace
	}
	d.used += bytes
	return nil
}
