package etcd

import "github.com/fauxkube/fauxkube/sim"

// backend models the database file beside the log: every 100 ms, or every 10,000 operations, what has changed is written
// and synced, off the path of acknowledgements but through the same disk. What a member recovers from is its
// snapshots and the log, which hold the same state.
type backend struct {
	pages      int64 // Bytes changed since the last commit.
	operations int
	armed      bool
	committing bool
	began      sim.Monotonic
	// next are told when a commit that has not begun yet is durable, current when the one under way is.
	next, current []func()
	// fileBytes is the size of the file: it grows with what is in use and shrinks only by defragmentation.
	fileBytes int64
}

// pageBytes is bbolt's page size; a changed key costs about a page of its own.
const pageBytes = 4096

// note counts changed keys.
func (b *backend) note(m *Member, changes int) {
	b.operations += changes
	b.pages += int64(changes) * pageBytes
	switch {
	case b.operations >= backendLimit:
		b.commit(m)
	case !b.armed:
		b.armed = true
		m.process.At(backendInterval, 0, m.kinds.backend, 0, m)
	}
}

func commitBackend(_ uint64, ref any) {
	m := ref.(*Member)
	m.backend.armed = false
	if !m.stopped {
		m.backend.commit(m)
	}
}

// force commits whatever there is and calls done when it is durable.
func (b *backend) force(m *Member, done func()) {
	b.next = append(b.next, done)
	b.commit(m)
}

// commit writes what has changed. One that is still under way takes what comes meanwhile along with the next.
func (b *backend) commit(m *Member) {
	if b.committing || b.operations == 0 && len(b.next) == 0 {
		return
	}
	m.updateSizes()
	f := m.process.Machine().Disk().Open(m.config.diskPrefix() + "db")
	size := min(max(b.pages, pageBytes), max(b.fileBytes, pageBytes))
	b.pages, b.operations = 0, 0
	b.current, b.next = b.next, nil
	if err := f.Write(0, nil, int(size)); err != nil {
		m.fail(err)
		return
	}
	b.committing, b.began = true, m.monotonic()
	f.Sync(func(err error) {
		b.committing = false
		switch {
		case m.ended():
		case err != nil:
			m.fail(err)
		default:
			b.committed(m)
		}
	})
}

func (b *backend) committed(m *Member) {
	m.metrics.backendCommit.Observe(m.monotonic().Sub(b.began))
	waited := b.current
	b.current = nil
	for _, done := range waited {
		done()
	}
	if len(b.next) > 0 {
		b.commit(m)
	}
}

// updateSizes brings the modelled size of the file up to date.
func (m *Member) updateSizes() {
	inUse := m.store.SizeBytes()
	m.backend.fileBytes = max(m.backend.fileBytes, inUse)
	m.metrics.inUseSize.Set(inUse)
	m.metrics.totalSize.Set(m.backend.fileBytes)
}
