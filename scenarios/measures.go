package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/observe"
)

// Metrics that are not the components' own.
const (
	convergence = "convergence_seconds"
	throughput  = "SchedulingThroughput"
)

// checkMeasure finds what is wrong with a bound before the run.
func checkMeasure(m *format.Measure) error {
	switch {
	case m.Metric == convergence && m.Fault == "":
		return errors.New("convergence_seconds wants fault: the step that it counts from")
	case m.Metric != convergence && m.Fault != "":
		return fmt.Errorf("fault belongs to %s", convergence)
	case slices.Contains(observe.StartupNames, m.Metric) && m.Percentile == 0:
		return fmt.Errorf("%s wants a percentile", m.Metric)
	}
	return nil
}

// measure compares a metric with its bounds at the end of the run.
func (r *run) measure(m *format.Measure) reports.Measure {
	row := reports.Measure{ID: m.ID, Metric: metricText(m), Bound: boundText(m), Verdict: reports.Held}
	value, err := r.measured(m)
	if err != nil {
		row.Verdict, row.Message = reports.Failed, err.Error()
		if r.ending.Broken {
			row.Verdict = reports.NotSeen
		}
		return row
	}
	row.Value = &value
	switch {
	case m.Max.Set && value > m.Max.Value:
		row.Verdict, row.Message = reports.Failed, fmt.Sprintf("%s is %.4g, more than %s", row.Metric, value, m.Max.Text)
	case m.Min.Set && value < m.Min.Value:
		row.Verdict, row.Message = reports.Failed, fmt.Sprintf("%s is %.4g, less than %s", row.Metric, value, m.Min.Text)
	}
	return row
}

func metricText(m *format.Measure) string {
	text := m.Metric
	if m.Fault != "" {
		text += fmt.Sprintf("{fault=%q}", m.Fault)
	}
	if m.Percentile > 0 {
		text += fmt.Sprintf(" p%v", m.Percentile)
	}
	return text
}

func boundText(m *format.Measure) string {
	switch {
	case m.Max.Set && m.Min.Set:
		return fmt.Sprintf("from %s to %s", m.Min.Text, m.Max.Text)
	case m.Max.Set:
		return "at most " + m.Max.Text
	}
	return "at least " + m.Min.Text
}

// measured is a metric's value: seconds where it is a time.
func (r *run) measured(m *format.Measure) (float64, error) {
	switch {
	case m.Metric == convergence:
		if c := r.byID[m.Fault].convergence; c != nil {
			return *c, nil
		}
		return 0, fmt.Errorf("not everything desired was there, and stayed, after step %s", m.Fault)
	case m.Metric == throughput:
		return r.throughput(m.Percentile)
	}
	if h := r.startup.Of(m.Metric); h != nil {
		return percentile(h, m)
	}
	return r.metric(m)
}

func percentile(h *metrics.Histogram, m *format.Measure) (float64, error) {
	switch {
	case h.Count() == 0:
		return 0, fmt.Errorf("%s has no values", m.Metric)
	case m.Percentile == 0:
		return 0, fmt.Errorf("%s is a histogram: say which percentile", m.Metric)
	}
	value := h.Quantile(m.Percentile / 100)
	if h.IsDuration() {
		return time.Duration(value).Seconds(), nil
	}
	return float64(value), nil
}

// metric looks a component's metric up.
func (r *run) metric(m *format.Measure) (float64, error) {
	var sum float64
	var found, isHistogram bool
	r.cluster.Metrics().EachOf(m.Metric, func(s *metrics.Series) {
		for k, v := range m.Labels { //sim:unordered all must match
			if s.Label(k) != v {
				return
			}
		}
		found, isHistogram = true, s.Kind() == metrics.KindHistogram
		sum += value(s)
	})
	switch {
	case !found:
		return 0, fmt.Errorf("no series of %s was measured", m.Metric)
	case !isHistogram:
		return sum, nil
	}
	return percentile(r.cluster.Metrics().Merged(m.Metric, pairs(m.Labels)...), m)
}

// throughput is scheduler_perf's SchedulingThroughput over the run: the average, or a percentile that it reports.
func (r *run) throughput(percentile float64) (float64, error) {
	summary, ok := r.startup.Throughput()
	if !ok {
		return 0, errors.New("no pods were scheduled over more than a second")
	}
	values := map[float64]float64{0: summary.Average, 50: summary.Perc50, 90: summary.Perc90, 95: summary.Perc95, 99: summary.Perc99}
	value, known := values[percentile]
	if !known {
		return 0, fmt.Errorf("%s has the percentiles 50, 90, 95 and 99, and the average without one", throughput)
	}
	return value, nil
}
