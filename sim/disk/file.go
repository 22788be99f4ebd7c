package disk

import (
	"fmt"

	"github.com/fauxkube/fauxkube/sim"
)

// inode is a file's content, whatever its name.
type inode struct {
	disk *Disk
	// now is what reading sees; durable is what is left if everything pending is lost. Until they are apart, durable is a
	// beginning of now in the same array: a log that is only appended to is there once.
	now, durable content
	apart        bool
	pending      []change
	// applied counts the changes that are no longer pending, dirty the bytes of those that are.
	applied uint64
	dirty   int64
}

// File is an open file.
type File struct {
	*inode
	name string
}

// Name is the name under which the file was opened.
func (f *File) Name() string { return f.name }

// Size is the file's length in bytes.
func (f *File) Size() int64 { return f.now.size }

// Append writes at the end of the file and returns where. The payload must never change afterwards.
func (f *File) Append(payload any, sizeBytes int) (offset int64, err error) {
	offset = f.now.size
	return offset, f.Write(offset, payload, sizeBytes)
}

// Write writes at an offset, into the page cache: it takes no time and is not durable. The payload must never change
// afterwards. It fails with ErrNoSpace.
func (f *File) Write(offset int64, payload any, sizeBytes int) error {
	if offset < 0 || sizeBytes < 0 {
		panic(fmt.Sprintf("disk: write of %d bytes at %d in %s", sizeBytes, offset, f.name))
	}
	if sizeBytes == 0 {
		return nil
	}
	size := max(f.now.size, offset+int64(sizeBytes))
	if err := f.disk.reserve(size - f.now.size); err != nil {
		return err
	}
	d := f.disk
	d.writes++
	d.stats.BytesWritten += int64(sizeBytes)
	f.change(change{size: size, extent: Extent{
		Offset: offset, Length: int64(sizeBytes), Payload: payload, Size: int64(sizeBytes), write: d.writes,
	}})
	return nil
}

// Truncate sets the file's length; growth reads as zeros.
func (f *File) Truncate(size int64) error {
	if size < 0 {
		panic(fmt.Sprintf("disk: truncation of %s to %d bytes", f.name, size))
	}
	if err := f.disk.reserve(size - f.now.size); err != nil {
		return err
	}
	f.change(change{size: size, truncate: true})
	return nil
}

func (n *inode) change(x change) {
	if x.truncate || x.extent.Offset < n.now.end() {
		n.part()
	}
	n.now.apply(&x)
	n.pending = append(n.pending, x)
	n.dirty += x.extent.Length
}

// part gives durable an array of its own, before now changes elsewhere than at its end.
func (n *inode) part() {
	if !n.apart {
		n.durable, n.apart = n.durable.clone(), true
	}
}

// Sync makes everything written to the file before this call durable and then calls done, with nil or ErrIO, in an
// event of the process that called it, never before Sync returns.
func (f *File) Sync(done func(error)) {
	d := f.disk
	r := d.newRequest()
	r.file, r.upTo, r.bytes, r.synced = f.inode, f.applied+uint64(len(f.pending)), f.dirty, done
	d.sync(r)
}

// SyncTask is Sync for a task, which it parks.
func (f *File) SyncTask(t *sim.Task) error {
	var done sim.Future[struct{}]
	f.Sync(func(err error) { done.Set(struct{}{}, err) })
	_, err := done.Await(t, sim.Forever)
	return err
}

// Load reads the whole file, which takes time, and calls done with what Records returns then.
func (f *File) Load(done func([]Record, error)) {
	d := f.disk
	r := d.newRequest()
	r.file, r.read, r.bytes, r.loaded = f.inode, true, f.now.size, done
	d.stats.Reads++
	d.enqueue(r, d.draws.Duration(purposeRead, d.config.ReadLatency))
}

// Dirty returns how many bytes were written and are not durable; overwritten ones count each time.
func (f *File) Dirty() int64 {
	f.disk.settle()
	return f.dirty
}

// sync draws the latency of a flush and queues it.
func (d *Disk) sync(r *request) {
	latency := d.draws.Duration(purposeSync, d.config.SyncLatency)
	if d.faults.slow != nil {
		latency += d.draws.Duration(purposeSlow, d.faults.slow)
	}
	r.fails, r.lies = d.faults.failing, d.faults.lying
	d.stats.Syncs++
	d.enqueue(r, latency)
}

// persist makes the changes that a finished sync covers durable.
func (n *inode) persist(r *request) {
	count := int(r.upTo - min(r.upTo, n.applied))
	for i := range n.pending[:count] {
		x := &n.pending[i]
		n.dirty -= x.extent.Length
		switch {
		case r.fails:
			n.part()
		case n.apart:
			n.durable.apply(x)
		default:
			n.durable.extents, n.durable.size = n.now.extents[:len(n.durable.extents)+1], x.size
		}
	}
	n.applied += uint64(count)
	rest := copy(n.pending, n.pending[count:])
	clear(n.pending[rest:])
	n.pending = n.pending[:rest]
}
