package adapter_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/adapter"
	"github.com/fauxkube/fauxkube/cluster/scheduler/adapter/example"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

const file = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- plugins: {multiPoint: {enabled: [{name: ZoneCap, weight: 5}]}}
  pluginConfig: [{name: ZoneCap, args: {limit: 2}}]
`

// TestExample runs the example plugin from a configuration file beside the default plugins: six pods of an app fill three zones, the seventh
// fits nowhere and says why, and one of higher priority preempts.
func TestExample(t *testing.T) {
	c, err := config.Load("scheduler.yaml", []byte(file), config.Options{OutOfTree: map[string]config.Factory{example.Name: adapter.Factory(example.New)}})
	if err != nil {
		t.Fatal(err)
	}
	var s scheduler.Config
	c.Apply(&s)
	fakes, symbols := testcluster.NewFakes(), framework.NewSymbols()
	h := fakes.Handle(symbols)
	plugins, err := s.Profiles[0].Plugins(h)
	if err != nil {
		t.Fatal(err)
	}
	fw, err := runtime.New(runtime.Config{SchedulerName: "default-scheduler", Plugins: plugins}, framework.NewPluginNames(), h)
	if err != nil {
		t.Fatal(err)
	}
	if at := strings.Join(fw.At("Score"), " "); !strings.HasSuffix(at, "ZoneCap*5") || strings.Contains(strings.Join(fw.At("Permit"), " "), "ZoneCap") {
		t.Error(at, fw.At("Permit"))
	}
	nodes, snapshot := cache.New(symbols), framework.NewSnapshot()
	for i := range 6 {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i), Labels: map[string]string{corev1.LabelTopologyZone: string(rune('a' + i%3))}}}
		n.Status.Allocatable = api.Quantities("cpu", "4", "memory", "4Gi", "pods", "10")
		nodes.AddNode(n)
	}
	var algorithm runtime.Algorithm
	attempt := func(i int, priority int32) (runtime.Attempt, *framework.Cycle) {
		name := fmt.Sprintf("p%d", i)
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name, UID: types.UID(name), Labels: map[string]string{"app": "web"}}}
		p.Spec.Priority = &priority
		fakes.Pods["one/"+name] = p
		nodes.UpdateSnapshot(snapshot)
		cycle := framework.NewCycle(symbols.NewPodInfo(p), snapshot)
		return algorithm.Schedule(fw, cycle), cycle
	}
	zones := map[string]int{}
	for i := range 6 {
		a, cycle := attempt(i, 0)
		if a.Err != nil || a.Diagnosis != nil {
			t.Fatal(i, a.Err, a.Diagnosis)
		}
		bound := api.Shallow(cycle.Pod.Pod)
		bound.Spec.NodeName = a.Result.Node
		if err := nodes.AddPod(bound); err != nil {
			t.Fatal(err)
		}
		zones[snapshot.Node(a.Result.Node).Node.Labels[corev1.LabelTopologyZone]]++
	}
	if zones["a"] != 2 || zones["b"] != 2 || zones["c"] != 2 {
		t.Error(zones)
	}
	a, _ := attempt(6, 0)
	if a.Diagnosis == nil || a.Diagnosis.Message(6) != "0/6 nodes are available: 6 node(s) in a zone with enough pods of the app." {
		t.Errorf("%+v", a)
	}
	a, cycle := attempt(7, 10)
	if nominate, status := fw.PostFilter(cycle, a.Diagnosis.Statuses); nominate == nil || nominate.Node == "" {
		t.Error("no preemption: ", status)
	}
}

// TestMissing: a plugin that wants a client is refused when it is built.
func TestMissing(t *testing.T) {
	build := func(_ context.Context, _ apiruntime.Object, h fwk.Handle) (fwk.Plugin, error) {
		h.ClientSet()
		return nil, nil
	}
	_, err := config.Load("scheduler.yaml", []byte(file), config.Options{OutOfTree: map[string]config.Factory{example.Name: adapter.Factory(build)}})
	if err == nil || !strings.Contains(err.Error(), "uses Handle.ClientSet, which a simulated scheduler does not have") {
		t.Error(err)
	}
}
