package compare

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/library"
	"github.com/fauxkube/fauxkube/scenarios/observe"
	"github.com/fauxkube/fauxkube/sim"
)

// DecidesAnnotation is the annotation by which a scenario says which metric decides who leads.
const DecidesAnnotation = "compare"

// clusters is the row of Kinds whose arguments are scenarios.
var clusters = Kind{
	About: "whole simulated clusters: scenarios of the library or files, each run with the scheduler in place of the one that it names. " +
		"Measured are requests on nodes, waits, preemptions, cost and power of the nodes in use, and the simulated latency of scheduling. " +
		"Which metric decides is the scenario's to say (annotation compare: METRIC), or --metric's.",
	Default: Options{Schedulers: []string{"default", "most-allocated"}},
	Seeds:   "1-10",
	Ties:    []string{"upstream", "random", "name"},
	Known:   SchedulerNames,
	New:     newClusters,
}

// Clusters compares schedulers on scenarios, in whole simulated clusters.
type Clusters struct {
	options    Options
	schedulers []*resolved
	scenarios  []*scenarios.Scenario
}

// NewClusters compares schedulers on the scenarios that the options name: of the library, or files. What is left open is
// as on the command line; only seeds must be named.
func NewClusters(o Options) (Subject, error) { return clusters.Subject(o) }

func newClusters(o Options) (Subject, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Clusters{options: o}
	for _, name := range o.Schedulers {
		r, err := o.find(name)
		if err != nil {
			return nil, err
		}
		s.schedulers = append(s.schedulers, r)
	}
	load := o.Load
	if load == nil {
		load = loadScenario
	}
	for _, argument := range o.Scenarios {
		found, err := load(argument)
		if err != nil {
			return nil, err
		}
		s.scenarios = append(s.scenarios, found...)
	}
	for i := range s.scenarios {
		if err := s.check(i); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// loadScenario finds a scenario of the library, else a file.
func loadScenario(argument string) ([]*scenarios.Scenario, error) {
	if slices.Contains(library.Names(), argument) {
		one, err := library.Load(argument)
		return []*scenarios.Scenario{one}, err
	}
	return scenarios.Load(argument)
}

// check finds what is wrong with a scenario as one to compare on.
func (s *Clusters) check(i int) error {
	scenario := s.scenarios[i]
	name := scenario.Metadata.Name
	if slices.ContainsFunc(s.scenarios[:i], func(other *scenarios.Scenario) bool { return other.Metadata.Name == name }) {
		return fmt.Errorf("scenario %s is named twice", name)
	}
	if err := scenarios.Check(scenario); err != nil {
		return err
	}
	if scenario.Spec.Store != nil {
		return fmt.Errorf("scenario %s runs the store alone: there is nothing to schedule", name)
	}
	for j := range scenario.Spec.Cluster.NodePools {
		if err := observe.CheckPrices(scenario.Spec.Cluster.NodePools[j].Labels); err != nil {
			return fmt.Errorf("scenario %s: spec.cluster.nodePools[%d].labels: %w", name, j, err)
		}
	}
	m := find(clusterMetrics, s.decides(scenario))
	if m == nil || m.Better == comparison.Neither {
		return fmt.Errorf("scenario %s: %q is not a metric that can decide: want one of %s", name, s.decides(scenario), strings.Join(deciding(clusterMetrics), ", "))
	}
	return nil
}

func find(metrics []comparison.Metric, name string) *comparison.Metric {
	if i := slices.IndexFunc(metrics, func(m comparison.Metric) bool { return m.Name == name }); i >= 0 {
		return &metrics[i]
	}
	return nil
}

func deciding(metrics []comparison.Metric) (names []string) {
	for _, m := range metrics {
		if m.Better != comparison.Neither {
			names = append(names, m.Name)
		}
	}
	return names
}

// decides is the metric that decides who leads on a scenario, where the options name none.
func (s *Clusters) decides(scenario *scenarios.Scenario) string {
	if named := scenario.Metadata.Annotations[DecidesAnnotation]; named != "" {
		return named
	}
	return clusterMetrics[0].Name
}

var clusterTies = map[string]string{
	"upstream": "upstream (the node that kube-scheduler's own heap leaves on top)",
	"random":   "random (one of them is drawn, by the seed)",
	"name":     "name (the first node by name)",
}

// Header implements Subject.
func (s *Clusters) Header() comparison.Header {
	h := comparison.Header{
		Version: comparison.Version, Subject: "whole simulated clusters", Ties: clusterTies[s.options.Ties],
		Schedulers: s.options.Schedulers, Seeds: s.options.Seeds, HostCost: "in the scheduler, from the snapshot to the chosen node",
	}
	for _, r := range s.schedulers {
		h.Details = append(h.Details, comparison.Detail{Name: r.name, About: r.about, Hash: r.hash, AssumedCost: r.assumed})
	}
	for _, scenario := range s.scenarios {
		f := fnv.New64a()
		_, _ = f.Write(scenario.Source) // Never fails.
		h.Scenarios = append(h.Scenarios, comparison.Scenario{
			Name: scenario.Metadata.Name, About: about(scenario), Decides: s.decides(scenario), Hash: fmt.Sprintf("%016x", f.Sum64()),
		})
	}
	return h
}

// about says how large the scenario's cluster is.
func about(s *scenarios.Scenario) string {
	nodes := 0
	for i := range s.Spec.Cluster.NodePools {
		nodes += s.Spec.Cluster.NodePools[i].Count
	}
	text := fmt.Sprintf("%d nodes", nodes)
	if nodes == 0 {
		text = "3 nodes"
	}
	if d := s.Metadata.Annotations["description"]; d != "" {
		text += ": " + d
	}
	return text
}

// Metrics implements Subject.
func (s *Clusters) Metrics() []comparison.Metric { return clusterMetrics }

// Run implements Subject.
func (s *Clusters) Run(ctx context.Context, c Cell) (comparison.Run, error) {
	scenario := s.scenarios[slices.IndexFunc(s.scenarios, func(other *scenarios.Scenario) bool { return other.Metadata.Name == c.Scenario })]
	candidate := s.schedulers[slices.Index(s.options.Schedulers, c.Scheduler)]
	var simulation *sim.Simulation
	usage := observe.NewUsage()
	var watch *scheduler.Stopwatch
	if s.options.Stopwatch != nil {
		watch = s.options.Stopwatch()
	}
	report, err := scenarios.Run(ctx, scenario, scenarios.Options{
		Seed: c.Seed,
		Topology: func(t *cluster.Topology) {
			t.Scheduler, t.Stopwatch = candidate.config, watch
			t.Costs = candidate.withCosts(t.Costs)
		},
		Started: func(started *sim.Simulation) {
			simulation = started
			if s.options.Started != nil {
				s.options.Started(started)
			}
		},
		Placed: func(placed *cluster.Cluster) { placed.Store().OnCommit(usage.Commit) },
		Begun:  usage.Begin,
	})
	switch {
	case err != nil:
		return comparison.Run{}, fmt.Errorf("%s: %w", c, err)
	case ctx.Err() != nil:
		return comparison.Run{}, ctx.Err()
	case report.Timeline[0].Verdict != reports.Held:
		return comparison.Run{}, fmt.Errorf("%s: %s", c, report.Timeline[0].Error)
	}
	run := comparison.Run{Scheduler: c.Scheduler, Scenario: c.Scenario, Seed: c.Seed}
	run.Measures = clusterMeasures(report, usage.Finish(simulation.Now()))
	if watch != nil {
		run.Host, run.Decisions = watch.Spent, watch.Decisions
	}
	return run, nil
}
