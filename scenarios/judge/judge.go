package judge

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/expect"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
)

// Source is where expressions find objects and metrics: the store, or an API server's cache.
type Source interface {
	Get(r *api.Resource, key string) (api.Object, bool)
	List(r *api.Resource, namespace string, selector labels.Selector) []api.Object
	Metric(name string, labels map[string]string) (float64, bool)
}

// Change names an object that a commit, or a cache's event, changed; the key "" is all objects of the kind.
type Change struct {
	Resource *api.Resource
	Key      string
}

// Judge decides the expectations of one run.
type Judge struct {
	simulation *sim.Simulation
	origin     sim.Time
	steps      map[string]*stepTimes
	sources    map[string]*source
	// restless are the watches whose value may change without a change of what they read: time, metrics.
	restless []*watch
	trials   []*trial
	// round numbers notifications, so that each watch is evaluated once in each.
	round uint64
	// cause says what is being notified, for messages.
	cause string
	// decided is called after each verdict.
	decided func()
}

// stepTimes are when a step began and ended.
type stepTimes struct {
	began, ended       sim.Time
	hasBegan, hasEnded bool
}

// source is a Source with the watches on it, by the ID of the resource that they read.
type source struct {
	Source
	watches [][]*watch
}

// watch evaluates a program when it may have changed.
type watch struct {
	program *expect.Program
	view    expect.View
	active  bool
	round   uint64
	look    func()
}

// New returns a judge without expectations. store is what expressions see that name no view.
func New(s *sim.Simulation, store Source) *Judge {
	j := &Judge{simulation: s, steps: map[string]*stepTimes{}, sources: map[string]*source{}}
	j.AddView("", store)
	return j
}

// OnDecided sets what is called after each verdict.
func (j *Judge) OnDecided(f func()) { j.decided = f }

// AddView makes a view known under its name.
func (j *Judge) AddView(name string, s Source) {
	j.sources[name] = &source{Source: s, watches: make([][]*watch, len(api.Resources()))}
}

// Expect adds an expectation. It is an error if it names a view that does not exist.
func (j *Judge) Expect(e *format.Expectation, p *expect.Program) error {
	s := j.sources[e.View]
	if s == nil {
		return fmt.Errorf("no API server is called %q", e.View)
	}
	t := &trial{judge: j, spec: e, result: reports.Expectation{ID: e.ID, Text: p.Text, Verdict: reports.NotSeen}}
	t.watch = j.watch(p, s, t.look)
	switch {
	case e.Always != "":
		t.kind, t.result.Kind = always, "always"
	case e.Never != "":
		t.kind, t.result.Kind = never, "never"
	default:
		t.kind, t.result.Kind = eventually, "eventually"
	}
	j.trials = append(j.trials, t)
	return nil
}

func (j *Judge) watch(p *expect.Program, s *source, look func()) *watch {
	w := &watch{program: p, view: view{judge: j, Source: s}, look: look}
	for _, r := range p.Reads {
		s.watches[r.ID] = append(s.watches[r.ID], w)
	}
	if p.ReadsTime || p.ReadsMetrics {
		j.restless = append(j.restless, w)
	}
	return w
}

// Begin is the start of the run: times count from here, and windows without a first bound open.
func (j *Judge) Begin() {
	j.origin = j.simulation.Now()
	j.cause = "at the start"
	for _, t := range j.trials {
		if t.opener() == (format.After{}) {
			t.open()
		}
	}
}

// Commit is told of each commit of the store, after the store shows it.
func (j *Judge) Commit(revision int64, changes []Change) {
	j.round++
	described := false
	for i := range changes {
		watches := j.sources[""].watches[changes[i].Resource.ID]
		if len(watches) == 0 {
			continue
		}
		if !described {
			j.cause, described = fmt.Sprintf("revision %d changed %s %s", revision, changes[i].Resource.Kind, changes[i].Key), true
		}
		j.notify(watches, changes[i])
	}
	if len(j.restless) > 0 {
		j.cause = fmt.Sprintf("at revision %d", revision)
		j.notifyRestless()
	}
}

