package compare

import (
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/workloads/arrivals"
)

// timeAxis is what curves of arrivals run along, and the points of it that tables show; the last is the end.
const timeAxis = "% of the run's time"

var (
	timePoints = []float64{10, 25, 50, 75, 100}
	atTheEnd   = 100.0
)

// arrivalMetric is a metric with where a result has it.
type arrivalMetric struct {
	comparison.Metric
	value func(*arrivals.Result) float64
}

// arrivalMetrics is the table of single values; all means are over time, after the cluster has filled.
var arrivalMetrics = []arrivalMetric{
	{comparison.Metric{Name: "pending_seconds_mean", Title: "mean pending time", Unit: "s", Difference: "s", Better: comparison.Lower, Digits: 3}, func(r *arrivals.Result) float64 { return r.Pending.Mean }},
	{comparison.Metric{Name: "pending_seconds_p50", Title: "pending p50", Unit: "s", Difference: "s", Digits: 3}, func(r *arrivals.Result) float64 { return r.Pending.P50 }},
	{comparison.Metric{Name: "pending_seconds_p90", Title: "pending p90", Unit: "s", Difference: "s", Digits: 3}, func(r *arrivals.Result) float64 { return r.Pending.P90 }},
	{comparison.Metric{Name: "pending_seconds_p99", Title: "pending p99", Unit: "s", Difference: "s", Better: comparison.Lower, Digits: 3}, func(r *arrivals.Result) float64 { return r.Pending.P99 }},
	{comparison.Metric{Name: "unschedulable", Title: "still pending", Difference: "pods", Better: comparison.Lower}, func(r *arrivals.Result) float64 { return float64(r.Unschedulable) }},
	{comparison.Metric{Name: "allocation", Title: "allocation", Unit: "% of GPU capacity", Difference: "points", Better: comparison.Higher, Digits: 2}, func(r *arrivals.Result) float64 { return r.Mean.Allocated }},
	{comparison.Metric{Name: "fragmentation", Title: "fragmentation", Unit: "% of GPU capacity", Difference: "points", Better: comparison.Lower, Digits: 2}, func(r *arrivals.Result) float64 { return r.Mean.Fragmented }},
	{comparison.Metric{Name: "nodes_used", Title: "nodes in use", Difference: "nodes", Better: comparison.Lower, Digits: 1}, func(r *arrivals.Result) float64 { return r.Mean.UsedNodes }},
	{comparison.Metric{Name: "packing_density", Title: "packing density", Unit: "% of GPUs of nodes in use", Difference: "points", Better: comparison.Higher, Digits: 2}, func(r *arrivals.Result) float64 { return r.Mean.Density }},
	{comparison.Metric{Name: "imbalance", Title: "imbalance", Unit: "points, deviation of nodes", Difference: "points", Digits: 2}, func(r *arrivals.Result) float64 { return r.Mean.Imbalance }},
	{comparison.Metric{Name: "power_kilowatts", Title: "power", Unit: "kW, modelled", Difference: "kW", Better: comparison.Lower, Digits: 1}, func(r *arrivals.Result) float64 { return r.Mean.Kilowatts }},
	{comparison.Metric{Name: "cost_dollars_per_hour", Title: "cost", Unit: "$/h, assumed prices", Difference: "$/h", Better: comparison.Lower, Digits: 1}, func(r *arrivals.Result) float64 { return r.Mean.DollarsPerHour }},
	{comparison.Metric{Name: "pods", Title: "pods that came"}, func(r *arrivals.Result) float64 { return float64(r.Arrived) }},
	{comparison.Metric{Name: "placed", Title: "pods that were placed"}, func(r *arrivals.Result) float64 { return float64(r.Placed) }},
}

// arrivalCurve is a metric over time.
type arrivalCurve struct {
	name, title, unit string
	digits            int
	value             func(*arrivals.State) float64
}

var arrivalCurves = []arrivalCurve{
	{"allocation_over_time", "allocation", "% of GPU capacity", 2, func(s *arrivals.State) float64 { return s.Allocated }},
	{"fragmentation_over_time", "fragmentation", "% of GPU capacity", 2, func(s *arrivals.State) float64 { return s.Fragmented }},
	{"pending_over_time", "pending pods", "pods", 1, func(s *arrivals.State) float64 { return s.Waiting }},
	{"nodes_over_time", "nodes in use", "nodes", 1, func(s *arrivals.State) float64 { return s.UsedNodes }},
}

// Metrics implements Subject: what the user waits for comes first.
func (a *Arrivals) Metrics() (all []comparison.Metric) {
	for i := range arrivalMetrics {
		all = append(all, arrivalMetrics[i].Metric)
	}
	for _, c := range arrivalCurves {
		all = append(all, comparison.Metric{Name: c.name, Title: c.title, Unit: c.unit, At: timePoints, Axis: timeAxis, JudgedAt: &atTheEnd, Digits: c.digits, Chart: true})
	}
	return all
}

func arrivalMeasures(r *arrivals.Result) (all []comparison.Measure) {
	for i := range arrivalMetrics {
		m := &arrivalMetrics[i]
		all = append(all, comparison.Measure{Metric: m.Name, Value: m.value(r)})
	}
	for _, c := range arrivalCurves {
		for i := range r.Curves {
			at := float64(i)
			all = append(all, comparison.Measure{Metric: c.name, At: &at, Value: c.value(&r.Curves[i])})
		}
	}
	return all
}
