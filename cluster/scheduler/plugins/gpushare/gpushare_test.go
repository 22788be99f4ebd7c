package gpushare_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// cluster is nodes, and a policy's profile on fakes.
type cluster struct {
	t         rapid.TB
	fakes     *testcluster.Fakes
	symbols   *framework.Symbols
	cache     *cache.Cache
	snapshot  *framework.Snapshot
	fw        *runtime.Framework
	algorithm runtime.Algorithm
}

func newCluster(t rapid.TB, o config.Options, nodes ...*corev1.Node) *cluster {
	t.Helper()
	configuration, err := config.Default(o)
	if err != nil {
		t.Fatal(err)
	}
	var settings scheduler.Config
	configuration.Apply(&settings)
	c := &cluster{t: t, fakes: testcluster.NewFakes(), symbols: framework.NewSymbols(), snapshot: framework.NewSnapshot()}
	c.cache = cache.New(c.symbols)
	c.algorithm = runtime.Algorithm{PercentageOfNodesToScore: settings.PercentageOfNodesToScore, Tie: settings.Tie}
	h, profile := c.fakes.Handle(c.symbols), settings.Profiles[0]
	h.Draw = rand.New(rand.NewSource(3)).Intn
	plugins, err := profile.Plugins(h)
	if err != nil {
		t.Fatal(err)
	}
	if c.fw, err = runtime.New(runtime.Config{SchedulerName: "default-scheduler", Plugins: plugins, Enabled: profile.Enabled, Disabled: profile.Disabled},
		framework.NewPluginNames(), h); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		c.cache.AddNode(n)
	}
	return c
}

func node(name, cpu string, gpus int, model string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{gpu.LabelModel: model}}}
	n.Status.Allocatable = api.Quantities("cpu", cpu, "memory", "64Gi", "pods", "110", "nvidia.com/gpu", fmt.Sprint(gpus))
	return n
}

func pod(name, cpu string, r gpu.Request) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name, UID: types.UID(name), Annotations: r.Annotations()}}
	p.Spec.SchedulerName = "default-scheduler"
	p.Spec.Containers = []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", cpu, "memory", "1Gi")}}}
	return p
}

// attempt filters and scores; the message is why the pod fits nowhere.
func (c *cluster) attempt(p *corev1.Pod) (cycle *framework.Cycle, node, message string) {
	c.cache.UpdateSnapshot(c.snapshot)
	cycle = framework.NewCycle(c.symbols.NewPodInfo(p), c.snapshot)
	a := c.algorithm.Schedule(c.fw, cycle)
	if a.Err != nil {
		c.t.Fatal(a.Err)
	}
	if a.Diagnosis != nil {
		return cycle, "", a.Diagnosis.Message(c.snapshot.Len())
	}
	return cycle, a.Result.Node, ""
}

// assume takes a pod as far as Reserve.
func (c *cluster) assume(p *corev1.Pod) (cycle *framework.Cycle, assumed *corev1.Pod, message string) {
	cycle, node, message := c.attempt(p)
	if node == "" {
		return cycle, nil, message
	}
	assumed = api.Shallow(p)
	assumed.Spec.NodeName = node
	info := c.symbols.With(cycle.Pod, assumed)
	if err := c.cache.AssumePod(info); err != nil {
		c.t.Fatal(err)
	}
	cycle.Pod = info
	if s := c.fw.Reserve(cycle, node); !s.IsSuccess() {
		c.t.Fatal(s.Message())
	}
	return cycle, assumed, ""
}

// bind binds an assumed pod, and returns it as the API has it then.
func (c *cluster) bind(cycle *framework.Cycle, assumed *corev1.Pod) *corev1.Pod {
	c.fakes.Did = nil
	c.fw.Bind(cycle, assumed.Spec.NodeName, func(s *framework.Status) {
		if !s.IsSuccess() {
			c.t.Fatal(s.Message())
		}
	})
	bound := api.Shallow(assumed)
	bound.Annotations = c.fakes.Bound
	for key, value := range assumed.Annotations {
		bound.Annotations = api.With(bound.Annotations, key, value)
	}
	return bound
}

// place takes a pod all the way, the answer of the API included; nil where it fits nowhere.
func (c *cluster) place(p *corev1.Pod) *corev1.Pod {
	cycle, assumed, _ := c.assume(p)
	if assumed == nil {
		return nil
	}
	bound := c.bind(cycle, assumed)
	if err := c.cache.AddPod(bound); err != nil {
		c.t.Fatal(err)
	}
	return bound
}

var typical = []policies.TypicalPod{
	{Pod: policies.Pod{CPUMilli: 2000, GPUs: 1, GPUMilli: 500}, Share: .5},
	{Pod: policies.Pod{CPUMilli: 4000, GPUs: 2, GPUMilli: 1000}, Share: .3},
	{Pod: policies.Pod{CPUMilli: 3000, GPUs: 1, GPUMilli: 1000, Models: "A"}, Share: .1},
	{Pod: policies.Pod{CPUMilli: 6000}, Share: .1},
}

