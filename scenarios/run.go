package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/judge"
	"github.com/fauxkube/fauxkube/scenarios/observe"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/objects"
)

// sliceSteps is after how many of the kernel's steps the context is looked at and progress is told: some milliseconds.
const sliceSteps = 10_000

// defaultTimeout is a scenario's, in simulated time, if it names none.
const defaultTimeout = 30 * time.Minute

// Run runs a scenario once. The error says what is wrong with the scenario, or that the trace could not be written, or
// is a *sim.LivelockError; a run in which something did not hold is a report. Where ctx ends first, the run stops
// between two steps and the report is marked as partial. A panic of simulated code, which is a bug of Fauxkube, comes
// through.
func Run(ctx context.Context, s *Scenario, o Options) (*reports.Report, error) {
	if o.SkipUnknownKinds && !s.SkipUnknownKinds {
		skipping := *s
		skipping.SkipUnknownKinds = true
		s = &skipping
	}
	p, err := compile(s)
	if err != nil {
		return nil, err
	}
	r, err := newRun(p, o)
	if err != nil {
		return nil, err
	}
	defer r.simulation.Close()
	r.boot()
	if err := r.loop(ctx); err != nil {
		return nil, err
	}
	r.cluster.CheckMutations()
	report := r.report()
	r.simulation.Close()
	return report, r.simulation.TraceError()
}

// run is one scenario with one seed on its way.
type run struct {
	plan       *plan
	options    Options
	simulation *sim.Simulation
	cluster    *cluster.Cluster
	judge      *judge.Judge
	settling   *observe.Settling
	phases     *observe.Phases
	startup    *observe.Startup
	booting    *booting // nil once the steps have begun
	// store is the work of a run on the store alone, nil in others.
	store *storeLoad

	// origin is when the steps began.
	origin  sim.Time
	started bool
	steps   []*step
	byID    map[string]*step
	current *step
	// saved are the backups that the run has written, by path.
	saved map[string][]byte
	// loads are the workloads that steps have begun.
	loads []*objects.Load
	// lifts counts faults that are still to be lifted.
	lifts int
	// segments are the steps whose convergence is still open.
	segments []*step

	closing closing
	// ended is set with the ending, when the run is over.
	ended  bool
	ending judge.Ending
	// broken are the promises that the store, its watches and the nodes broke.
	broken []error

	partial string
	problem string // what went wrong outside of any step

	decisions []decision
}

// errEnded stops the simulation when the run is over.
var errEnded = errors.New("scenarios: the run has ended")

func newRun(p *plan, o Options) (*run, error) {
	r := &run{plan: p, options: o, byID: map[string]*step{}, saved: map[string][]byte{}}
	topology := p.cluster
	if err := restoreFrom(o.Restore, &topology); err != nil {
		return nil, err
	}
	config := sim.Config{Seed: o.Seed, Mode: o.Mode, Start: p.scenario.Spec.StartTime.Time, Trace: o.Trace, Scenario: hash(p.scenario)}
	if config.Start.IsZero() && topology.Restore != nil {
		config.Start = topology.Restore.Taken.Time()
	}
	if o.Configure != nil {
		o.Configure(&config)
	}
	r.simulation = sim.New(config)
	r.explain(&topology)
	if o.Topology != nil {
		o.Topology(&topology)
	}
	if o.Started != nil {
		o.Started(r.simulation)
	}
	var err error
	if r.cluster, err = cluster.New(r.simulation, topology); err != nil {
		r.simulation.Close()
		return nil, &format.Error{File: p.scenario.File, Field: "spec.cluster", What: err.Error()}
	}
	r.cluster.OnViolation(func(err error) {
		r.broken = append(r.broken, err)
		r.end(judge.Ending{}) // What comes after it says nothing.
	})
	if p.scenario.Spec.Store != nil {
		r.store = newStoreLoad(r)
	}
	if err := r.observe(); err != nil {
		r.simulation.Close()
		return nil, err
	}
	for _, planned := range p.steps {
		s := &step{plannedStep: planned}
		r.steps = append(r.steps, s)
		r.byID[planned.ID] = s
	}
	if o.Placed != nil {
		o.Placed(r.cluster)
	}
	return r, nil
}

func hash(s *Scenario) uint64 { return sim.HashString(string(s.Source)) }

