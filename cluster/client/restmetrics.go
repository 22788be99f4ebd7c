package client

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim/host"
)

// clientMetrics are client-go's rest_client_* series, by verb; without a registry it measures nothing. Clients that count
// in the same series, as all kubelets do, share it.
type clientMetrics struct {
	registry *metrics.Registry
	server   string
	byVerb   [len(httpMethods)]*verbMetrics
}

// metricsKey tells clientMetrics apart.
type metricsKey struct {
	registry *metrics.Registry
	server   string
}

// verbMetrics are the handles of one verb.
type verbMetrics struct {
	duration    *metrics.Histogram
	rateLimiter *metrics.Histogram
	byCode      map[int]*codeMetrics
}

// codeMetrics are the handles of one verb and status code.
type codeMetrics struct{ requests, retries *metrics.Counter }

// httpMethods gives the HTTP method of each verb, by which client-go labels its series.
var httpMethods = [...]string{
	api.VerbGet: "GET", api.VerbList: "GET", api.VerbWatch: "GET", api.VerbCreate: "POST", api.VerbUpdate: "PUT",
	api.VerbPatch: "PATCH", api.VerbDelete: "DELETE", api.VerbDeleteCollection: "DELETE",
}

// codeError stands for requests that got no answer, which client-go labels "<error>".
const codeError = -1

func newClientMetrics(p *host.Process, c Config) *clientMetrics {
	all := p.Attach("cluster/client.metrics", func() any { return map[metricsKey]*clientMetrics{} }).(map[metricsKey]*clientMetrics)
	k := metricsKey{c.Metrics, string(c.Server)}
	m := all[k]
	if m == nil {
		m = &clientMetrics{registry: k.registry, server: k.server}
		all[k] = m
	}
	return m
}

func (m *clientMetrics) verb(v api.Verb) *verbMetrics {
	h := m.byVerb[v]
	if h == nil {
		method := httpMethods[v]
		h = &verbMetrics{
			duration:    m.registry.Histogram("rest_client_request_duration_seconds", "host", m.server, "verb", method),
			rateLimiter: m.registry.Histogram("rest_client_rate_limiter_duration_seconds", "host", m.server, "verb", method),
			byCode:      map[int]*codeMetrics{},
		}
		m.byVerb[v] = h
	}
	return h
}

func (m *clientMetrics) throttled(v api.Verb, d time.Duration) {
	if m.registry != nil {
		m.verb(v).rateLimiter.Observe(d)
	}
}

// finished counts a request's whole life, time in the limiter's queue included, as client-go does.
func (m *clientMetrics) finished(v api.Verb, d time.Duration) {
	if m.registry != nil {
		m.verb(v).duration.Observe(d)
	}
}

// answered counts one attempt; from the second on it is a retry too.
func (m *clientMetrics) answered(v api.Verb, attempt int, err error) {
	if m.registry == nil {
		return
	}
	h := m.code(v, codeOf(v, err))
	h.requests.Inc()
	if attempt > 1 {
		h.retries.Inc()
	}
}

func (m *clientMetrics) code(v api.Verb, code int) *codeMetrics {
	byCode := m.verb(v).byCode
	if h := byCode[code]; h != nil {
		return h
	}
	label := "<error>"
	if code != codeError {
		label = strconv.Itoa(code)
	}
	h := &codeMetrics{
		requests: m.registry.Counter("rest_client_requests_total", "code", label, "host", m.server, "method", httpMethods[v]),
		retries:  m.registry.Counter("rest_client_request_retries_total", "code", label, "host", m.server, "verb", httpMethods[v]),
	}
	byCode[code] = h
	return h
}

func codeOf(v api.Verb, err error) int {
	switch {
	case err != nil:
		return codeOfError(err)
	case v == api.VerbCreate:
		return http.StatusCreated
	}
	return http.StatusOK
}

func codeOfError(err error) int {
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		return int(status.ErrStatus.Code)
	}
	return codeError
}
