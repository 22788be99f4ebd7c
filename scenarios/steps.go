package scenarios

import (
	"fmt"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/judge"
	"github.com/fauxkube/fauxkube/sim"
)

// step is a planned step with what became of it.
type step struct {
	*plannedStep
	done                 sim.Signal
	began, ended         sim.Time
	hasBegan, hasEnded   bool
	output               string
	failure              string
	settleFrom           sim.Time
	convergence          *float64
	convergenceUndecided bool
	// waiting is set while the step waits for its expression.
	waiting *judge.Wait
}

// perform waits for the step's time, does what it says, and tells everybody.
func (r *run) perform(t *sim.Task, s *step) {
	r.awaitTurn(t, s)
	r.stepBegins(s)
	output, err := r.act(t, s)
	s.output = output
	if err != nil {
		s.failure = err.Error()
		s.ended, s.hasEnded = r.simulation.Now(), true
		r.fail("step %s failed", s.ID)
		return
	}
	r.stepEnds(s)
	s.done.Set()
}

// awaitTurn sleeps until the step's time, or until its predecessor has ended and the pause is over.
func (r *run) awaitTurn(t *sim.Task, s *step) {
	if s.previous == nil {
		t.Sleep(s.At.Duration())
		return
	}
	t.Wait(sim.Forever, &r.byID[s.previous.ID].done)
	if pause := s.After.Pause.Duration(); pause > 0 {
		t.Sleep(pause)
	}
}

func (r *run) stepBegins(s *step) {
	s.began, s.hasBegan = r.simulation.Now(), true
	r.current = s
	if s.disturbs() {
		r.closeSegments()
	}
	r.judge.StepBegan(s.ID)
}

func (r *run) stepEnds(s *step) {
	s.ended, s.hasEnded = r.simulation.Now(), true
	if s.disturbs() {
		s.settleFrom, s.convergenceUndecided = s.ended, true
		r.segments = append(r.segments, s)
	}
	r.judge.StepEnded(s.ID)
	if r.options.StepEnded != nil {
		r.options.StepEnded(s.ID)
	}
	r.consider()
}

// faultEnds lets a fault's convergence count from its end, unless the next step has begun.
func (r *run) faultEnds(s *step) {
	if s.convergenceUndecided {
		s.settleFrom = r.simulation.Now()
	}
}

// closeSegments decides how long it took to settle after the steps whose time is over now.
func (r *run) closeSegments() {
	since, settled := r.settling.Since()
	settled = settled && r.store == nil // A store alone has no desired state.
	for _, s := range r.segments {
		s.convergenceUndecided = false
		if settled {
			seconds := max(since.Duration()-s.settleFrom.Duration(), 0).Seconds()
			s.convergence = &seconds
		}
	}
	r.segments = nil
}

// row is the step's line in the report.
func (r *run) row(s *step) reports.Step {
	row := reports.Step{ID: s.ID, What: s.what(), Verdict: reports.Held, Output: s.output, Error: s.failure, Convergence: s.convergence}
	if s.hasBegan {
		row.Started = r.seconds(s.began)
	}
	if s.hasEnded {
		row.Ended = r.seconds(s.ended)
	}
	switch {
	case s.failure != "":
		row.Verdict = reports.Failed
	case !s.hasBegan:
		row.Verdict = reports.NotSeen
		row.Error = fmt.Sprintf("not begun when %s", r.why())
	case !s.hasEnded:
		row.Verdict = reports.NotSeen
		if r.ending.TimedOut {
			row.Verdict = reports.Failed
		}
		row.Error = fmt.Sprintf("not done when %s", r.why())
		if s.waiting != nil {
			row.Error += s.waitState()
		}
	}
	return row
}

func (r *run) why() string {
	if r.ending.Why == "" {
		return "the run ended"
	}
	return r.ending.Why
}

func (r *run) seconds(at sim.Time) *float64 {
	s := r.since(at).Seconds()
	return &s
}
