package etcd

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// watches is the member's side of watching: the streams on which clients watch, and the timers of the hub.
type watches struct {
	// inOrder are the sessions that require a leader or progress notifications, in order of creation.
	inOrder  []*session
	flushing bool
	syncing  bool
	// leaderless counts election timeouts without a leader.
	leaderless  int
	leaderTimer sim.Timer
}

// session is one watch on one stream.
type session struct {
	member  *Member
	stream  *network.ServerStream
	request *WatchRequest
	watcher *watch.Watcher
	// progressEvery is the time between progress notifications.
	progressEvery time.Duration
	reason        error
	over          bool
}

// progressRequest asks on a watch's stream how far it is.
type progressRequest struct{}

// Send implements watch.Sink.
func (s *session) Send(r *WatchResponse) bool {
	if !s.stream.Send(r, r.SizeBytes()) {
		return false
	}
	if r.Canceled { // The last word: it says why.
		s.reason = r.Reason
		s.close()
	}
	return true
}

// serveWatch begins a watch.
func (m *Member) serveWatch(st *network.ServerStream) {
	r := st.Payload().(*WatchRequest)
	if r.RequireLeader && m.leader == 0 {
		st.Close(ErrNoLeader)
		return
	}
	s := &session{member: m, stream: st, request: r}
	st.OnClosed(func(error) { s.end() })
	st.OnMessage(func(any, int) { m.hub.Progress(s.watcher) })
	st.OnWritable(func() {
		m.hub.Writable(s.watcher)
		m.armWatchSync()
	})
	s.watcher = m.hub.Watch(r, s)
	if s.over {
		return
	}
	if r.RequireLeader || r.ProgressNotify {
		m.watches.inOrder = append(m.watches.inOrder, s)
	}
	if r.ProgressNotify {
		s.startProgress()
	}
	m.metrics.watchers.Set(int64(m.hub.Watchers()))
	m.armWatchSync()
}

// end takes a watch whose stream is gone off the hub.
func (s *session) end() {
	if s.over {
		return
	}
	s.over = true
	m := s.member
	if s.watcher != nil {
		m.hub.Cancel(s.watcher)
	}
	for i, other := range m.watches.inOrder {
		if other == s {
			m.watches.inOrder = append(m.watches.inOrder[:i], m.watches.inOrder[i+1:]...)
			break
		}
	}
	m.metrics.watchers.Set(int64(m.hub.Watchers()))
}

// close ends the stream after everything that was sent.
func (s *session) close() {
	reason := s.reason
	s.end()
	s.stream.Close(reason)
}

// startProgress begins progress notifications: each interval and up to a tenth of it, drawn once for each stream, so that
// clients that came together are not told together (v3rpc/watch.go: GetProgressReportInterval).
func (s *session) startProgress() {
	m := s.member
	interval := m.config.WatchProgressInterval
	s.progressEvery = interval + time.Duration(m.draws.Int63n(purposeProgress, int64(interval)/10))
	s.armProgress()
}

func (s *session) armProgress() {
	s.member.process.At(s.progressEvery, 0, s.member.kinds.watchProgress, 0, s)
}

func progressDue(_ uint64, ref any) {
	s := ref.(*session)
	if s.over || s.member.stopped {
		return
	}
	s.member.hub.ProgressTick(s.watcher)
	s.armProgress()
}

// flushWatches tells the watchers what has been applied, when the processor has done the work of it.
func (m *Member) flushWatches() {
	w := &m.watches
	waiting := m.hub.Waiting()
	switch {
	case waiting == 0:
		m.hub.Flush()
	case !w.flushing:
		w.flushing = true
		m.process.Charge(m.ops.watch, int64(waiting), 0, m.kinds.flush, uint64(waiting), m)
	}
}

func flushHub(_ uint64, ref any) {
	m := ref.(*Member)
	m.watches.flushing = false
	if !m.stopped {
		m.hub.Flush()
		m.armWatchSync()
	}
}

// armWatchSync plans the next look at the watchers that are behind, if there are any. It follows at once where the last
// one has helped some of them and there are more (server/storage/mvcc/watchable_store.go: syncWatchersLoop).
func (m *Member) armWatchSync() {
	w := &m.watches
	if !w.syncing && m.hub.Unsynced() > 0 {
		w.syncing = true
		m.process.At(watchSyncInterval, 0, m.kinds.watchSync, 0, m)
	}
}

func syncWatchers(_ uint64, ref any) {
	m := ref.(*Member)
	m.watches.syncing = false
	if m.stopped {
		return
	}
	before := m.hub.Unsynced()
	events := m.hub.Sync()
	if left := m.hub.Unsynced(); left > 0 && left < before {
		m.watches.syncing = true
		m.process.Charge(m.ops.sync, int64(events), 0, m.kinds.watchSync, 0, m)
		return
	}
	if events > 0 {
		m.process.Charge(m.ops.sync, int64(events), 0, m.kinds.worked, 0, m)
	}
	m.armWatchSync()
}

// watchLeader starts or stops counting how long the member has been without a leader.
func (m *Member) watchLeader() {
	w := &m.watches
	m.process.Cancel(w.leaderTimer)
	w.leaderless = 0
	if m.leader == 0 {
		w.leaderTimer = m.process.At(m.config.ElectionTimeout, 0, m.kinds.leaderWatch, 0, m)
	}
}

// leaderMissing ends the watches that require a leader when there has been none for three election timeouts: without
// one a member may be cut off, and its silence would say nothing.
func leaderMissing(_ uint64, ref any) {
	m := ref.(*Member)
	w := &m.watches
	if m.stopped || m.leader != 0 {
		return
	}
	if w.leaderless++; w.leaderless < noLeaderPeriods {
		w.leaderTimer = m.process.At(m.config.ElectionTimeout, 0, m.kinds.leaderWatch, 0, m)
		return
	}
	for _, s := range append([]*session(nil), w.inOrder...) {
		if s.request.RequireLeader {
			s.reason = ErrNoLeader
			s.close()
		}
	}
}
