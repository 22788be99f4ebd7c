package runtime_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/defaultbinder"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodeports"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/noderesources"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/prioritysort"
)

// batchCluster is four nodes under a profile that can sign pods. The nodes are scored apart: the more memory, the better.
type batchCluster struct {
	fakes     *testcluster.Fakes
	symbols   *framework.Symbols
	cache     *cache.Cache
	snapshot  *framework.Snapshot
	fw        *runtime.Framework
	algorithm runtime.Algorithm
	number    int64
}

func newBatchCluster(t *testing.T, batching bool) *batchCluster {
	b := &batchCluster{fakes: testcluster.NewFakes(), symbols: framework.NewSymbols(), snapshot: framework.NewSnapshot()}
	b.cache = cache.New(b.symbols)
	h := b.fakes.Handle(b.symbols)
	fit, err := noderesources.NewFit(h, noderesources.FitArgs{})
	if err != nil {
		t.Fatal(err)
	}
	b.fw, err = runtime.New(runtime.Config{SchedulerName: "s", Batching: batching, Plugins: []runtime.Enabled{
		{Plugin: prioritysort.PrioritySort{}}, {Plugin: nodeports.NodePorts{}}, {Plugin: fit, Weight: 1}, {Plugin: defaultbinder.New(h)},
	}}, framework.NewPluginNames(), h)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 4; i++ {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i)}}
		n.Status.Allocatable = api.Quantities("cpu", "4", "memory", fmt.Sprintf("%dGi", 4*i), "pods", "10")
		b.cache.AddNode(n)
	}
	return b
}

// try schedules a pod that wants a host port, or none, and places it. It returns the node and what batching counted.
func (b *batchCluster) try(t *testing.T, name string, port int32) string {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name, UID: types.UID(name)}}
	pod.Spec.Containers = []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Requests: api.Quantities("memory", "1Gi")}}}
	if port != 0 {
		pod.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: port}}
	}
	b.cache.UpdateSnapshot(b.snapshot)
	info := b.symbols.NewPodInfo(pod)
	c := framework.NewCycle(info, b.snapshot)
	b.number++
	c.Signature, c.Number = b.fw.Sign(pod), b.number
	b.fakes.Batch = nil
	got := b.algorithm.Schedule(b.fw, c)
	c.Publish()
	if got.Err != nil || got.Diagnosis != nil {
		t.Fatalf("%+v", got)
	}
	bound := api.Shallow(pod)
	bound.Spec.NodeName = got.Result.Node
	if err := b.cache.AssumePod(b.symbols.With(info, bound)); err != nil {
		t.Fatal(err)
	}
	return got.Result.Node + " " + strings.Join(b.fakes.Batch, ",")
}

func TestBatchGoesDownTheOrderOfTheFirstPod(t *testing.T) {
	b := newBatchCluster(t, true)
	for i, want := range []string{"n4 no_hint", "n3 hint_used", "n2 hint_used", "n1 hint_used"} {
		if got := b.try(t, fmt.Sprintf("p%d", i), 80); got != want {
			t.Errorf("pod %d: %s, want %s", i, got, want)
		}
	}
}

func TestBatchGivesItsOrderUp(t *testing.T) {
	for name, c := range map[string]struct {
		between func(b *batchCluster)
		port    int32
		want    string
	}{
		"it is used":                 {func(*batchCluster) {}, 80, "n3 hint_used"},
		"just young enough":          {func(b *batchCluster) { b.fakes.Clock += 500 * time.Millisecond }, 80, "n3 hint_used"},
		"too old":                    {func(b *batchCluster) { b.fakes.Clock += 500*time.Millisecond + 1 }, 80, "n3 expired,no_hint"},
		"another pod came between":   {func(b *batchCluster) { b.number++ }, 80, "n3 pod_skipped,no_hint"},
		"the pod is of another kind": {func(*batchCluster) {}, 81, "n3 pod_incompatible,no_hint"},
		"the node is gone":           {func(b *batchCluster) { b.remove("n4") }, 80, "n3 node_missing,no_hint"},
		"the hinted node is gone":    {func(b *batchCluster) { b.remove("n3") }, 80, "n2 hint_not_used"},
		"the last pod left already":  {func(b *batchCluster) { b.forget("first", "n4") }, 80, "n4 node_not_full,no_hint"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBatchCluster(t, true)
			b.try(t, "first", 80)
			c.between(b)
			if got := b.try(t, "second", c.port); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func (b *batchCluster) remove(node string) {
	_ = b.cache.RemoveNode(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}})
}

func (b *batchCluster) forget(pod, node string) {
	gone := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: pod, UID: types.UID(pod)}}
	gone.Spec.NodeName = node
	if err := b.cache.ForgetPod(gone); err != nil {
		panic(err)
	}
}

func TestBatchingIsASwitch(t *testing.T) {
	b := newBatchCluster(t, false)
	for i, want := range []string{"n4 ", "n3 "} {
		if got := b.try(t, fmt.Sprintf("p%d", i), 80); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