func drawRequest(t *rapid.T) gpu.Request {
	r := gpu.Request{GPUs: rapid.SampledFrom([]int{0, 1, 1, 1, 2, 4}).Draw(t, "gpus"), Models: rapid.SampledFrom([]string{"", "", "A", "A|B"}).Draw(t, "models")}
	switch r.GPUs {
	case 0:
		r.Models = ""
	case 1:
		r.Milli = rapid.SampledFrom([]int64{200, 300, 500, 1000}).Draw(t, "milli")
	default:
		r.Milli = gpu.Whole
	}
	return r
}

// What the framework and the plugin do, pod by pod, with assumed pods and pods that leave, is what the policy's Chooser does.
func TestDecidesAsTheProtocol(t *testing.T) {
	for _, policy := range policies.Names() {
		if policy == "random" {
			continue // It draws for each.
		}
		t.Run(policy, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { decidesAsTheProtocol(t, policy) }) })
	}
}

func decidesAsTheProtocol(t *rapid.T, policy string) {
	var nodes []*corev1.Node
	var plain []*policies.Node
	for i := range rapid.IntRange(1, 9).Draw(t, "nodes") {
		gpus, model := rapid.IntRange(0, 4).Draw(t, "count"), rapid.SampledFrom([]string{"A", "B"}).Draw(t, "model")
		cpu := rapid.SampledFrom([]int64{8, 16}).Draw(t, "cpu")
		n := node(fmt.Sprintf("n%d", i), fmt.Sprint(cpu), gpus, model)
		nodes = append(nodes, n)
		own := &policies.Node{Name: n.Name, CPULeft: 1000 * cpu, MemoryLeft: 64 << 30, Model: model, GPULeft: slices.Repeat([]int64{1000}, gpus)}
		plain = append(plain, own)
	}
	c := newCluster(t, config.Options{Policy: policy, Workload: typical}, nodes...)
	p, err := policies.New(policy, policies.Env{Workload: policies.NewWorkload(typical)})
	if err != nil {
		t.Fatal(err)
	}
	chooser := policies.NewChooser(p, plain, nil)
	types := policies.Types{}
	type placed struct {
		bound *corev1.Pod
		own   policies.Pod
		node  int
		gpus  []int
	}
	var there []placed
	for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
		if len(there) > 0 && rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
			k := rapid.IntRange(0, len(there)-1).Draw(t, "which")
			gone := there[k]
			if err := c.cache.RemovePod(gone.bound); err != nil {
				t.Fatal(err)
			}
			plain[gone.node].Remove(&gone.own, gone.gpus)
			chooser.Changed(gone.node)
			there = slices.Delete(there, k, k+1)
			continue
		}
		cpu, request := rapid.SampledFrom([]int64{1, 2, 5}).Draw(t, "cpu"), drawRequest(t)
		own := policies.Pod{CPUMilli: 1000 * cpu, MemoryBytes: 1 << 30, GPUs: request.GPUs, GPUMilli: request.Milli, Models: request.Models}
		types.Number(&own)
		at, gpus := chooser.Place(&own)
		bound := c.place(pod(fmt.Sprintf("p%d", i), fmt.Sprint(cpu), request))
		switch {
		case at < 0 && bound == nil:
			continue
		case at < 0 || bound == nil:
			t.Fatalf("pod %d, %+v: node %d by the protocol, bound: %v", i, request, at, bound)
		}
		if got, want := bound.Spec.NodeName+" "+bound.Annotations[gpu.AnnotationIndex], plain[at].Name+" "+gpu.FormatIndexes(gpus); got != want {
			t.Fatalf("pod %d, %+v: %s, by the protocol %s", i, request, got, want)
		}
		there = append(there, placed{bound, own, at, gpus})
	}
}

// Before the API has answered, a reservation counts; given back, it does not.
func TestReservationsCountAtOnce(t *testing.T) {
	half := gpu.Request{GPUs: 1, Milli: 600}
	c := newCluster(t, config.Options{Policy: "bestfit"}, node("n0", "16", 2, "A"))
	first, a, _ := c.assume(pod("a", "1", half))
	_, b, _ := c.assume(pod("b", "1", half))
	if _, third, message := c.assume(pod("c", "1", half)); third != nil || message != "0/1 nodes are available: 1 node(s) had too few GPUs with enough left." {
		t.Errorf("a third of 600 on two GPUs: %q", message)
	}
	c.fw.Unreserve(first, "n0")
	if err := c.cache.ForgetPod(a); err != nil {
		t.Fatal(err)
	}
	if bound := c.place(pod("d", "1", half)); bound == nil || bound.Annotations[gpu.AnnotationIndex] != "0" {
		t.Errorf("the GPU that was given back: %v", bound)
	}
	_ = b
}

