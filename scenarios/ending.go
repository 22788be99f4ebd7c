package scenarios

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/judge"
	"github.com/fauxkube/fauxkube/sim"
)

const (
	// quietPeriod is how long every desired state must have held for the run to be over: longer than the node
	// lifecycle controller's grace period of 50 s, after which a silent node shows.
	quietPeriod = time.Minute
	// settleLimit bounds the wait for it: longer than the 5 minutes that pods tolerate a dead node, and what follows.
	settleLimit = 10 * time.Minute
)

// closing is the end of a run, from when everything is decided.
type closing struct {
	begun bool
	from  sim.Time
	look  sim.Timer
}

// armLimits bounds the run's simulated time from step time 0.
func (r *run) armLimits() {
	world := r.simulation.World()
	if d := r.options.Duration; d > 0 {
		world.After(d, func() { r.end(judge.Ending{Why: fmt.Sprintf("the run was cut off at %v", d)}) })
		return
	}
	timeout := r.plan.scenario.Spec.Timeout.Duration()
	if timeout == 0 {
		timeout = defaultTimeout
	}
	world.After(timeout, func() {
		e := judge.Ending{Why: fmt.Sprintf("the scenario's timeout of %v was reached", timeout), TimedOut: true}
		if r.stepsDone() && !r.judge.Undecided() {
			e = judge.Ending{} // Only the settling is cut short.
		}
		r.end(e)
	})
}

// end ends the run after the current step of the kernel.
func (r *run) end(e judge.Ending) {
	if r.ended {
		return
	}
	r.ended, r.ending = true, e
	r.simulation.Stop(errEnded)
}

// fail ends the run because something that it needs did not happen.
func (r *run) fail(why string, args ...any) {
	if !r.started {
		r.problem = fmt.Sprintf(why, args...)
	}
	r.end(judge.Ending{Why: fmt.Sprintf(why, args...), Broken: true})
}

func (r *run) stepsDone() bool {
	for _, s := range r.steps {
		if !s.hasEnded {
			return false
		}
	}
	return true
}

// consider ends the run if nothing more can come of it. It is called whenever that may have changed.
func (r *run) consider() {
	if !r.started || r.ended || r.options.Duration > 0 || r.lifts > 0 || !r.stepsDone() || r.judge.Undecided() {
		return
	}
	if r.judge.Failed() {
		r.end(judge.Ending{})
		return
	}
	if r.store != nil {
		r.store.considerEnd()
		return
	}
	world := r.simulation.World()
	now := r.simulation.Now()
	if !r.closing.begun {
		r.closing.begun, r.closing.from = true, now
		world.After(settleLimit, func() { r.end(judge.Ending{}) })
	}
	r.simulation.Cancel(r.closing.look)
	since, settled := r.settling.Since()
	if !settled {
		return
	}
	if over := max(since, r.closing.from).Add(quietPeriod); now < over {
		r.closing.look = world.After(over.Duration()-now.Duration(), r.consider)
		return
	}
	r.end(judge.Ending{})
}
