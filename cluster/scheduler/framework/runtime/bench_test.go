package runtime_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// benchmark is a cluster of equal nodes in three zones, each with so many pods of one kind, on which more of them are placed: snapshot, filter,
// score, assume. When each node has got 20 on average, these leave.
func benchmark(b *testing.B, nodes, filled int, pod func(i int) *corev1.Pod) {
	fakes, symbols := testcluster.NewFakes(), framework.NewSymbols()
	fw := newFramework(fakes, symbols)
	c, snapshot := cache.New(symbols), framework.NewSnapshot()
	for i := range nodes {
		name := fmt.Sprintf("node-%05d", i)
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname: name, corev1.LabelTopologyZone: string(rune('a' + i%3)), corev1.LabelTopologyRegion: "r1",
			corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		}}}
		n.Status.Allocatable = api.Quantities("cpu", "4", "memory", "32Gi", "pods", "110")
		c.AddNode(n)
	}
	for i := range filled * nodes {
		p := pod(-1 - i)
		p.Spec.NodeName = fmt.Sprintf("node-%05d", i%nodes)
		if err := c.AddPod(p); err != nil {
			b.Fatal(err)
		}
	}
	c.UpdateSnapshot(snapshot)
	var algorithm runtime.Algorithm
	var placed []*corev1.Pod
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if len(placed) == 20*nodes {
			b.StopTimer()
			for _, p := range placed {
				if err := c.RemovePod(p); err != nil {
					b.Fatal(err)
				}
			}
			placed = placed[:0]
			b.StartTimer()
		}
		info := symbols.NewPodInfo(pod(i))
		c.UpdateSnapshot(snapshot)
		attempt := algorithm.Schedule(fw, framework.NewCycle(info, snapshot))
		if attempt.Err != nil || attempt.Diagnosis != nil {
			b.Fatal(attempt.Err, attempt.Diagnosis.Message(nodes))
		}
		bound := api.Shallow(info.Pod)
		bound.Spec.NodeName = attempt.Result.Node
		if err := c.AssumePod(symbols.With(info, bound)); err != nil {
			b.Fatal(err)
		}
		placed = append(placed, bound)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

func plainPod(i int) *corev1.Pod {
	name := fmt.Sprintf("pod-%d", i)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "batch"}}}
	p.Spec.Containers = plainContainers
	p.Spec.Tolerations = defaultTolerations
	return p
}

var (
	plainContainers    = []corev1.Container{{Name: "c", Image: "nginx:1.25", Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", "100m", "memory", "500Mi")}}}
	defaultTolerations = []corev1.Toleration{
		{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: api.Ptr(int64(300))},
		{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: api.Ptr(int64(300))},
	}
)

func servicePod(i int) *corev1.Pod {
	p := plainPod(i)
	p.Labels = map[string]string{"app": "web"}
	return p
}

func spreadPod(i int) *corev1.Pod {
	p := plainPod(i)
	p.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 5, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule,
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "batch"}},
	}}
	return p
}

func affinityPod(i int) *corev1.Pod {
	p := plainPod(i)
	p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
		TopologyKey: corev1.LabelTopologyZone, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "batch"}},
	}}}}
	return p
}

func antiAffinityPod(i int) *corev1.Pod {
	p := plainPod(i)
	p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
		Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{
			TopologyKey: corev1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "batch"}},
		},
	}}}}
	return p
}

// kinds are the pods that are measured.
var kinds = []struct {
	name string
	pod  func(int) *corev1.Pod
}{{"plain", plainPod}, {"service", servicePod}, {"spread", spreadPod}, {"affinity", affinityPod}, {"anti-affinity", antiAffinityPod}}

// BenchmarkSchedule measures a decision by the size of the cluster: it grows with the nodes examined, which are half of 500, a tenth of 5000 and
// a twentieth of 15,000.
func BenchmarkSchedule(b *testing.B) {
	for _, kind := range kinds {
		for _, nodes := range []int{500, 5000, 15000} {
			b.Run(fmt.Sprintf("%s/nodes=%d", kind.name, nodes), func(b *testing.B) { benchmark(b, nodes, 0, kind.pod) })
		}
	}
}

// BenchmarkScheduleAmongPods measures a decision by the pods that are there already: it does not grow with them.
func BenchmarkScheduleAmongPods(b *testing.B) {
	for _, kind := range kinds {
		for _, filled := range []int{0, 2, 18} {
			b.Run(fmt.Sprintf("%s/nodes=5000/pods=%d", kind.name, filled*5000), func(b *testing.B) { benchmark(b, 5000, filled, kind.pod) })
		}
	}
}
