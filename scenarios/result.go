package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/fault"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/observe"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/store"
)

// faultWorld is what faults act on.
func (r *run) faultWorld() *fault.World {
	return &fault.World{Simulation: r.simulation, Cluster: r.cluster}
}

// report sums the run up. It is the table of contents of the result.
func (r *run) report() *reports.Report {
	r.closeSegments()
	s := r.plan.scenario
	report := &reports.Report{
		Version:  reports.Version,
		Scenario: reports.Scenario{Name: s.Metadata.Name, File: s.File, Hash: hex(hash(s))},
		Seed:     r.options.Seed, Mode: r.options.Mode.String(), Partial: r.partial, Repeat: r.repeat(),
		SimulatedSeconds: r.simulation.Now().Duration().Seconds(), Steps: r.simulation.Steps(),
		Cluster:      r.clusterFigures(),
		Timeline:     r.timeline(),
		Expectations: r.judge.Finish(r.ending),
		Latencies:    r.latencies(),
		Requests:     r.requests(),
		Store:        r.storeFigures(),
		Costs:        r.costs(),
		Decisions:    r.explained(),
	}
	for i := range s.Spec.Measure {
		report.Measures = append(report.Measures, r.measure(&s.Spec.Measure[i]))
	}
	if r.store != nil {
		r.store.report(report)
	}
	report.Verdict = verdict(report)
	if len(r.broken) > 0 {
		for _, err := range r.broken {
			report.Findings = append(report.Findings, reports.Finding{Object: brokenObject(err), Message: err.Error()})
		}
		report.Verdict = verdict(report)
	} else if r.store == nil && report.Partial == "" && (report.Verdict != reports.Held || len(s.Spec.Expect) == 0) {
		report.Findings = r.settling.Diagnose()
		report.Verdict = verdict(report)
	}
	report.Digest = hex(r.simulation.Digest())
	report.Outcome = hex(r.outcome(report))
	return report
}

// brokenObject is what a promise was broken for.
func brokenObject(err error) string {
	var overcommitted *cluster.OvercommitError
	if errors.As(err, &overcommitted) {
		return "node/" + overcommitted.Node
	}
	return "store and watches"
}

func hex(n uint64) string { return fmt.Sprintf("%016x", n) }

// repeat is the command that runs the same again.
func (r *run) repeat() string {
	if r.options.Repeat != "" {
		return r.options.Repeat
	}
	file := r.plan.scenario.File
	if file == "" {
		file = r.plan.scenario.Metadata.Name
	}
	command := fmt.Sprintf("fauxkube run %s --seed %d", file, r.options.Seed)
	if r.options.Mode != sim.Benchmark {
		command += " --mode " + r.options.Mode.String()
	}
	return command
}

// verdict is failed where anything failed or was found, else undecided where anything is, else held.
func verdict(r *reports.Report) reports.Verdict {
	worst := reports.Held
	note := func(v reports.Verdict) {
		if v == reports.Failed || v == reports.NotSeen && worst == reports.Held {
			worst = v
		}
	}
	for _, s := range r.Timeline {
		note(s.Verdict)
	}
	for _, e := range r.Expectations {
		note(e.Verdict)
	}
	for _, m := range r.Measures {
		note(m.Verdict)
	}
	if len(r.Findings) > 0 {
		note(reports.Failed)
	}
	if r.Partial != "" {
		note(reports.NotSeen)
	}
	return worst
}

func (r *run) clusterFigures() reports.Cluster {
	topology, objects := r.cluster.Topology(), 0
	for _, resource := range allResources() {
		objects += r.cluster.Store().Count(resource)
	}
	return reports.Cluster{
		Kubernetes: format.KubernetesVersion, APIServers: topology.ControlPlane.APIServers, EtcdMembers: topology.ControlPlane.EtcdMembers,
		Nodes: len(r.cluster.Nodes()), PodsAtEnd: r.phases.Total(), Objects: objects,
		DefaultImages: defaultImages(r.cluster.DefaultImages()), SkippedKinds: r.plan.skipped,
	}
}

// defaultImages names each image once: without a tag it is the latest.
func defaultImages(names []string) []string {
	var full []string
	for _, name := range names {
		full = append(full, runtime.WithDefaultTag(name))
	}
	slices.Sort(full)
	return slices.Compact(full)
}

