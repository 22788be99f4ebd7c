package compare

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// Openb compares policies by the published protocol on openb traces.
type Openb struct {
	options Options
	traces  []*openb.Trace
}

// Bound is named like a scheduler and is the most that any could do: openb.UpperBound.
const Bound = "upperbound"

// published is the row of Kinds.
var published = Kind{
	Name: "openb",
	About: "the protocol of \"Beware of Fragmentation\" (USENIX ATC 2023) on traces of a cluster with 6212 GPUs: pods arrive one " +
		"by one until they have asked for 1.3 times the GPUs, what fits nowhere fails, nothing departs. The traces are those of " +
		"github.com/hkust-adsl/kubernetes-scheduler-simulator, folder data/csv; --trace is where they are. " +
		"With --arrivals pods come when they came, stay as long as they stayed, and wait where they do not fit; or --load has as many " +
		"of them come as keep that percentage of the GPUs busy. With --whole-cluster the protocol's pods go through API, store, scheduler and " +
		"kubelets, one after the other (half a minute of processor time a run), and are to go where they go without.",
	Flags:   []string{"trace", "pods", "arrivals", "load", "process", "whole-cluster"},
	Default: Options{Schedulers: policies.Names(), Pods: []string{"openb_pod_list_default.csv"}},
	Seeds:   "42-51",
	Ties:    []string{string(openb.ByName), string(openb.AtRandom)},
	Known:   func() []string { return append(policies.Names(), Bound) },
	New:     func(o Options) (Subject, error) { return newOpenb(o) },
}

