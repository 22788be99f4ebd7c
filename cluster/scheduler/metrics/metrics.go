// Package metrics holds the scheduler's measurements under kube-scheduler's names (pkg/scheduler/metrics/metrics.go).
// Durations are simulated: from the cost model and the API's answers, never from the host.
package metrics

import (
	"strconv"
	"time"

	clustermetrics "github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Results of an attempt, as label values.
const (
	Scheduled     = "scheduled"
	Unschedulable = "unschedulable"
	Error         = "error"
)

// maxAttemptsLabel caps the label of pod_scheduling_sli_duration_seconds.
const maxAttemptsLabel = 15

// Metrics are one scheduler's handles, resolved on first use.
type Metrics struct {
	registry *clustermetrics.Registry
	names    *framework.PluginNames

	Algorithm            *clustermetrics.Histogram
	Attempts             *clustermetrics.Histogram
	preemptions          *clustermetrics.Counter
	victims              *clustermetrics.Histogram
	ScheduledAfterFlush  *clustermetrics.Counter
	nodes, pods, assumed *clustermetrics.Gauge

	incoming      map[[2]string]*clustermetrics.Counter
	pending       map[string]*clustermetrics.Gauge
	unschedulable map[rejected]*clustermetrics.Gauge
	attempts      map[[2]string]*attempt
	extension     map[[3]string]*clustermetrics.Histogram
	batches       map[[2]string]*clustermetrics.Counter
	flushed       map[[2]string]*clustermetrics.Counter
	sli           [maxAttemptsLabel + 1]*clustermetrics.Histogram
}

type rejected struct {
	plugin  framework.PluginID
	profile string
}

type attempt struct {
	count    *clustermetrics.Counter
	duration *clustermetrics.Histogram
}

// New returns the metrics of a scheduler. A nil registry measures into nothing.
func New(r *clustermetrics.Registry, names *framework.PluginNames) *Metrics {
	if r == nil {
		r = clustermetrics.NewRegistry()
	}
	return &Metrics{
		registry: r, names: names,
		Algorithm:           r.Histogram("scheduler_scheduling_algorithm_duration_seconds"),
		Attempts:            r.Histogram("scheduler_pod_scheduling_attempts"),
		preemptions:         r.Counter("scheduler_preemption_attempts_total"),
		victims:             r.Histogram("scheduler_preemption_victims"),
		ScheduledAfterFlush: r.Counter("scheduler_pod_scheduled_after_flush_total"),
		nodes:               r.Gauge("scheduler_cache_size", "type", "nodes"),
		pods:                r.Gauge("scheduler_cache_size", "type", "pods"),
		assumed:             r.Gauge("scheduler_cache_size", "type", "assumed_pods"),
		incoming:            map[[2]string]*clustermetrics.Counter{},
		pending:             map[string]*clustermetrics.Gauge{},
		unschedulable:       map[rejected]*clustermetrics.Gauge{},
		attempts:            map[[2]string]*attempt{},
		batches:             map[[2]string]*clustermetrics.Counter{},
		flushed:             map[[2]string]*clustermetrics.Counter{},
		extension:           map[[3]string]*clustermetrics.Histogram{},
	}
}

// Incoming counts a pod's arrival in a queue.
func (m *Metrics) Incoming(queue, event string) {
	key := [2]string{queue, event}
	c := m.incoming[key]
	if c == nil {
		c = m.registry.Counter("scheduler_queue_incoming_pods_total", "queue", queue, "event", event)
		m.incoming[key] = c
	}
	c.Inc()
}

// Pending changes the number of pods in a queue.
func (m *Metrics) Pending(queue string, change int64) {
	g := m.pending[queue]
	if g == nil {
		g = m.registry.Gauge("scheduler_pending_pods", "queue", queue)
		m.pending[queue] = g
	}
	g.Add(change)
}

// Unschedulable changes the number of pods that a plugin refuses.
func (m *Metrics) Unschedulable(plugin framework.PluginID, profile string, change int64) {
	key := rejected{plugin, profile}
	g := m.unschedulable[key]
	if g == nil {
		g = m.registry.Gauge("scheduler_unschedulable_pods", "plugin", m.names.Name(plugin), "profile", profile)
		m.unschedulable[key] = g
	}
	g.Add(change)
}

// Attempted counts an attempt with its result and how long it took.
func (m *Metrics) Attempted(result, profile string, took time.Duration) {
	key := [2]string{result, profile}
	a := m.attempts[key]
	if a == nil {
		a = &attempt{
			count:    m.registry.Counter("scheduler_schedule_attempts_total", "result", result, "profile", profile),
			duration: m.registry.Histogram("scheduler_scheduling_attempt_duration_seconds", "result", result, "profile", profile),
		}
		m.attempts[key] = a
	}
	a.count.Inc()
	a.duration.Observe(took)
}

// ExtensionPoint records how long an extension point took.
func (m *Metrics) ExtensionPoint(point string, code framework.Code, profile string, took time.Duration) {
	key := [3]string{point, code.String(), profile}
	h := m.extension[key]
	if h == nil {
		h = m.registry.Histogram("scheduler_framework_extension_point_duration_seconds",
			"extension_point", point, "status", code.String(), "profile", profile)
		m.extension[key] = h
	}
	h.Observe(took)
}

// Bound records a pod's success: how long since it first became active, and in how many attempts.
func (m *Metrics) Bound(attempts int, took time.Duration) {
	m.Attempts.ObserveCount(int64(attempts))
	label := min(attempts, maxAttemptsLabel)
	h := m.sli[label]
	if h == nil {
		value := strconv.Itoa(label)
		if label == maxAttemptsLabel {
			value += "+"
		}
		h = m.registry.Histogram("scheduler_pod_scheduling_sli_duration_seconds", "attempts", value)
		m.sli[label] = h
	}
	h.Observe(took)
}

// PreemptionAttempt counts a pod that asked for preemption.
func (m *Metrics) PreemptionAttempt() { m.preemptions.Inc() }

// PreemptionVictims records how many pods make room.
func (m *Metrics) PreemptionVictims(n int) { m.victims.ObserveCount(int64(n)) }

// CacheSize sets what the cache holds.
func (m *Metrics) CacheSize(nodes, pods, assumed int) {
	m.nodes.Set(int64(nodes))
	m.pods.Set(int64(pods))
	m.assumed.Set(int64(assumed))
}

// BatchAttempt counts a hint that batching gave, or did not.
func (m *Metrics) BatchAttempt(profile, result string) {
	m.counter(m.batches, "scheduler_batch_attempts_total", profile, "result", result).Inc()
}

// BatchFlushed counts an order of nodes that batching gave up.
func (m *Metrics) BatchFlushed(profile, reason string) {
	m.counter(m.flushed, "scheduler_batch_cache_flushed_total", profile, "reason", reason).Inc()
}

// counter resolves a counter by profile and another label.
func (m *Metrics) counter(known map[[2]string]*clustermetrics.Counter, name, profile, label, value string) *clustermetrics.Counter {
	key := [2]string{profile, value}
	c := known[key]
	if c == nil {
		c = m.registry.Counter(name, "profile", profile, label, value)
		known[key] = c
	}
	return c
}
