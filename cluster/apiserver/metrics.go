package apiserver

import (
	"strconv"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
)

// serverMetrics resolves each series once; the hot path only counts.
type serverMetrics struct {
	registry  *metrics.Registry
	durations map[durationKey]durations
	requests  map[requestKey]*metrics.Counter
	recent    []recentSeries // by resource and verb: the series that the last such request counted in
	rejected  map[rejectKey]*metrics.Counter
	inflight  [2]*metrics.Gauge // read only, mutating
	watches   []*metrics.Gauge  // by resource

	consistentReads, fallbacks *metrics.Counter
	slowWatchers               *metrics.Counter
	cacheStarts                *metrics.Counter
}

type durationKey struct {
	verb        api.Verb
	resource    *api.Resource
	subresource string
	scope       string
}

type durations struct{ whole, sli *metrics.Histogram }

type requestKey struct {
	durationKey
	client string
	code   int
}

// recentSeries saves the look-ups of a request that is like the one before.
type recentSeries struct {
	key       requestKey
	durations durations
	requests  *metrics.Counter
}

type rejectKey struct{ level, schema, reason string }

func newServerMetrics(r *metrics.Registry) serverMetrics {
	m := serverMetrics{
		registry: r, recent: make([]recentSeries, len(api.Resources())*verbs), durations: map[durationKey]durations{}, requests: map[requestKey]*metrics.Counter{},
		rejected: map[rejectKey]*metrics.Counter{}, watches: make([]*metrics.Gauge, len(api.Resources())),
		consistentReads: r.Counter("apiserver_watch_cache_consistent_read_total", "fallback", "false"),
		fallbacks:       r.Counter("apiserver_watch_cache_consistent_read_total", "fallback", "true"),
		slowWatchers:    r.Counter("apiserver_terminated_watchers_total"),
		cacheStarts:     r.Counter("apiserver_watch_cache_initializations_total"),
	}
	for i, kind := range []string{"readOnly", "mutating"} {
		m.inflight[i] = r.Gauge("apiserver_current_inflight_requests", "request_kind", kind)
	}
	return m
}

// verbOf is the verb as metrics write it.
func verbOf(v api.Verb) string {
	switch v {
	case api.VerbGet:
		return "GET"
	case api.VerbList:
		return "LIST"
	case api.VerbWatch:
		return "WATCH"
	case api.VerbCreate:
		return "POST"
	case api.VerbUpdate:
		return "PUT"
	case api.VerbPatch:
		return "PATCH"
	}
	return "DELETE" // deletecollection is DELETE too.
}

// scopeOf is how much a request is about: one object, a namespace, or the cluster.
func scopeOf(r *api.Request) string {
	switch {
	case r.Name != "" || r.Verb == api.VerbCreate:
		return "resource"
	case r.Namespace != "":
		return "namespace"
	}
	return "cluster"
}

// observe counts a completed request. waited is its time in a queue of priority and fairness, which the SLI leaves out.
func (m *serverMetrics) observe(r *api.Request, took, waited time.Duration, err error) {
	k := requestKey{durationKey{r.Verb, r.Resource, r.Subresource, scopeOf(r)}, r.UserAgent, codeOf(r, err)}
	s := &m.recent[r.Resource.ID*verbs+int(r.Verb)]
	if s.key != k {
		*s = recentSeries{k, m.durationsOf(k.durationKey), m.requestsOf(k)}
	}
	s.durations.whole.Observe(took)
	s.durations.sli.Observe(took - waited)
	s.requests.Inc()
}

// verbs is more than the greatest verb.
const verbs = int(api.VerbDeleteCollection) + 1

func (m *serverMetrics) durationsOf(k durationKey) durations {
	d, ok := m.durations[k]
	if !ok {
		labels := []string{"verb", verbOf(k.verb), "resource", k.resource.Name, "group", k.resource.Group,
			"subresource", k.subresource, "scope", k.scope}
		d = durations{
			whole: m.registry.Histogram("apiserver_request_duration_seconds", labels...),
			sli:   m.registry.Histogram("apiserver_request_sli_duration_seconds", labels...),
		}
		m.durations[k] = d
	}
	return d
}

func (m *serverMetrics) requestsOf(k requestKey) *metrics.Counter {
	c := m.requests[k]
	if c == nil {
		c = m.registry.Counter("apiserver_request_total", "verb", verbOf(k.verb), "resource", k.resource.Name,
			"group", k.resource.Group, "subresource", k.subresource, "scope", k.scope, "client", k.client, "code", strconv.Itoa(k.code))
		m.requests[k] = c
	}
	return c
}

func (m *serverMetrics) reject(level, schema, reason string) {
	k := rejectKey{level, schema, reason}
	c := m.rejected[k]
	if c == nil {
		c = m.registry.Counter("apiserver_flowcontrol_rejected_requests_total",
			"priority_level", level, "flow_schema", schema, "reason", reason)
		m.rejected[k] = c
	}
	c.Inc()
}

// begin and end count requests in flight.
func (m *serverMetrics) begin(v api.Verb) { m.inflight[kindIndex(v)].Inc() }
func (m *serverMetrics) end(v api.Verb)   { m.inflight[kindIndex(v)].Dec() }

func kindIndex(v api.Verb) int {
	if v.Writes() {
		return 1
	}
	return 0
}

// longRunning is the gauge of a resource's watches.
func (m *serverMetrics) longRunning(r *api.Resource) *metrics.Gauge {
	g := m.watches[r.ID]
	if g == nil {
		g = m.registry.Gauge("apiserver_longrunning_requests", "verb", "WATCH", "resource", r.Name, "group", r.Group)
		m.watches[r.ID] = g
	}
	return g
}