// observe has commits told to everybody who follows them.
func (r *run) observe() error {
	r.phases = observe.NewPhases()
	r.startup = observe.NewStartup(r.simulation.Start())
	r.settling = observe.NewSettling(r.simulation, r.cluster, r.consider)
	r.judge = judge.New(r.simulation, source{r.cluster.Store(), r.cluster.Metrics()})
	r.judge.OnDecided(r.consider)
	for i := range r.cluster.APIServerProcesses() {
		name := viewName(i)
		view, ok := r.cluster.View(name)
		if !ok {
			return fmt.Errorf("the cluster has no view of %s", name)
		}
		r.judge.AddView(name, source{view, r.cluster.Metrics()})
		view.OnChange(func(resource *api.Resource, key string) {
			r.judge.ViewChanged(name, judge.Change{Resource: resource, Key: key})
		})
	}
	for i, program := range r.plan.expectations {
		if err := r.judge.Expect(&r.plan.scenario.Spec.Expect[i], program); err != nil {
			return err
		}
	}
	r.cluster.Store().OnCommit(r.commit)
	return nil
}

// commit is called at each commit of the store.
func (r *run) commit(c cluster.Commit) {
	r.phases.Commit(&c)
	r.settling.Commit(&c)
	switch {
	case !r.started && r.booting != nil:
		r.booting.commit(&c)
		return
	case !r.started:
		return
	}
	r.startup.Commit(&c)
	for _, l := range r.loads {
		l.Commit(&c)
	}
	changes := make([]judge.Change, len(c.Changes))
	for i := range c.Changes {
		changes[i] = judge.Change{Resource: c.Changes[i].Resource, Key: c.Changes[i].Key}
	}
	r.judge.Commit(c.Revision, changes)
}

// loop runs the simulation in slices until the run is over or ctx is.
func (r *run) loop(ctx context.Context) error {
	for !r.ended {
		if ctx.Err() != nil {
			r.partial = fmt.Sprintf("stopped after %v of virtual time: %v", r.now().Round(time.Millisecond), context.Cause(ctx))
			r.ended, r.ending = true, judge.Ending{Why: "the run was stopped", Broken: true}
			return nil
		}
		r.simulation.StopAt(r.simulation.Steps() + sliceSteps)
		if err := r.simulation.Run(farFuture); err != nil && !errors.Is(err, errEnded) {
			return fmt.Errorf("%s with seed %d, after %v: %w", r.plan.scenario.Metadata.Name, r.options.Seed, r.now(), err)
		}
		if r.options.Progress != nil {
			r.options.Progress(r.progress())
		}
	}
	return nil
}

// farFuture is never reached: a run has time limits of its own.
const farFuture = sim.Time(100 * 365 * 24 * time.Hour)

// now is the virtual time since the simulation's start, since the steps began where they have.
func (r *run) now() time.Duration {
	if !r.started {
		return r.simulation.Now().Duration()
	}
	return r.since(r.simulation.Now())
}

func (r *run) since(at sim.Time) time.Duration { return at.Duration() - r.origin.Duration() }

func (r *run) progress() Progress {
	p := Progress{Simulated: r.simulation.Now().Duration(), Steps: r.simulation.Steps(), Pods: r.phases.Counts(), Step: "boot"}
	if r.started {
		p.Step = ""
	}
	if r.current != nil {
		p.Step = r.current.ID
	}
	return p
}

// source is the store or a view, with the metrics.
type source struct {
	objects interface {
		Get(r *api.Resource, key string) (api.Object, bool)
		List(r *api.Resource, namespace string, selector labels.Selector) []api.Object
	}
	metrics *metrics.Registry
}

func (s source) Get(r *api.Resource, key string) (api.Object, bool) { return s.objects.Get(r, key) }

func (s source) List(r *api.Resource, namespace string, selector labels.Selector) []api.Object {
	return s.objects.List(r, namespace, selector)
}

// Metric sums the series that have the labels: counters, gauges (in seconds where they are durations), and the counts of
// histograms.
func (s source) Metric(name string, want map[string]string) (sum float64, found bool) {
	s.metrics.EachOf(name, func(series *metrics.Series) {
		for k, v := range want { //sim:unordered all must match
			if series.Label(k) != v {
				return
			}
		}
		found = true
		sum += value(series)
	})
	return sum, found
}

func value(s *metrics.Series) float64 {
	switch s.Kind() {
	case metrics.KindCounter:
		return float64(s.Counter.Value())
	case metrics.KindGauge:
		if s.Gauge.IsDuration() {
			return time.Duration(s.Gauge.Value()).Seconds()
		}
		return float64(s.Gauge.Value())
	}
	return float64(s.Histogram.Count())
}
