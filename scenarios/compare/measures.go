package compare

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios/observe"
)

// Names of metrics that appear more than once.
const (
	costPerHour = "cost_dollars_per_hour"
	podStartup  = "pod_startup"
	attempts    = "scheduler_scheduling_attempt_duration_seconds"
	secondsAxis = "seconds after the first step"
)

// The percentile that verdicts on latencies are about, and those that tables show.
var (
	judgedPercentile = 99.0
	percentiles      = []float64{50, 90, 99}
)

// clusterMetrics are those of whole clusters; the first decides where nobody says otherwise. Means are over the time
// from the first step to the end of the run.
var clusterMetrics = []comparison.Metric{
	{Name: costPerHour, Title: "cost of nodes in use", Unit: "$ an hour", Difference: "$ an hour", Better: comparison.Lower, Digits: 3},
	{Name: "unschedulable", Title: "pods without a node at the end", Difference: "pods", Better: comparison.Lower},
	{Name: "failed_checks", Title: "checks that failed", Difference: "checks", Better: comparison.Lower},
	{Name: "nodes_used", Title: "nodes in use", Difference: "nodes", Better: comparison.Lower, Digits: 2, Axis: secondsAxis, Chart: true},
	{Name: "power_kilowatts", Title: "power of nodes in use", Unit: "kW", Difference: "kW", Better: comparison.Lower, Digits: 3},
	{Name: "allocation", Title: "allocation", Unit: "% of GPU or CPU capacity", Difference: "points", Better: comparison.Higher, Digits: 2, Axis: secondsAxis, Chart: true},
	{Name: "packing_density", Title: "packing density", Unit: "% of nodes in use", Difference: "points", Better: comparison.Higher, Digits: 2},
	{Name: "fragmentation", Title: "fragmentation", Unit: "% of capacity", Difference: "points", Better: comparison.Lower, Digits: 2},
	{Name: "imbalance", Title: "imbalance between nodes", Unit: "points of deviation", Difference: "points", Better: comparison.Lower, Digits: 2},
	{Name: "pending_seconds_mean", Title: "mean pending time", Unit: "s", Difference: "s", Better: comparison.Lower, Digits: 3},
	{Name: "pending_seconds_p50", Title: "pending p50", Unit: "s", Difference: "s", Digits: 3},
	{Name: "pending_seconds_p90", Title: "pending p90", Unit: "s", Difference: "s", Digits: 3},
	{Name: "pending_seconds_p99", Title: "pending p99", Unit: "s", Difference: "s", Better: comparison.Lower, Digits: 3},
	{Name: "pending_pods", Title: "pods without a node", Difference: "pods", Axis: secondsAxis, Chart: true},
	{Name: "unavailability_seconds", Title: "unavailability", Unit: "replica-seconds", Difference: "replica-seconds", Better: comparison.Lower, Digits: 1},
	{Name: "preemptions", Title: "preempted pods", Difference: "pods", Better: comparison.Lower},
	latency(podStartup, "pod start-up"),
	latency(attempts, "simulated scheduling latency"),
	{Name: "pods", Title: "pods at the end"},
	{Name: "failed", Title: "pods without a node at the end"},
	{Name: "used_gpu_milli", Title: "GPU asked for at the end", Unit: "thousandths"},
	{Name: "used_cpu_milli", Title: "CPU asked for at the end", Unit: "thousandths"},
	{Name: "used_mem_bytes", Title: "memory asked for at the end", Unit: "bytes"},
}

// latency is a metric of times in milliseconds, its points percentiles.
func latency(name, title string) comparison.Metric {
	return comparison.Metric{
		Name: name, Title: title, Unit: "ms", Difference: "ms", Better: comparison.Lower, Digits: 2,
		At: percentiles, Axis: "th percentile", JudgedAt: &judgedPercentile, Simulated: name == attempts,
	}
}

// clusterMeasures are a run's values.
func clusterMeasures(r *reports.Report, u observe.UsageSummary) []comparison.Measure {
	var all []comparison.Measure
	add := func(metric string, value float64) {
		all = append(all, comparison.Measure{Metric: metric, Value: value})
	}
	addAt := func(metric string, at, value float64) {
		all = append(all, comparison.Measure{Metric: metric, At: &at, Value: value})
	}
	add(costPerHour, u.CostPerHour)
	add("unschedulable", float64(u.Unscheduled))
	add("failed_checks", float64(failedChecks(r)))
	add("nodes_used", u.NodesInUse)
	add("power_kilowatts", u.Watts/1000)
	add("allocation", u.Allocation)
	add("packing_density", u.PackingDensity)
	add("fragmentation", u.Fragmentation)
	add("imbalance", u.Imbalance)
	add("pending_seconds_mean", mean(u.Waits).Seconds())
	for _, p := range percentiles {
		add(fmt.Sprintf("pending_seconds_p%g", p), nearest(u.Waits, p).Seconds())
	}
	add("unavailability_seconds", u.Unavailability)
	add("preemptions", float64(u.Preemptions))
	for i := range r.Latencies {
		l := &r.Latencies[i]
		if l.Name == podStartup || l.Name == attempts && l.Labels == "result=scheduled" {
			for j, value := range []float64{l.P50, l.P90, l.P99} {
				addAt(l.Name, percentiles[j], value)
			}
		}
	}
	for _, s := range u.Samples {
		addAt("nodes_used", s.After.Seconds(), float64(s.NodesInUse))
		addAt("allocation", s.After.Seconds(), s.Allocation)
		addAt("pending_pods", s.After.Seconds(), float64(s.Pending))
	}
	add("pods", float64(u.Pods))
	add("failed", float64(u.Unscheduled))
	add("used_gpu_milli", float64(u.UsedGPUMilli))
	add("used_cpu_milli", float64(u.UsedCPUMilli))
	add("used_mem_bytes", float64(u.UsedBytes))
	return all
}

// failedChecks counts the rows of a report that did not hold. Findings are not among them: they say of unready pods what
// other metrics count.
func failedChecks(r *reports.Report) (n int) {
	for i := range r.Timeline {
		n += bit(r.Timeline[i].Verdict)
	}
	for i := range r.Expectations {
		n += bit(r.Expectations[i].Verdict)
	}
	for i := range r.Measures {
		n += bit(r.Measures[i].Verdict)
	}
	return n
}

func bit(v reports.Verdict) int {
	if v == reports.Held {
		return 0
	}
	return 1
}

func mean(sorted []time.Duration) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	var sum time.Duration
	for _, d := range sorted {
		sum += d
	}
	return sum / time.Duration(len(sorted))
}

// nearest is a percentile by the nearest rank, as everywhere here.
func nearest(sorted []time.Duration, percent float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*int(percent) + 99) / 100
	return sorted[max(rank, 1)-1]
}
