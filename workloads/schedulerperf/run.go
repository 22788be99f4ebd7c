package schedulerperf

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Limits, in simulated time: of a whole workload after its cluster is up, and of how long the API may take to answer first. A single wait has
// upstream's own limit.
const (
	limit     = 6 * time.Hour
	bootLimit = time.Minute
)

// rate is scheduler_perf's client: 5000 requests a second (util.go, mustSetupCluster).
var rate = cluster.ClientRate{QPSMilli: 5_000_000, Burst: 5000}

// withoutAdmission are the admission plugins that upstream switches off (util.go, mustSetupCluster).
var withoutAdmission = []string{"ServiceAccount", "TaintNodesByCondition", "Priority"}

// Options are what a run needs besides its workload.
type Options struct {
	Seed uint64
	// Topic is the name under which upstream runs the folder, where thresholds differ by it.
	Topic string
	// HostNow reads a monotonic clock of the host, for what is measured on it; nil leaves that out.
	HostNow func() time.Duration
}

// Run is a workload ready to be done.
type Run struct {
	options       Options
	testCase      *Case
	workload      *Workload
	configuration *config.Configuration
	steps         []named
}

// named is a step with what errors call it.
type named struct {
	step
	opcode string
	line   int
}

// Result is what a workload gave.
type Result struct {
	Case, Workload string
	Items          []DataItem
	Verdicts       []Verdict
	// Simulated is how long it took on the virtual clock.
	Simulated time.Duration
}

// Prepare fills a workload's parameters in and reads every file that it names.
func (c *Case) Prepare(w *Workload, o Options) (*Run, error) {
	fail := func(err error) error { return fmt.Errorf("%s/%s: %w", c.Name, w.Name, err) }
	run := &Run{options: o, testCase: c, workload: w}
	var err error
	if run.configuration, err = c.configuration(w); err != nil {
		return nil, fail(err)
	}
	e := &environment{files: c.files, testCase: c, params: &params{values: w.Params, used: map[string]bool{}}}
	for i, op := range c.WorkloadTemplate.list {
		s, err := op.prepare(e)
		if err != nil {
			return nil, fail(fmt.Errorf("op %d, %s in line %d: %w", i, op.opcode, op.line, err))
		}
		run.steps = append(run.steps, named{s, op.opcode, op.line})
	}
	if unused := e.params.unused(); len(unused) > 0 {
		return nil, fail(fmt.Errorf("parameters %s are defined but unused: a typing error, or a Go hook of upstream's reads them, which there is not here", strings.Join(unused, ", ")))
	}
	return run, nil
}

// configuration is the scheduler's for a workload; its gates go before the case's.
func (c *Case) configuration(w *Workload) (*config.Configuration, error) {
	o := config.Options{Gates: map[string]bool{}}
	maps.Copy(o.Gates, c.FeatureGates)
	maps.Copy(o.Gates, w.FeatureGates)
	if _, set := o.Gates["OpportunisticBatching"]; !set {
		o.Gates["OpportunisticBatching"] = false // as upstream (scheduler_perf.go, setupTestCase)
	}
	if c.SchedulerConfigPath == "" {
		return config.Default(o)
	}
	file := c.files.path(c.SchedulerConfigPath)
	data, err := c.files.read(file)
	if err != nil {
		return nil, err
	}
	return config.Load(file, data, o)
}

// Do runs the workload on a cluster of its own, until it is done or ctx ends.
func (run *Run) Do(ctx context.Context) (*Result, error) {
	s := sim.New(sim.Config{Seed: run.options.Seed})
	defer s.Close()
	k, err := cluster.New(s, cluster.Topology{
		ControlPlane: cluster.ControlPlane{APIServers: 1, EtcdMembers: 1, Cores: 16, Headless: true, DisableAdmissionPlugins: withoutAdmission},
		Scheduler:    run.configuration, Clients: map[string]cluster.ClientRate{"kube-scheduler": rate},
	})
	if err != nil {
		return nil, err
	}
	if err := s.Run(sim.Time(bootLimit)); err != nil {
		return nil, err
	}
	for _, p := range k.ControllerManagerProcesses() {
		p.Kill()
	}
	r := newRunner(run, k)
	r.process.Go("scheduler_perf", r.run)
	for end := s.Now().Add(limit); !r.done; {
		if err := s.Run(s.Now().Add(time.Second)); err != nil {
			return nil, err
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case s.Now() >= end && !r.done:
			return nil, fmt.Errorf("%s/%s: not done after %v", run.testCase.Name, run.workload.Name, limit)
		}
	}
	r.result.Simulated = r.ended.Sub(sim.Time(bootLimit))
	return r.result, r.err
}

// runner is a workload under way.
type runner struct {
	*Run
	cluster *cluster.Cluster
	process *host.Process
	names   *sim.Stream
	result  *Result
	err     error
	done    bool
	ended   sim.Time

	index   int            // of the operation, as upstream counts
	nodes   int            // created so far
	awaited map[string]int // by namespace known: pods that no operation has waited for

	measuring   *measurement
	onScheduled func(*corev1.Pod)
}

func newRunner(run *Run, k *cluster.Cluster) *runner {
	r := &runner{
		Run: run, cluster: k, process: k.Kubectl().Process(), awaited: map[string]int{},
		result: &Result{Case: run.testCase.Name, Workload: run.workload.Name},
	}
	r.names = r.process.Stream("scheduler_perf")
	k.Store().OnCommit(r.observe)
	return r
}

func (r *runner) client() *client.Client { return r.cluster.Kubectl() }
func (r *runner) now() sim.Time          { return r.cluster.Simulation().Now() }

// purposeName is where upstream draws the end of a node's name.
const purposeName sim.Purpose = 0

func (r *runner) suffix() string { return api.Suffix(r.names.Uint64(purposeName)) }

func (r *runner) run(t *sim.Task) {
	for _, s := range r.steps {
		if err := s.step(r, t); err != nil {
			r.fail(fmt.Errorf("%s/%s: op %d, %s in line %d: %w", r.testCase.Name, r.workload.Name, r.index, s.opcode, s.line, err))
			break
		}
		r.index++
	}
	r.done, r.ended = true, r.now()
}

// fail keeps the first error.
func (r *runner) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// beside runs something beside the operations that follow. Its error fails the workload, but does not end it.
func (r *runner) beside(what string, do func(t *sim.Task) error) {
	index := r.index
	r.process.Go("scheduler_perf."+what, func(t *sim.Task) {
		if err := do(t); err != nil {
			r.fail(fmt.Errorf("%s/%s: op %d, %s: %w", r.testCase.Name, r.workload.Name, index, what, err))
		}
	})
}

// observe tells of pods that got a node.
func (r *runner) observe(c cluster.Commit) {
	for i := range c.Changes {
		pod, isPod := c.Changes[i].New.(*corev1.Pod)
		if !isPod || pod.Spec.NodeName == "" {
			continue
		}
		if old, _ := c.Changes[i].Old.(*corev1.Pod); old != nil && old.Spec.NodeName != "" {
			continue
		}
		if r.measuring != nil {
			r.measuring.scheduled(pod)
		}
		if r.onScheduled != nil {
			r.onScheduled(pod)
		}
	}
}
