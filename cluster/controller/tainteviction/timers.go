package tainteviction

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// timers are the evictions that wait or run, one per pod name.
type timers struct {
	process *host.Process
	fire    func(pod types.NamespacedName)
	pending map[types.NamespacedName]*pending
}

// pending is one eviction.
type pending struct {
	created sim.Monotonic
	timer   sim.Timer
	running bool
}

func newTimers(p *host.Process, fire func(types.NamespacedName)) *timers {
	return &timers{process: p, fire: fire, pending: make(map[types.NamespacedName]*pending)}
}

// add schedules the eviction of a pod for delay after created, or starts it now; it does nothing if there is one already.
// As upstream, the timer runs for the whole delay from now on, also where created lies in the past.
func (s *timers) add(pod types.NamespacedName, created sim.Monotonic, delay time.Duration) {
	if s.pending[pod] != nil {
		return
	}
	e := &pending{created: created}
	s.pending[pod] = e
	if delay <= 0 {
		e.running = true
		s.fire(pod)
		return
	}
	e.timer = s.process.After(delay, func() {
		e.running = true
		s.fire(pod)
	})
}

// scheduled is when the waiting eviction of a pod was created; false if none waits.
func (s *timers) scheduled(pod types.NamespacedName) (created sim.Monotonic, ok bool) {
	e := s.pending[pod]
	if e == nil || e.running {
		return 0, false
	}
	return e.created, true
}

// cancel forgets the eviction of a pod; true if it was waiting. One that runs goes on.
func (s *timers) cancel(pod types.NamespacedName) bool {
	e := s.pending[pod]
	if e == nil {
		return false
	}
	delete(s.pending, pod)
	if e.running {
		return false
	}
	s.process.Cancel(e.timer)
	return true
}

// finished forgets an eviction that has run.
func (s *timers) finished(pod types.NamespacedName) { delete(s.pending, pod) }