// newOpenb reads the traces and checks everything that can be wrong.
func newOpenb(o Options) (Subject, error) {
	switch {
	case len(o.Scenarios) > 0:
		return nil, fmt.Errorf("compare openb takes no scenarios, got %q: --pods names what it runs", strings.Join(o.Scenarios, " "))
	case o.Trace == "":
		return nil, errors.New("compare openb wants --trace FOLDER: where the openb traces are; see `fauxkube compare --help` for where they come from")
	case len(o.Pods) == 0:
		return nil, errors.New("name at least one list of pods")
	}
	traces, err := loadTraces(&o)
	switch {
	case err != nil:
		return nil, err
	case o.Arrivals && o.WholeCluster:
		return nil, errors.New("--whole-cluster is for the protocol: not with --arrivals")
	case o.Arrivals && len(o.Loads) == 0:
		o.Loads = recordedAndOffered
		fallthrough
	case o.Arrivals:
		return newArrivals(o, traces)
	case len(o.Loads) > 0 || o.Process != "":
		return nil, errors.New("--load and --process are for --arrivals: in the protocol nothing departs")
	}
	o.Schedulers = slices.Clone(o.Schedulers)
	for i, name := range o.Schedulers {
		o.Schedulers[i] = strings.ToLower(strings.TrimSpace(name))
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	for _, name := range o.Schedulers {
		if _, err := policies.New(name, policies.Env{}); err != nil && name != Bound {
			return nil, fmt.Errorf("%w, and %s", err, Bound)
		}
	}
	if len(o.Schedulers) == 1 && o.Schedulers[0] == Bound {
		return nil, errors.New("name at least one scheduler")
	}
	return &Openb{o, traces}, nil
}

// loadTraces reads each list of pods with the nodes.
func loadTraces(o *Options) (traces []*openb.Trace, err error) {
	for i, pods := range o.Pods {
		if slices.ContainsFunc(o.Pods[:i], func(other string) bool { return scenarioName(other) == scenarioName(pods) }) {
			return nil, fmt.Errorf("pods %s are named twice", pods)
		}
		trace, err := openb.Load(o.Trace, pods)
		if err != nil {
			return nil, err
		}
		traces = append(traces, trace)
	}
	return traces, nil
}

// scenarioName is a pod list's file without folder and extension.
func scenarioName(pods string) string { return strings.TrimSuffix(filepath.Base(pods), ".csv") }

// tieRules say the rules as people would.
var tieRules = map[openb.Ties]string{
	openb.ByName:   "name (the first node by name; names are drawn per seed)",
	openb.AtRandom: "random (one of them is drawn, as kube-scheduler does)",
}

// Header implements Subject.
func (s *Openb) Header() comparison.Header {
	h := comparison.Header{
		Version: comparison.Version, Subject: s.subject(), Ties: tieRules[openb.Ties(s.options.Ties)],
		HostCost:   "a run's CPU time by its decisions, measures included",
		Schedulers: s.options.Schedulers, Seeds: s.options.Seeds,
	}
	if slices.Contains(h.Schedulers, Bound) {
		h.Bounds = []string{Bound}
	}
	for i, t := range s.traces {
		h.Scenarios = append(h.Scenarios, comparison.Scenario{
			Name:  scenarioName(s.options.Pods[i]),
			About: fmt.Sprintf("%d nodes, %d GPUs, %d pods", len(t.Nodes), t.GPUCapacity()/policies.GPUMilli, len(t.Pods)),
			Hash:  hash(t),
		})
	}
	return h
}

func (s *Openb) subject() string {
	if s.options.WholeCluster {
		return "openb protocol through a whole simulated cluster"
	}
	return "openb protocol"
}

// hash covers all that was read of a trace.
func hash(t *openb.Trace) string {
	h := fnv.New64a()
	for i := range t.Nodes {
		n := &t.Nodes[i]
		fmt.Fprintf(h, "%q %d %d %d %q\n", n.Name, n.CPULeft, n.MemoryLeft, n.GPULeft, n.Model)
	}
	for i := range t.Pods {
		p := &t.Pods[i]
		fmt.Fprintf(h, "%q %d %d %d %d %q\n", p.Name, p.CPUMilli, p.MemoryBytes, p.GPUs, p.GPUMilli, p.Models)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// The points of the published table, those at which nodes in use tell policies apart, and where verdicts are about.
var (
	publishedPoints = []float64{80, 90, 95, 100, 110, 120, 130}
	earlyPoints     = []float64{10, 25, 50, 75, 100}
	judgedAt        = 100.0
	judgedEarly     = 50.0
)

// arrivedAxis is what curves run along, allocation the metric that decides.
const (
	arrivedAxis = "% arrived"
	allocation  = "allocation"
)

// Metrics implements Subject. The end state's names are those of the published protocol's results.
func (s *Openb) Metrics() []comparison.Metric {
	all := s.protocolMetrics()
	if s.options.WholeCluster {
		all = append(all, wholeMetrics...)
	}
	return all
}

func (s *Openb) protocolMetrics() []comparison.Metric {
	return []comparison.Metric{
		{Name: allocation, Title: "allocation", Unit: "% of GPU capacity", Difference: "points", Better: comparison.Higher, At: publishedPoints, Axis: arrivedAxis, JudgedAt: &judgedAt, Digits: 2, Chart: true},
		{Name: "fragmentation", Title: "fragmentation", Unit: "% of GPU capacity", Difference: "points", Better: comparison.Lower, At: publishedPoints, Axis: arrivedAxis, JudgedAt: &judgedAt, Digits: 2, Chart: true},
		{Name: "nodes_used", Title: "nodes in use", Difference: "nodes", Better: comparison.Lower, At: earlyPoints, Axis: arrivedAxis, JudgedAt: &judgedEarly, Digits: 1, Chart: true},
		{Name: "packing_density", Title: "packing density", Unit: "% of GPUs of nodes in use", Difference: "points", Better: comparison.Higher, At: earlyPoints, Axis: arrivedAxis, JudgedAt: &judgedEarly, Digits: 2, Chart: true},
		{Name: "imbalance", Title: "imbalance", Unit: "points, deviation of nodes", Difference: "points", At: earlyPoints, Axis: arrivedAxis, JudgedAt: &judgedEarly, Digits: 2, Chart: true},
		{Name: "power_kilowatts", Title: "power", Unit: "kW, modelled", Difference: "kW", Better: comparison.Lower, At: earlyPoints, Axis: arrivedAxis, JudgedAt: &judgedEarly, Digits: 1, Chart: true},
		{Name: "cost_dollars_per_hour", Title: "cost", Unit: "$/h, assumed prices", Difference: "$/h", Better: comparison.Lower, At: earlyPoints, Axis: arrivedAxis, JudgedAt: &judgedEarly, Digits: 1, Chart: true},
		{Name: "failed", Title: "failed pods", Difference: "pods", Better: comparison.Lower},
		{Name: "pods", Title: "pods"},
		{Name: "used_gpu_milli", Title: "GPU in use at the end", Unit: "thousandths"},
		{Name: "used_cpu_milli", Title: "CPU in use at the end", Unit: "thousandths"},
		{Name: "used_mem_bytes", Title: "memory in use at the end", Unit: "bytes"},
	}
}

// Run implements Subject.
func (s *Openb) Run(ctx context.Context, c Cell) (comparison.Run, error) {
	i := slices.IndexFunc(s.options.Pods, func(pods string) bool { return scenarioName(pods) == c.Scenario })
	run := comparison.Run{Scheduler: c.Scheduler, Scenario: c.Scenario, Seed: c.Seed}
	if c.Scheduler == Bound {
		most := openb.UpperBound(s.traces[i], int64(c.Seed), int(judgedAt))
		run.Measures = []comparison.Measure{{Metric: allocation, At: &judgedAt, Value: most}}
		return run, nil
	}
	if s.options.WholeCluster {
		return s.runWhole(ctx, s.traces[i], run)
	}
	r, err := openb.Run(s.traces[i], c.Scheduler, int64(c.Seed), openb.Ties(s.options.Ties))
	if err != nil {
		return comparison.Run{}, err
	}
	run.Decisions, run.Measures = r.Pods, measures(r)
	return run, nil
}

// measures are the curves and the end state.
func measures(r *openb.Result) []comparison.Measure {
	var all []comparison.Measure
	for _, curve := range []struct {
		metric string
		values *openb.Curve
	}{
		{allocation, &r.Allocated}, {"fragmentation", &r.Fragmented}, {"nodes_used", &r.Nodes}, {"packing_density", &r.Density},
		{"imbalance", &r.Imbalance}, {"power_kilowatts", &r.Kilowatts}, {"cost_dollars_per_hour", &r.DollarsPerHour},
	} {
		for percent, value := range curve.values {
			if at := float64(percent); !math.IsNaN(value) {
				all = append(all, comparison.Measure{Metric: curve.metric, At: &at, Value: value})
			}
		}
	}
	for _, end := range []struct {
		metric string
		value  int64
	}{
		{"pods", int64(r.Pods)}, {"failed", int64(r.Failed)}, {"used_gpu_milli", r.UsedGPUMilli},
		{"used_cpu_milli", r.UsedCPUMilli}, {"used_mem_bytes", r.UsedMemoryBytes},
	} {
		all = append(all, comparison.Measure{Metric: end.metric, Value: float64(end.value)})
	}
	return all
}
