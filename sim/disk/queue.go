package disk

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// request is a sync or a read in the disk's queue. The queue is served in order, so the end of a request is known when
// it comes, unless the disk stalls.
type request struct {
	disk *Disk
	// file is nil for a sync of the directory.
	file *inode
	// upTo is the number of changes, since the file's or the directory's beginning, that a sync makes durable.
	upTo uint64
	read bool
	// fails and lies are the faults in force when the request came.
	fails, lies bool
	end         sim.Time
	owner       *sim.Process
	timer       sim.Timer
	bytes       int64
	synced      func(error)
	loaded      func([]Record, error)
}

// enqueue plans r behind what is queued. The event belongs to the process that asks.
func (d *Disk) enqueue(r *request, latency time.Duration) {
	now := d.simulation.Now()
	start := max(now, d.busyUntil, d.faults.stalledUntil)
	d.stats.Waited += start.Sub(now)
	r.disk, r.owner = d, d.simulation.Running()
	r.end = start.Add(latency + d.transfer(r.bytes))
	d.busyUntil = r.end
	d.requests = append(d.requests, r)
	d.arm(r)
}

func (d *Disk) arm(r *request) {
	owner := r.owner
	if owner == nil {
		owner = d.simulation.World()
	}
	r.timer = owner.AtTime(r.end, 0, d.doneKind, uint64(r.bytes), r)
}

func (d *Disk) transfer(bytes int64) time.Duration {
	whole, rest := bytes/d.config.BytesPerSecond, bytes%d.config.BytesPerSecond
	return time.Duration(whole)*time.Second + time.Duration(rest*int64(time.Second)/d.config.BytesPerSecond)
}

// settle carries out what the disk has finished by now, whether or not the process that asked for it still lives.
func (d *Disk) settle() {
	now := d.simulation.Now()
	for d.head < len(d.requests) && d.requests[d.head].end <= now {
		r := d.requests[d.head]
		d.requests[d.head] = nil
		d.head++
		d.persist(r)
	}
	if d.head == len(d.requests) {
		d.requests, d.head = d.requests[:0], 0
	} else if d.head > 64 && d.head*2 > len(d.requests) {
		n := copy(d.requests, d.requests[d.head:])
		clear(d.requests[n:])
		d.requests, d.head = d.requests[:n], 0
	}
}

func (d *Disk) persist(r *request) {
	switch {
	case r.read || r.lies:
	case r.file == nil:
		d.persistNames(r)
	default:
		r.file.persist(r)
	}
}

// finish tells the process that its request is done.
func finish(_ uint64, ref any) {
	r := ref.(*request)
	d := r.disk
	d.settle()
	file, synced, loaded, fails := r.file, r.synced, r.loaded, r.fails
	*r = request{}
	d.free = append(d.free, r)
	var err error
	if fails {
		err = ErrIO
	}
	if loaded != nil {
		loaded(file.now.records(), err)
		return
	}
	synced(err)
}

func (d *Disk) newRequest() *request {
	if n := len(d.free); n > 0 {
		r := d.free[n-1]
		d.free = d.free[:n-1]
		return r
	}
	return &request{}
}

// postpone moves everything that is not finished by the same time: the disk stands still meanwhile.
func (d *Disk) postpone(by time.Duration) {
	d.settle()
	for _, r := range d.requests[d.head:] {
		d.simulation.Cancel(r.timer)
		r.end = r.end.Add(by)
		d.arm(r)
	}
}