// ViewChanged is told of each change of a view.
func (j *Judge) ViewChanged(name string, c Change) {
	watches := j.sources[name].watches[c.Resource.ID]
	if len(watches) == 0 {
		return
	}
	j.round++
	j.cause = fmt.Sprintf("%s saw a change of %s %s", name, c.Resource.Kind, c.Key)
	j.notify(watches, c)
}

func (j *Judge) notify(watches []*watch, c Change) {
	for _, w := range watches {
		if w.active && w.round != j.round && (c.Key == "" || w.program.Touches(c.Resource, c.Key)) {
			w.round = j.round
			w.look()
		}
	}
}

func (j *Judge) notifyRestless() {
	for _, w := range j.restless {
		if w.active && w.round != j.round {
			w.round = j.round
			w.look()
		}
	}
}

func (j *Judge) step(id string) *stepTimes {
	s := j.steps[id]
	if s == nil {
		s = &stepTimes{}
		j.steps[id] = s
	}
	return s
}

// StepBegan is told when a step begins.
func (j *Judge) StepBegan(id string) {
	s := j.step(id)
	s.began, s.hasBegan = j.simulation.Now(), true
	for _, t := range j.trials {
		if t.spec.Until.Step == id {
			j.later(t.spec.Until.Pause, "step "+id+" began", t.close)
		}
	}
}

// StepEnded is told when a step has ended.
func (j *Judge) StepEnded(id string) {
	s := j.step(id)
	s.ended, s.hasEnded = j.simulation.Now(), true
	for _, t := range j.trials {
		if t.opener().Step == id {
			j.later(t.opener().Pause, "step "+id+" ended", t.open)
		}
	}
	j.round++
	j.cause = "step " + id + " ended"
	j.notifyRestless()
}

// later runs fn after a pause. It is the world's event, since what runs now may be a simulated process.
func (j *Judge) later(pause format.Duration, cause string, fn func()) {
	if pause == 0 {
		j.cause = cause
		fn()
		return
	}
	j.after(pause.Duration(), fmt.Sprintf("%v after %s", pause, cause), fn)
}

func (j *Judge) after(d time.Duration, cause string, fn func()) sim.Timer {
	return j.simulation.World().After(d, func() {
		j.cause = cause
		fn()
	})
}

// Undecided reports whether the run must go on for a verdict, given that all steps have ended.
func (j *Judge) Undecided() bool {
	for _, t := range j.trials {
		if t.needsTime() {
			return true
		}
	}
	return false
}

// Failed reports whether an expectation has failed.
func (j *Judge) Failed() bool {
	for _, t := range j.trials {
		if t.decided && t.result.Verdict == reports.Failed {
			return true
		}
	}
	return false
}

// Ending is how a run ends.
type Ending struct {
	// Why says so in words where it was not that everything had been decided.
	Why string
	// TimedOut: the scenario's time is up, which fails what has not come true.
	TimedOut bool
	// Broken: somebody stopped the run, so that what held so far may not be called held.
	Broken bool
}

// Finish decides what is left and returns all verdicts, in the order in which the expectations were added.
func (j *Judge) Finish(e Ending) []reports.Expectation {
	results := make([]reports.Expectation, 0, len(j.trials))
	for _, t := range j.trials {
		t.finish(e)
		results = append(results, t.result)
	}
	return results
}

// clock is the time since the start of the run, as people read it.
func (j *Judge) clock(at sim.Time) string { return j.sinceOrigin(at).Round(time.Millisecond).String() }

func (j *Judge) sinceOrigin(at sim.Time) time.Duration { return at.Duration() - j.origin.Duration() }

func (j *Judge) seconds(at sim.Time) *float64 {
	s := j.sinceOrigin(at).Seconds()
	return &s
}

// view is a Source with the run's clock: what expressions see.
type view struct {
	Source
	judge *Judge
}

func (v view) Now() time.Time {
	s := v.judge.simulation
	return s.Start().Add(s.Now().Duration())
}

func (v view) Since(step string) (time.Duration, bool) {
	s := v.judge.steps[step]
	if s == nil || !s.hasEnded {
		return 0, false
	}
	return v.judge.simulation.Now().Duration() - s.ended.Duration(), true
}
