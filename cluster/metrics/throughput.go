package metrics

import (
	"slices"
	"time"
)

// ThroughputInterval is how often scheduler_perf counts the scheduled pods (test/integration/scheduler_perf/util.go).
const ThroughputInterval = time.Second

// Throughput is scheduler_perf's SchedulingThroughput collector: feed it the number of pods that have a node, once
// every ThroughputInterval. It is not ClusterLoader2's measurement of the same name, which samples every 5 s and counts
// zeros.
type Throughput struct {
	started bool
	base    int           // pods at the last sample that counted
	baseAt  time.Duration // and when that was
	skipped int           // ticks without progress since
	samples []float64     // pods a second
}

// Sample takes the number of pods scheduled by now. The first tick with any pods only sets the base, since creating pods and
// counting them begin independently. A tick without progress waits for the next that has some, whose rate then counts for
// all ticks since: otherwise percentiles would lose the time in which nothing happened.
func (t *Throughput) Sample(now time.Duration, scheduled int) {
	switch {
	case scheduled == 0:
		return
	case !t.started:
		t.started = true
	case scheduled == t.base:
		t.skipped++
		return
	default:
		rate := float64(scheduled-t.base) / (now - t.baseAt).Seconds()
		for range t.skipped + 1 {
			t.samples = append(t.samples, rate)
		}
	}
	t.base, t.baseAt, t.skipped = scheduled, now, 0
}

// ThroughputSummary is what scheduler_perf reports, in pods a second.
type ThroughputSummary struct {
	Average, Perc50, Perc90, Perc95, Perc99 float64
	Samples                                 int
}

// Summary returns the statistics of all samples; false if there is none.
func (t *Throughput) Summary() (ThroughputSummary, bool) {
	n := len(t.samples)
	if n == 0 {
		return ThroughputSummary{}, false
	}
	sorted := slices.Sorted(slices.Values(t.samples))
	var sum float64
	for _, rate := range t.samples {
		sum += rate
	}
	at := func(percent int) float64 { return sorted[(n*percent+99)/100-1] }
	return ThroughputSummary{
		Average: sum / float64(n), Perc50: at(50), Perc90: at(90), Perc95: at(95), Perc99: at(99), Samples: n,
	}, true
}
