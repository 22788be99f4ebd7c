package schedulerperf

import (
	"errors"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
)

// measurement counts the pods of some namespaces that get a node, on both clocks.
type measurement struct {
	name       string
	namespaces []string
	selector   labels.Selector
	count      int
	over       bool

	simulated meter
	host      meter
	hostNow   func() time.Duration
	simNow    func() time.Duration
}

// meter samples a count on one clock.
type meter struct {
	began, next, last time.Duration // of that clock; last is when the count last grew
	throughput        metrics.Throughput
}

// tick takes the samples that were due by now, at which the count has not changed since the last.
func (m *meter) tick(now time.Duration, count int) {
	for ; m.next <= now; m.next += metrics.ThroughputInterval {
		m.throughput.Sample(m.next-m.began, count)
	}
}

// summary is the throughput as upstream defines it; if there was no time for two samples, pods over time as a whole.
func (m *meter) summary(count int) (metrics.ThroughputSummary, bool) {
	if s, ok := m.throughput.Summary(); ok {
		return s, true
	}
	took := (m.last - m.began).Seconds()
	if count == 0 || took <= 0 {
		return metrics.ThroughputSummary{}, false
	}
	rate := float64(count) / took
	return metrics.ThroughputSummary{Average: rate, Perc50: rate, Perc90: rate, Perc95: rate, Perc99: rate}, true
}

// collect begins a measurement.
func (r *runner) collect(name string, namespaces []string, selector map[string]string) error {
	if r.measuring != nil {
		return errors.New("metrics collection is overlapping: a second collector was started before the first was stopped")
	}
	m := &measurement{
		name: name, namespaces: namespaces, selector: labels.SelectorFromSet(selector),
		hostNow: r.options.HostNow, simNow: func() time.Duration { return time.Duration(r.now()) },
	}
	for _, namespace := range namespaces {
		for _, o := range r.cluster.Store().List(api.Pods, namespace, m.selector) {
			if o.(*corev1.Pod).Spec.NodeName != "" {
				m.count++
			}
		}
	}
	m.simulated.begin(m.simNow())
	if m.hostNow != nil {
		m.host.begin(m.hostNow())
	}
	for _, name := range sortedKeys(r.collected()) {
		r.cluster.Metrics().Reset(name)
	}
	r.measuring = m
	r.process.Go("scheduler_perf.sample", func(t *sim.Task) {
		for !m.over {
			t.Sleep(metrics.ThroughputInterval)
			m.simulated.tick(m.simNow(), m.count)
		}
	})
	return nil
}

func (m *meter) begin(now time.Duration) { m.began, m.next = now, now+metrics.ThroughputInterval }

// scheduled counts a pod that got a node.
func (m *measurement) scheduled(pod *corev1.Pod) {
	if !slices.Contains(m.namespaces, pod.Namespace) || !m.selector.Matches(labels.Set(pod.Labels)) {
		return
	}
	if m.hostNow != nil {
		now := m.hostNow()
		m.host.tick(now, m.count)
		m.host.last = now
	}
	m.count++
	m.simulated.last = m.simNow()
}

// stop ends a measurement and keeps what it found.
func (r *runner) stop() error {
	m := r.measuring
	if m == nil {
		return errors.New("missing startCollectingMetrics operation before stopping")
	}
	r.measuring, m.over = nil, true
	name := NamePrefix + r.testCase.Name + "/" + r.workload.Name + "/" + m.name
	var items []DataItem
	if m.hostNow != nil {
		now := m.hostNow()
		m.host.tick(now, m.count)
		items = append(items, throughputItem(Throughput, name, hostClock, &m.host, m.count), durationItem("SchedulingDuration", name, hostClock, now-m.host.began))
	}
	items = append(items, throughputItem(SimulatedThroughput, name, simulatedClock, &m.simulated, m.count),
		durationItem("SimulatedSchedulingDuration", name, simulatedClock, m.simNow()-m.simulated.began))
	items = append(items, r.histograms(name)...)
	threshold := r.workload.Threshold.of(r.options.Topic)
	r.result.Verdicts = append(r.result.Verdicts, judge(items, name, threshold, r.testCase.selector(r.workload))...)
	r.result.Items = append(r.result.Items, items...)
	return nil
}

// histograms are those asked for that hold something, in milliseconds as upstream has them.
func (r *runner) histograms(name string) []DataItem {
	var items []DataItem
	collected := r.collected()
	for _, metric := range sortedKeys(collected) {
		for _, values := range combinations(collected[metric]) {
			h := r.cluster.Metrics().Merged(metric, values...)
			if h == nil || h.Count() == 0 {
				continue
			}
			item := DataItem{Data: map[string]float64{}, Unit: "ms", Labels: map[string]string{"Metric": metric, "Name": name, "Clock": simulatedClock}}
			for i := 0; i < len(values); i += 2 {
				item.Labels[values[i]] = values[i+1]
			}
			for _, q := range []struct {
				bucket  string
				percent float64
			}{{"Perc50", 50}, {"Perc90", 90}, {"Perc95", 95}, {"Perc99", 99}} {
				item.Data[q.bucket] = milliseconds(h.Percentile(q.percent))
			}
			item.Data["Average"] = milliseconds(time.Duration(h.Mean()))
			items = append(items, item)
		}
	}
	return items
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// collected are the histograms to report: the case's own choice, or upstream's that exist here.
func (r *runner) collected() map[string][]LabelValues {
	if c := r.testCase.MetricsCollectorConfig; c != nil {
		return c.Metrics
	}
	return defaultCollected
}

// defaultCollected is upstream's choice (scheduler_perf.go, defaultMetricsCollectorConfig), as far as the scheduler measures it here.
var defaultCollected = map[string][]LabelValues{
	"scheduler_framework_extension_point_duration_seconds": {{"extension_point", strings.Fields(
		"PreFilter Filter PreFilterExtensionAddPod PreFilterExtensionRemovePod PostFilter PreScore Score ScoreExtensionNormalize PreBind Bind PostBind Reserve Unreserve Permit")}},
	"scheduler_scheduling_attempt_duration_seconds":   {{"result", []string{"scheduled", "unschedulable", "error"}}},
	"scheduler_scheduling_algorithm_duration_seconds": nil,
	"scheduler_pod_scheduling_sli_duration_seconds":   nil,
}

// combinations are all label pairs that the values allow.
func combinations(values []LabelValues) [][]string {
	all := [][]string{nil}
	for _, l := range values {
		var longer [][]string
		for _, have := range all {
			for _, v := range l.Values {
				longer = append(longer, append(slices.Clone(have), l.Label, v))
			}
		}
		all = longer
	}
	return all
}
