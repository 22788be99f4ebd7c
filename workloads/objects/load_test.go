package objects_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/generators"
	"github.com/fauxkube/fauxkube/workloads/objects"
)

// template is a pod of one container.
func template(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "x"}}},
	}
}

// config makes pods with sizes and lifetimes.
func config(name string) *objects.Config {
	return &objects.Config{
		Name: name, Template: template(name), Resource: api.Pods, Count: 40,
		Arrival:  func() generators.Process { return generators.Poisson(2 * time.Second) },
		Lifetime: generators.Exponential(int64(30 * time.Second)),
		Sizes: []objects.Size{
			{Quantity: objects.CPU, Of: generators.Uniform(10, 100)}, {Quantity: objects.GPUMilli, Of: generators.Empirical([]generators.Point{{Value: 0, Weight: 1}, {Value: 300, Weight: 1}})},
		},
	}
}

// seen is what became of a pod.
type seen struct {
	pod              *corev1.Pod
	ran, left        sim.Time
	hasRun, departed bool
}

// run runs loads side by side on a cluster and returns their pods by name.
func run(t *testing.T, until time.Duration, configs ...*objects.Config) (map[string]*seen, []*objects.Load) {
	t.Helper()
	s := sim.New(sim.Config{Seed: 6})
	t.Cleanup(s.Close)
	c, err := cluster.New(s, cluster.Topology{NodePools: []cluster.NodePool{{
		Name: "n", Count: 2, Capacity: api.Quantities("cpu", "16", "memory", "64Gi", "nvidia.com/gpu", "8"), Labels: map[string]string{gpu.LabelModel: "T4"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(sim.Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	pods := map[string]*seen{}
	var loads []*objects.Load
	c.Store().OnCommit(func(commit cluster.Commit) {
		for _, l := range loads {
			l.Commit(&commit)
		}
		for _, change := range commit.Changes {
			if change.Resource == api.Pods && strings.HasPrefix(change.Key, "default/") {
				note(pods, change, commit.At)
			}
		}
	})
	done := 0
	for _, config := range configs {
		loads = append(loads, objects.Start(config, c.Kubectl(), s, func() { done++ }))
	}
	if err := s.Run(sim.Time(until)); err != nil {
		t.Fatal(err)
	}
	if done != len(configs) {
		t.Errorf("%d of %d loads are done", done, len(configs))
	}
	return pods, loads
}

func note(pods map[string]*seen, change cluster.Change, at sim.Time) {
	pod, ok := change.New.(*corev1.Pod)
	if !ok {
		pods[strings.TrimPrefix(change.Key, "default/")].departed = true
		return
	}
	p := pods[pod.Name]
	if p == nil {
		p = &seen{}
		pods[pod.Name] = p
	}
	p.pod = pod
	if pod.Status.Phase == corev1.PodRunning && !p.hasRun {
		p.ran, p.hasRun = at, true
	}
	if pod.DeletionTimestamp != nil && p.left == 0 {
		p.left = at
	}
}

// Pods come, live for as long as was drawn once they run, and go.
func TestPodsLiveFromWhenTheyRun(t *testing.T) {
	pods, loads := run(t, 20*time.Minute, config("a"))
	if l := loads[0]; l.Created != 40 || l.Deleted != 40 || l.Failed != 0 {
		t.Fatalf("created %d, deleted %d, failed %d: %v", l.Created, l.Deleted, l.Failed, l.FirstError)
	}
	total := 0.0
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		p := pods[name]
		if !p.hasRun || !p.departed || p.left < p.ran {
			t.Errorf("%s: ran %v at %v, left at %v", name, p.hasRun, p.ran, p.left)
		}
		total += p.left.Sub(p.ran).Seconds()
	}
	// Forty exponential lifetimes of 30 s: their mean is within four deviations, and requests take no second.
	if mean := total / 40; math.Abs(mean-30) > 4*30/math.Sqrt(40)+1 {
		t.Errorf("pods lived %.1f s on average, want about 30", mean)
	}
}

// text is what was drawn for a load's pods.
func text(pods map[string]*seen, prefix string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		if p := pods[name].pod; strings.HasPrefix(name, prefix) {
			parts = append(parts, fmt.Sprint(name, " ", p.CreationTimestamp.UTC().Format(time.TimeOnly), " ", p.Spec.Containers[0].Resources.Requests.Cpu(), " ", p.Annotations[gpu.AnnotationMilli]))
		}
	}
	return strings.Join(parts, "\n")
}

// Neither another load nor another drawn quantity moves what is drawn for a load.
func TestLoadsDoNotDisturbEachOther(t *testing.T) {
	alone, _ := run(t, 5*time.Minute, config("a"))
	other := config("b")
	other.Count, other.Arrival = 100, func() generators.Process { return generators.Regular(time.Second) }
	together, _ := run(t, 5*time.Minute, config("a"), other)
	if a, b := text(alone, "a-"), text(together, "a-"); a != b {
		t.Errorf("another load moved draws:\n%s\n\n%s", a, b)
	}
	fewer := config("a")
	fewer.Sizes = fewer.Sizes[1:]
	without, _ := run(t, 5*time.Minute, fewer)
	for name, p := range alone {
		q := without[name]
		if q == nil || q.pod.Annotations[gpu.AnnotationMilli] != p.pod.Annotations[gpu.AnnotationMilli] || q.pod.CreationTimestamp != p.pod.CreationTimestamp {
			t.Errorf("%s was drawn otherwise where no CPU is drawn", name)
		}
	}
}

// Arrivals end with the time or the number, whichever is first.
func TestArrivalsEnd(t *testing.T) {
	byTime := config("t")
	byTime.Count, byTime.For, byTime.Arrival = 0, 25*time.Second, func() generators.Process { return generators.Regular(10 * time.Second) }
	byCount := config("c")
	byCount.Count, byCount.For, byCount.Arrival = 3, time.Hour, byTime.Arrival
	_, loads := run(t, 5*time.Minute, byTime, byCount)
	if loads[0].Created != 2 || loads[1].Created != 3 {
		t.Errorf("%d in 25 s of one each 10 s, and %d of at most 3", loads[0].Created, loads[1].Created)
	}
}
