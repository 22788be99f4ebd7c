package etcd

import (
	"errors"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// compactions are what a member does about history: what is still to be dropped, and when it asks for a compaction by
// itself.
type compactions struct {
	// queue holds what is to be dropped, the drop under way first; left counts the records that it has still to look at.
	queue []*drop
	left  int
	auto  autoCompaction
}

// drop is the work that follows a compaction: the keyspace refuses old revisions at once, but finding what can go, a
// thousand records at a time, and committing that takes a while (server/storage/mvcc/kvstore_compaction.go).
type drop struct {
	// dropped records are among looked ones.
	dropped, looked int
	// done are those who wait for the end.
	done []func()
}

// Numbers of etcd (server/storage/mvcc/kvstore.go: defaultCompactionBatchLimit, defaultCompactionSleepInterval).
const (
	dropBatch = 1000
	dropPause = 10 * time.Millisecond
)

func (m *Member) applyCompaction(r *CompactionRequest) (any, int, error) {
	dropped, looked, err := m.store.Compact(r.Revision)
	if err != nil {
		return nil, 0, err
	}
	if uint64(dropped) >= m.config.SnapshotEntries {
		m.snapshots.wanted = true // The one before holds on to the history that is gone.
	}
	m.compactions.queue = append(m.compactions.queue, &drop{dropped: dropped, looked: looked})
	if len(m.compactions.queue) == 1 {
		m.startDrop()
	}
	return &CompactionResponse{Header: m.header()}, headerBytes, nil
}

// answerCompaction answers whoever asked for a compaction: at once, or when everything is dropped and committed where
// the request says so. One that comes too late waits for those before it.
func (m *Member) answerCompaction(c *Command, response any, sizeBytes int, err error) {
	waits := c.request.(*CompactionRequest).Physical && !errors.Is(err, ErrFutureRev)
	if n := len(m.compactions.queue); waits && n > 0 && c.call != nil {
		last := m.compactions.queue[n-1]
		last.done = append(last.done, answerLater(m.takeCall(c), response, sizeBytes, err))
		return
	}
	m.answer(c, response, sizeBytes, err)
}

func answerLater(call *network.ServerCall, response any, sizeBytes int, err error) func() {
	return func() { reply(call, response, sizeBytes, err) }
}

func (m *Member) startDrop() {
	m.compactions.left = m.compactions.queue[0].looked
	m.dropBatch()
}

func (m *Member) dropBatch() {
	n := min(m.compactions.left, dropBatch)
	m.compactions.left -= n
	m.process.Charge(m.ops.compact, int64(n), 0, m.kinds.dropped, uint64(n), m)
}

// droppedBatch commits what a batch has dropped, and goes on after a pause; only those who wait for the end need the
// last commit.
func droppedBatch(n uint64, ref any) {
	m := ref.(*Member)
	if m.ended() || len(m.compactions.queue) == 0 {
		return
	}
	m.updateSizes()
	d := m.compactions.queue[0]
	m.backend.pages += int64(n) * int64(d.dropped) / int64(max(d.looked, 1)) * pageBytes
	switch {
	case m.compactions.left > 0:
		m.backend.force(m, func() { m.process.At(dropPause, 0, m.kinds.dropNext, 0, m) })
	case len(d.done) > 0:
		m.backend.force(m, m.endDrop)
	default:
		m.endDrop()
	}
}

func dropNext(_ uint64, ref any) {
	if m := ref.(*Member); !m.ended() && m.compactions.left > 0 {
		m.dropBatch()
	}
}

func (m *Member) endDrop() {
	finished := m.compactions.queue[0]
	m.compactions.queue = m.compactions.queue[1:]
	for _, done := range finished.done {
		done()
	}
	if len(m.compactions.queue) > 0 {
		m.startDrop()
	}
}

// CompactionMode says how a member compacts by itself, if it does.
type CompactionMode uint8

const (
	// CompactionOff leaves it to the clients.
	CompactionOff CompactionMode = iota
	// CompactionPeriodic keeps the history of CompactionRetention nanoseconds.
	CompactionPeriodic
	// CompactionRevision keeps the last CompactionRetention revisions.
	CompactionRevision
)

// autoCompaction is what a member needs to compact by itself. Every member looks, the leader compacts.
type autoCompaction struct {
	// revisions are the newest revisions at the last looks, oldest first, back to the beginning of the period.
	revisions []int64
	// last is the revision of the last compaction, succeeded when it was, or when the member started.
	last      int64
	succeeded sim.Monotonic
	// settled says that the first whole period has passed.
	settled bool
}

// revisionInterval is how often history is compacted by revision. By period that is each period, each hour where it is
// longer, with ten looks in between (server/etcdserver/api/v3compactor).
const revisionInterval = 5 * time.Minute

func (m *Member) compactionPeriod() time.Duration { return time.Duration(m.config.CompactionRetention) }

func (m *Member) compactionInterval() time.Duration { return min(m.compactionPeriod(), time.Hour) }

// compactionLook is the time between two looks.
func (m *Member) compactionLook() time.Duration {
	if m.config.CompactionMode == CompactionRevision {
		return revisionInterval
	}
	return m.compactionInterval() / 10
}

func (m *Member) startAutoCompaction() {
	if m.config.CompactionMode == CompactionOff || m.config.CompactionRetention <= 0 {
		return
	}
	m.compactions.auto = autoCompaction{succeeded: m.monotonic()}
	m.awaitLook()
}

// awaitLook notes the present revision, forgets what is older than the period, and plans the next look.
func (m *Member) awaitLook() {
	a := &m.compactions.auto
	a.revisions = append(a.revisions, m.store.Revision())
	if m.config.CompactionMode == CompactionRevision || len(a.revisions) > int(m.compactionPeriod()/m.compactionLook())+1 {
		a.revisions = a.revisions[1:]
	}
	m.process.At(m.compactionLook(), 0, m.kinds.autoCompact, 0, m)
}

func compactDue(_ uint64, ref any) {
	m := ref.(*Member)
	if m.stopped {
		return
	}
	target := m.store.Revision() - m.config.CompactionRetention
	if m.config.CompactionMode == CompactionPeriodic {
		target = m.periodStart()
	}
	if !m.IsLeader() || target <= 0 || target == m.compactions.auto.last {
		m.awaitLook()
		return
	}
	a := &m.compactions.auto
	a.settled = true
	m.proposeOwn(&CompactionRequest{Revision: target}, func(err error) {
		if err == nil || errors.Is(err, ErrCompacted) {
			a.last, a.succeeded = target, m.monotonic()
		}
		m.awaitLook()
	})
}

// periodStart is the revision at the beginning of the period, 0 where it is too early to compact there.
func (m *Member) periodStart() int64 {
	a := &m.compactions.auto
	interval := m.compactionInterval()
	if !a.settled {
		interval = m.compactionPeriod()
	}
	if m.monotonic().Sub(a.succeeded) < interval {
		return 0
	}
	return a.revisions[0]
}
