package oracle

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// world is one random cluster, known to both schedulers.
type world struct {
	fakes *testcluster.Fakes
	nodes []*corev1.Node

	theirs *upstream

	symbols   *framework.Symbols
	cache     *cache.Cache
	snapshot  *framework.Snapshot
	handle    *framework.Handle
	plugins   []runtime.Enabled
	fw        *runtime.Framework
	algorithm runtime.Algorithm
}

func newWorld(fakes *testcluster.Fakes) *world {
	w := &world{fakes: fakes, theirs: newUpstream(fakes), symbols: framework.NewSymbols(), snapshot: framework.NewSnapshot()}
	w.cache = cache.New(w.symbols)
	h := fakes.Handle(w.symbols)
	w.handle = h
	var err error
	if w.plugins, err = scheduler.DefaultPlugins(h); err != nil {
		panic(err)
	}
	if w.fw, err = runtime.New(runtime.Config{SchedulerName: "default-scheduler", Plugins: w.plugins}, framework.NewPluginNames(), h); err != nil {
		panic(err)
	}
	return w
}

// drawWorld draws a cluster of few nodes: what goes wrong goes wrong on two as well.
func drawWorld(t *rapid.T) *world {
	fakes := testcluster.NewFakes()
	fakes.Volumes = testcluster.DrawVolumes(t)
	w := newWorld(fakes)
	for i := range 7 - rapid.IntRange(0, 5).Draw(t, "nodes") {
		w.addNode(testcluster.Node(t, fmt.Sprintf("n%d", i)))
	}
	return w
}

func (w *world) addNode(n *corev1.Node) {
	w.nodes = append(w.nodes, n)
	w.cache.AddNode(n)
	w.theirs.cache.AddNode(klog.Background(), n)
}

// drawPod draws a pod, one in three with volumes.
func drawPod(t *rapid.T, i int) *corev1.Pod {
	pod := testcluster.Pod(t, fmt.Sprintf("p%d", i))
	if testcluster.Pick(t, "mounts volumes", []bool{false, false, true}) {
		testcluster.Mount(t, pod)
	}
	return pod
}

// changeNode replaces a node by another of its name and zone. A node that changes its zone keeps its place in both schedulers' snapshots
// until they are rebuilt, which happens at different moments.
func (w *world) changeNode(t *rapid.T) {
	i := rapid.IntRange(0, len(w.nodes)-1).Draw(t, "which")
	before := w.nodes[i]
	after := testcluster.Node(t, before.Name)
	delete(after.Labels, corev1.LabelTopologyZone)
	if zone, ok := before.Labels[corev1.LabelTopologyZone]; ok {
		after.Labels[corev1.LabelTopologyZone] = zone
	}
	w.cache.UpdateNode(before, after)
	w.theirs.cache.UpdateNode(klog.Background(), before, after)
	w.nodes[i] = after
}

// update brings both snapshots up to date.
func (w *world) update(t *rapid.T) {
	w.cache.UpdateSnapshot(w.snapshot)
	if err := w.theirs.cache.UpdateSnapshot(klog.Background(), w.theirs.snapshot); err != nil {
		t.Fatal(err)
	}
}

// place puts a pod on a node, some minutes ago.
func (w *world) place(t *rapid.T, pod *corev1.Pod, node string) {
	bound := api.Shallow(pod)
	bound.Spec.NodeName = node
	minutes := testcluster.Pick(t, "age", []int{1, 2, 3, 4, 5, 6, 7, 8})
	bound.Status.StartTime = &metav1.Time{Time: testcluster.Now.Add(-time.Duration(minutes) * time.Minute)}
	if err := w.cache.AddPod(bound); err != nil {
		t.Fatal(err)
	}
	if err := w.theirs.cache.AddPod(klog.Background(), bound); err != nil {
		t.Fatal(err)
	}
	w.fakes.Pods[bound.Namespace+"/"+bound.Name] = bound
}

// name returns the name of the node in a slot.
func (w *world) name(slot int32) string { return w.snapshot.Nodes[slot].Name() }
