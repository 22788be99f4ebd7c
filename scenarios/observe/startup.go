package observe

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
)

// StartupNames are the latencies of a pod's start, as ClusterLoader2's PodStartupLatency names them, in the order of
// its report.
var StartupNames = []string{"create_to_schedule", "schedule_to_run", "run_to_watch", "schedule_to_watch", "pod_startup"}

// Startup measures how pods start: created, bound to a node, containers started, seen running by a watch. Image pulls
// count, other than in the SLO for pod start-up.
//
// The store's commits give the instants; when the containers started is what the kubelet wrote, which holds whole
// seconds, as in ClusterLoader2. A watch sees a commit some milliseconds later, which are not counted.
type Startup struct {
	start     time.Time
	starting  map[types.UID]*podStart
	latencies []*metrics.Histogram
	// bound are the instants at which pods were bound, in order.
	bound []sim.Time
}

type podStart struct {
	created, scheduled sim.Time
	isScheduled        bool
}

// NewStartup measures the pods that are created from now on; start is the wall time at virtual time 0.
func NewStartup(start time.Time) *Startup {
	s := &Startup{start: start, starting: map[types.UID]*podStart{}}
	registry := metrics.NewRegistry()
	for _, name := range StartupNames {
		s.latencies = append(s.latencies, registry.Histogram(name+"_seconds"))
	}
	return s
}

// Of returns a latency by name, nil if there is none of that name.
func (s *Startup) Of(name string) *metrics.Histogram {
	for i, known := range StartupNames {
		if known == name {
			return s.latencies[i]
		}
	}
	return nil
}

// Commit takes over a commit.
func (s *Startup) Commit(c *cluster.Commit) {
	for i := range c.Changes {
		change := &c.Changes[i]
		if change.Resource != api.Pods {
			continue
		}
		pod, _ := change.New.(*corev1.Pod)
		if pod == nil {
			delete(s.starting, change.Old.GetUID())
			continue
		}
		if change.Old == nil && pod.Annotations[corev1.MirrorPodAnnotationKey] == "" {
			s.starting[pod.UID] = &podStart{created: c.At}
		}
		if p := s.starting[pod.UID]; p != nil {
			s.follow(p, pod, c.At)
		}
	}
}

func (s *Startup) follow(p *podStart, pod *corev1.Pod, now sim.Time) {
	if pod.Spec.NodeName != "" && !p.isScheduled {
		p.scheduled, p.isScheduled = now, true
		s.bound = append(s.bound, now)
	}
	if pod.Status.Phase == corev1.PodRunning && p.isScheduled {
		delete(s.starting, pod.UID)
		run := min(max(s.containersStarted(pod), p.scheduled), now)
		for i, latency := range []time.Duration{
			span(p.created, p.scheduled), span(p.scheduled, run), span(run, now), span(p.scheduled, now), span(p.created, now),
		} {
			s.latencies[i].Observe(latency)
		}
	}
}

// containersStarted is when the last of the pod's containers started.
func (s *Startup) containersStarted(pod *corev1.Pod) sim.Time {
	var last sim.Time
	for i := range pod.Status.ContainerStatuses {
		if running := pod.Status.ContainerStatuses[i].State.Running; running != nil {
			last = max(last, sim.Time(running.StartedAt.Sub(s.start)))
		}
	}
	return last
}

// Throughput is scheduler_perf's SchedulingThroughput over the pods bound so far, from the first of them on; false if
// they were bound within a second.
func (s *Startup) Throughput() (metrics.ThroughputSummary, bool) {
	var t metrics.Throughput
	if len(s.bound) == 0 {
		return t.Summary()
	}
	scheduled := 0
	for tick := s.bound[0]; scheduled < len(s.bound); tick = tick.Add(metrics.ThroughputInterval) {
		for scheduled < len(s.bound) && s.bound[scheduled] <= tick {
			scheduled++
		}
		t.Sample(span(s.bound[0], tick), scheduled)
	}
	return t.Summary()
}

func span(from, to sim.Time) time.Duration { return to.Duration() - from.Duration() }
