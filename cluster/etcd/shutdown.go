package etcd

import (
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"

	"github.com/fauxkube/fauxkube/sim"
)

// shutdown is a member on its way out, as after SIGTERM.
type shutdown struct {
	member *Member
	began  sim.Monotonic
	done   func()
}

// handoverCheck is how often a leader that leaves looks whether another one leads (etcdserver/server.go: one tick).
const handoverCheck = 100 * time.Millisecond

// Shutdown ends the member in order: a leader hands the leadership to the voter that has most of the log, waits until
// that leads, at most for a request's time, and then the process ends. done, which may be nil, is called before that.
func (m *Member) Shutdown(done func()) {
	s := &shutdown{member: m, began: m.monotonic(), done: done}
	if m.Serving() && m.IsLeader() {
		if heir := m.heir(); heir != 0 {
			m.node.TransferLeader(heir)
			m.wake()
		}
	}
	s.proceed()
}

// proceed ends the process once nobody depends on its leadership.
func (s *shutdown) proceed() {
	m := s.member
	waited := m.monotonic().Sub(s.began)
	if m.Serving() && m.IsLeader() && m.heir() != 0 && waited < m.config.requestTimeout() {
		m.process.At(handoverCheck, 0, m.kinds.handover, 0, s)
		return
	}
	m.stopped = true
	if s.done != nil {
		s.done()
	}
	m.process.Kill()
}

func handover(_ uint64, ref any) { ref.(*shutdown).proceed() }

// heir is the connected voter whose log matches farthest, the lowest id among equals; 0 where there is none.
func (m *Member) heir() (heir uint64) {
	match := make(map[uint64]uint64, len(m.cluster.members))
	m.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) { match[id] = p.Match })
	for _, p := range m.cluster.sorted() {
		if p.ID != m.id && !p.Learner && m.hears(p.ID) && (heir == 0 || match[p.ID] > match[heir]) {
			heir = p.ID
		}
	}
	return heir
}