func TestMessages(t *testing.T) {
	c := newCluster(t, config.Options{Policy: "fgd", Workload: typical}, node("a", "16", 1, "A"), node("b", "16", 4, "B"), node("c", "16", 0, ""))
	for want, r := range map[string]gpu.Request{
		"0/3 nodes are available: 3 node(s) had too few GPUs.":                                      {GPUs: 5, Milli: 1000},
		"0/3 nodes are available: 1 node(s) had too few GPUs, 2 node(s) had GPUs of another model.": {GPUs: 1, Milli: 10, Models: "C"},
		"0/3 nodes are available: 1 node(s) had GPUs of another model, 2 node(s) had too few GPUs.": {GPUs: 2, Milli: 1000, Models: "A"},
	} {
		if _, _, got := c.attempt(pod("p", "1", r)); got != want {
			t.Errorf("%+v: %s", r, got)
		}
	}
	wrong := pod("p", "1", gpu.Request{})
	wrong.Annotations = map[string]string{gpu.AnnotationMilli: "2000"}
	if _, _, got := c.attempt(wrong); !strings.Contains(got, `annotation alibabacloud.com/gpu-milli: want a whole number from 0 to 1000, got "2000"`) {
		t.Error(got)
	}
}

// A pod that somebody bound without an index is taken to have what its kubelet chooses.
func TestPodsOfOthersAreCounted(t *testing.T) {
	c := newCluster(t, config.Options{Policy: "firstfit"}, node("n0", "16", 3, "A"))
	others := pod("others", "1", gpu.Request{})
	others.Spec.NodeName, others.Spec.Containers[0].Resources.Requests["nvidia.com/gpu"] = "n0", api.Quantities("x", "1")["x"]
	if err := c.cache.AddPod(others); err != nil {
		t.Fatal(err)
	}
	if bound := c.place(pod("p", "1", gpu.Request{GPUs: 2, Milli: 1000})); bound == nil || bound.Annotations[gpu.AnnotationIndex] != "1-2" {
		t.Errorf("beside a whole GPU of another: %v", bound)
	}
}

// Default scores with single GPUs: kube-scheduler's plugins spread, the tightest GPU is chosen.
func TestDefaultPolicySharesGPUs(t *testing.T) {
	c := newCluster(t, config.Options{Policy: config.DefaultPolicy}, node("n0", "16", 2, "A"), node("n1", "16", 2, "A"))
	var got []string
	for i := range 4 {
		if bound := c.place(pod(fmt.Sprint("p", i), "1", gpu.Request{GPUs: 1, Milli: 500})); bound != nil {
			got = append(got, bound.Spec.NodeName+":"+bound.Annotations[gpu.AnnotationIndex])
		}
	}
	slices.Sort(got)
	if want := "n0:0 n0:0 n1:0 n1:0"; !strings.Contains(strings.Join(got, " "), want) {
		t.Errorf("four halves on two nodes: %v", got)
	}
	if plain := c.place(pod("plain", "1", gpu.Request{})); plain == nil || plain.Annotations[gpu.AnnotationIndex] != "" {
		t.Errorf("a pod without GPUs: %v", plain)
	}
}

// Explaining an attempt draws nothing, and gives the scores that decided.
func TestExplanationOfADraw(t *testing.T) {
	c := newCluster(t, config.Options{Policy: "random"}, node("n0", "16", 1, "A"), node("n1", "16", 1, "A"), node("n2", "16", 1, "A"))
	cycle, chosen, _ := c.attempt(pod("p", "1", gpu.Request{GPUs: 1, Milli: 500}))
	for range 3 {
		for _, n := range c.fw.Explain(cycle.Pod, c.snapshot, c.algorithm.Scores().Slots, nil) {
			if want := n.Node == chosen; (n.Total == framework.MaxNodeScore) != want {
				t.Errorf("%s was drawn; %s has the score %d", chosen, n.Node, n.Total)
			}
		}
	}
}

// FGD without a workload keeps nodes fit for what has come: after many pods that need two GPUs, a share goes where GPUs are broken already.
func TestWorkloadIsLearned(t *testing.T) {
	c := newCluster(t, config.Options{Policy: "fgd"}, node("n0", "64", 2, "A"), node("n1", "64", 1, "A"))
	if first := c.place(pod("first", "1", gpu.Request{GPUs: 1, Milli: 300})); first == nil || c.cache.RemovePod(first) != nil {
		t.Fatal("the first share finds no place")
	}
	for i := range 20 {
		if bound := c.place(pod(fmt.Sprint("p", i), "1", gpu.Request{GPUs: 2, Milli: 1000})); bound != nil {
			if err := c.cache.RemovePod(bound); err != nil {
				t.Fatal(err)
			}
		}
	}
	if bound := c.place(pod("share", "1", gpu.Request{GPUs: 1, Milli: 300})); bound == nil || bound.Spec.NodeName != "n1" {
		t.Errorf("a share among pods of two GPUs: %v", bound)
	}
}
