package metrics

import (
	"math"
	"slices"
	"strings"
)

// layout is the bucket bounds of one family.
type layout struct {
	duration bool
	exported []float64 // upper bounds as exported: seconds or counts
	bounds   []int64   // the same in nanoseconds or counts
}

// bucket returns the index of the bucket that holds v: the first whose bound is at or above it.
func (l *layout) bucket(v int64) int {
	i, _ := slices.BinarySearch(l.bounds, v)
	return i
}

// layouts holds the buckets of Kubernetes v1.36, by family.
var layouts = map[string]*layout{
	// pkg/scheduler/metrics/metrics.go
	"scheduler_scheduling_attempt_duration_seconds":        seconds(exponential(0.001, 2, 15)),
	"scheduler_scheduling_algorithm_duration_seconds":      seconds(exponential(0.001, 2, 15)),
	"scheduler_pod_scheduling_sli_duration_seconds":        seconds(exponential(0.01, 2, 20)),
	"scheduler_framework_extension_point_duration_seconds": seconds(exponential(0.0001, 2, 12)),
	"scheduler_plugin_execution_duration_seconds":          seconds(exponential(0.00001, 1.5, 20)),
	"scheduler_permit_wait_duration_seconds":               seconds(exponential(0.001, 2, 15)),
	"scheduler_preemption_goroutines_duration_seconds":     seconds(exponential(0.01, 2, 20)),
	"scheduler_pod_scheduling_attempts":                    counts(exponential(1, 2, 5)),
	"scheduler_preemption_victims":                         counts(exponential(1, 2, 7)),

	// staging/src/k8s.io/apiserver/pkg/endpoints/metrics/metrics.go
	"apiserver_request_duration_seconds":     seconds([]float64{.005, .025, .05, .1, .2, .4, .6, .8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60}),
	"apiserver_request_sli_duration_seconds": seconds([]float64{.05, .1, .2, .4, .6, .8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60}),
	"apiserver_watch_events_sizes":           counts(exponential(1024, 2, 8)),
	// staging/src/k8s.io/apiserver/pkg/storage/etcd3/metrics/metrics.go
	"etcd_request_duration_seconds": seconds([]float64{.005, .025, .05, .1, .2, .4, .6, .8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60}),

	// etcd server/storage/wal/metrics.go, server/storage/backend/metrics.go
	"etcd_disk_wal_fsync_duration_seconds":      seconds(exponential(0.001, 2, 14)),
	"etcd_disk_backend_commit_duration_seconds": seconds(exponential(0.001, 2, 14)),

	// staging/src/k8s.io/component-base/metrics/prometheus/workqueue/metrics.go
	"workqueue_queue_duration_seconds": seconds(exponential(10e-7, 10, 10)),
	"workqueue_work_duration_seconds":  seconds(exponential(10e-7, 10, 10)),
	// staging/src/k8s.io/component-base/metrics/prometheus/restclient/metrics.go
	"rest_client_request_duration_seconds":      seconds([]float64{.005, .025, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60}),
	"rest_client_rate_limiter_duration_seconds": seconds([]float64{.005, .025, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60}),

	// pkg/kubelet/metrics/metrics.go
	"kubelet_pod_start_sli_duration_seconds":   seconds(podStart),
	"kubelet_pod_start_total_duration_seconds": seconds(podStart),
	"kubelet_pod_start_duration_seconds":       seconds(podStart),

	// pkg/proxy/metrics/metrics.go
	"kubeproxy_sync_proxy_rules_duration_seconds":    seconds(exponential(0.001, 2, 15)),
	"kubeproxy_network_programming_duration_seconds": seconds(slices.Concat(linear(0.25, 0.25, 2), linear(1, 1, 59), linear(60, 5, 12), linear(120, 30, 7))),
}

var podStart = []float64{.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600}

// Families that the table does not name: Prometheus' default buckets for seconds, powers of two for counts.
var (
	otherSeconds = seconds([]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})
	otherCounts  = counts(exponential(1, 2, 20))
)

func layoutOf(name string) *layout {
	if l := layouts[name]; l != nil {
		return l
	}
	if strings.HasSuffix(name, "_seconds") {
		return otherSeconds
	}
	return otherCounts
}

func seconds(bounds []float64) *layout {
	l := &layout{duration: true, exported: bounds}
	for _, b := range bounds {
		l.bounds = append(l.bounds, int64(math.Round(float64(b*1e9))))
	}
	return l
}

func counts(bounds []float64) *layout {
	l := &layout{exported: bounds}
	for _, b := range bounds {
		l.bounds = append(l.bounds, int64(math.Floor(b)))
	}
	return l
}

// exponential and linear multiply and add step by step, as Prometheus' client does: the exported bounds are equal
// to the last bit.
func exponential(start, factor float64, count int) []float64 {
	bounds := make([]float64, count)
	for i := range bounds {
		bounds[i] = start
		start = float64(start * factor)
	}
	return bounds
}

func linear(start, width float64, count int) []float64 {
	bounds := make([]float64, count)
	for i := range bounds {
		bounds[i] = start
		start += width
	}
	return bounds
}