// timeline is the boot and the steps. Boot has the time before step time 0.
func (r *run) timeline() []reports.Step {
	boot := reports.Step{ID: "boot", What: "the cluster starts: the API answers, all nodes are ready", Verdict: reports.Held}
	if r.store != nil {
		boot.What = "the store starts: a member leads and answers"
	}
	start, end := r.seconds(0), 0.0
	switch {
	case r.started:
		boot.Started, boot.Ended = start, &end
	case r.problem != "":
		boot.Verdict, boot.Error = reports.Failed, r.problem
	default:
		boot.Verdict, boot.Error = reports.NotSeen, "the run was stopped before the cluster had started"
	}
	rows := []reports.Step{boot}
	for _, s := range r.steps {
		rows = append(rows, r.row(s))
	}
	return rows
}

// latencies are those of pods' starts and of scheduling, and what the SLOs and etcd's guidance speak of.
func (r *run) latencies() []reports.Latency {
	var rows []reports.Latency
	add := func(name, labels string, h *metrics.Histogram) {
		if h.Count() > 0 {
			rows = append(rows, reports.Latency{
				Name: name, Labels: labels, Count: h.Count(), P50: ms(h.Quantile(.5)), P90: ms(h.Quantile(.9)), P99: ms(h.Quantile(.99)), Max: ms(h.Max()),
			})
		}
	}
	for _, name := range observe.StartupNames {
		add(name, "", r.startup.Of(name))
	}
	registry := r.cluster.Metrics()
	for _, result := range []string{"scheduled", "unschedulable", "error"} {
		add("scheduler_scheduling_attempt_duration_seconds", "result="+result, registry.Merged("scheduler_scheduling_attempt_duration_seconds", "result", result))
	}
	for _, name := range []string{
		"scheduler_pod_scheduling_sli_duration_seconds", "scheduler_scheduling_algorithm_duration_seconds",
		"apiserver_request_sli_duration_seconds", "etcd_disk_wal_fsync_duration_seconds", store.WriteLatency, store.ReadLatency,
	} {
		add(name, "", registry.Merged(name))
	}
	return rows
}

// ms turns nanoseconds into milliseconds.
func ms(nanos int64) float64 { return float64(nanos) / 1e6 }

func (r *run) requests() []reports.Requests {
	var rows []reports.Requests
	for _, q := range r.cluster.Requests() {
		resource := q.Resource
		if q.Subresource != "" {
			resource += "/" + q.Subresource
		}
		rows = append(rows, reports.Requests{Client: q.Client, Verb: verbOf(q.Verb), Resource: resource, Code: q.Code, Count: q.Count})
	}
	return rows
}

// verbOf turns the metrics' verbs, which are HTTP's where it has one, into the API's.
func verbOf(verb string) string {
	switch verb {
	case "POST":
		return "create"
	case "PUT":
		return "update"
	}
	return strings.ToLower(verb)
}

func (r *run) storeFigures() reports.Store {
	registry, store := r.cluster.Metrics(), r.cluster.Store()
	figures := reports.Store{
		Revision: store.Revision(), Keys: int64(store.Keys()), LeaderChanges: mostSeen(registry, "etcd_server_leader_changes_seen_total"),
		Fsyncs: registry.Sum("etcd_disk_wal_fsync_duration_seconds"),
	}
	for _, resource := range allResources() {
		for _, o := range store.List(resource, "", nil) {
			figures.Bytes += int64(api.SizeOf(o))
		}
	}
	return figures
}

// assumedCost is how the source of a row begins that nobody has declared or measured for what is charged to it.
const assumedCost = "assumed cost"

// costs are the rows of the cost table that were charged.
func (r *run) costs() []reports.Cost {
	var rows []reports.Cost
	for _, row := range r.cluster.Costs() {
		if row.Count > 0 {
			rows = append(rows, reports.Cost{
				Operation: row.Name, Count: row.Count, CPUSeconds: row.CPU.Seconds(), Share: float64(row.SharePPM) / 1e6,
				Assumed: strings.HasPrefix(row.Cost.Source, assumedCost),
			})
		}
	}
	return rows
}

// mostSeen is the largest of a counter's series: what several processes count of the same thing.
func mostSeen(r *metrics.Registry, name string) (most int64) {
	r.EachOf(name, func(s *metrics.Series) { most = max(most, s.Counter.Value()) })
	return most
}
