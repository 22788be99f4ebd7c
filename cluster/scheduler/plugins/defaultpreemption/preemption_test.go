package defaultpreemption_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
)

// cluster is nodes of 4 CPUs with pods on them, and the default profile on fakes.
type cluster struct {
	fakes     *testcluster.Fakes
	symbols   *framework.Symbols
	cache     *cache.Cache
	snapshot  *framework.Snapshot
	fw        *runtime.Framework
	algorithm runtime.Algorithm
}

func newCluster(t testing.TB, nodes int, pods ...*corev1.Pod) *cluster {
	c := &cluster{fakes: testcluster.NewFakes(), symbols: framework.NewSymbols(), snapshot: framework.NewSnapshot()}
	c.cache = cache.New(c.symbols)
	h := c.fakes.Handle(c.symbols)
	plugins, err := scheduler.DefaultPlugins(h)
	if err != nil {
		t.Fatal(err)
	}
	if c.fw, err = runtime.New(runtime.Config{SchedulerName: "default-scheduler", Plugins: plugins}, framework.NewPluginNames(), h); err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i)}}
		n.Status.Allocatable = api.Quantities("cpu", "4", "memory", "16Gi", "pods", "110")
		c.cache.AddNode(n)
	}
	for _, p := range pods {
		c.fakes.Pods[p.Namespace+"/"+p.Name] = p
		if p.Spec.NodeName == "" {
			continue
		}
		if err := c.cache.AddPod(p); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// preempt tries to schedule a pod that fits nowhere, and returns the node nominated, what was done, and the message.
func (c *cluster) preempt(t testing.TB, p *corev1.Pod) (node string, did []string, message string) {
	t.Helper()
	c.fakes.Pods[p.Namespace+"/"+p.Name] = p
	c.fakes.Did = nil
	c.cache.UpdateSnapshot(c.snapshot)
	cycle := framework.NewCycle(c.symbols.NewPodInfo(p), c.snapshot)
	attempt := c.algorithm.Schedule(c.fw, cycle)
	if attempt.Err != nil || attempt.Diagnosis == nil {
		t.Fatalf("attempt %+v", attempt)
	}
	nominate, status := c.fw.PostFilter(cycle, attempt.Diagnosis.Statuses)
	if len(c.fakes.Did) > 0 {
		t.Errorf("something was done before the computation was paid for: %q", c.fakes.Did)
	}
	cycle.Publish()
	if nominate != nil {
		node = nominate.Node
	}
	return node, c.fakes.Did, status.Message()
}

func pod(name, node, cpu string, priority int32, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name, UID: types.UID(name), Labels: map[string]string{"name": name}}}
	p.Spec.SchedulerName, p.Spec.NodeName, p.Spec.Priority = "default-scheduler", node, &priority
	p.Spec.Containers = []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", cpu)}}}
	start := metav1.NewTime(testcluster.Now.Add(-time.Hour))
	p.Status.StartTime = &start
	for _, c := range change {
		c(p)
	}
	return p
}

func started(ago time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		start := metav1.NewTime(testcluster.Now.Add(-ago))
		p.Status.StartTime = &start
	}
}

func budget(name string, allowed int32) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: name},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"name": name}}},
		Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed},
	}
}

// victimsOf picks the deletions out of what was done.
func victimsOf(did []string) []string {
	var victims []string
	for _, d := range did {
		var name string
		if n, _ := fmt.Sscanf(d, "delete %s", &name); n == 1 {
			victims = append(victims, name)
		}
	}
	slices.Sort(victims)
	return victims
}

func TestPicksTheNodeThatLosesLeast(t *testing.T) {
	for name, c := range map[string]struct {
		pods    []*corev1.Pod
		budgets []*policyv1.PodDisruptionBudget
		node    string
		victims []string
	}{
		"no budget is violated if there is a choice": {
			[]*corev1.Pod{pod("a", "n0", "3", 0), pod("b", "n1", "3", 5)}, []*policyv1.PodDisruptionBudget{budget("a", 0)}, "n1", []string{"b"}},
		"a budget with room is not violated": {
			[]*corev1.Pod{pod("a", "n0", "3", 0), pod("b", "n1", "3", 5)}, []*policyv1.PodDisruptionBudget{budget("a", 1)}, "n0", []string{"a"}},
		"the least important of the most important victims": {
			[]*corev1.Pod{pod("a", "n0", "3", 7), pod("b", "n1", "2", 5), pod("c", "n1", "2", 5)}, nil, "n1", []string{"b", "c"}},
		"the smallest sum of priorities": {
			[]*corev1.Pod{pod("a", "n0", "2", 5), pod("b", "n0", "2", 5), pod("c", "n1", "2", 5), pod("d", "n1", "2", 1)}, nil, "n1", []string{"c", "d"}},
		"fewer victims": {
			[]*corev1.Pod{pod("a", "n0", "2", 5), pod("b", "n0", "2", 5), pod("c", "n1", "4", 5)}, nil, "n1", []string{"c"}},
		"the younger victim": {
			[]*corev1.Pod{pod("a", "n0", "4", 5, started(2*time.Hour)), pod("b", "n1", "4", 5, started(time.Minute))}, nil, "n1", []string{"b"}},
		"who fits beside the new pod stays, the most important first": {
			[]*corev1.Pod{pod("a", "n0", "1", 1), pod("b", "n0", "1", 3), pod("c", "n0", "2", 2), pod("d", "n1", "4", 50)}, nil, "n0", []string{"a", "c"}},
		"who is guarded stays rather than who is important": {
			[]*corev1.Pod{pod("a", "n0", "1", 1), pod("b", "n0", "3", 5), pod("d", "n1", "4", 50)}, []*policyv1.PodDisruptionBudget{budget("a", 0)}, "n0", []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, 2, c.pods...)
			cl.fakes.PDBs = c.budgets
			node, did, message := cl.preempt(t, pod("new", "", "3", 10))
			if node != c.node || !slices.Equal(victimsOf(did), c.victims) {
				t.Errorf("node %s, victims %v (%q), want %s %v", node, victimsOf(did), message, c.node, c.victims)
			}
		})
	}
}

func TestWhyPreemptionDoesNotHelp(t *testing.T) {
	never := corev1.PreemptNever
	leaving := func(p *corev1.Pod) {
		now := metav1.NewTime(testcluster.Now)
		p.DeletionTimestamp = &now
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: corev1.PodReasonPreemptionByScheduler}}
	}
	for name, c := range map[string]struct {
		there *corev1.Pod
		new   *corev1.Pod
		want  string
	}{
		"nobody is less important":         {pod("a", "n0", "3", 10), pod("new", "", "3", 10), "no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."},
		"not even the empty node would do": {pod("a", "n0", "3", 0), pod("new", "", "5", 10), "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."},
		"its policy":                       {pod("a", "n0", "3", 0), pod("new", "", "3", 10, func(p *corev1.Pod) { p.Spec.PreemptionPolicy = &never }), "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."},
		"it has preempted already": {pod("a", "n0", "3", 0, leaving), pod("new", "", "3", 10, func(p *corev1.Pod) { p.Status.NominatedNodeName = "n0" }),
			"no new claims to deallocate, preemption: not eligible due to a terminating pod on the nominated node."},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, 1, c.there)
			node, did, message := cl.preempt(t, c.new)
			if node != "" || len(did) != 0 || message != c.want {
				t.Errorf("node %q, did %q\n got %s\nwant %s", node, did, message, c.want)
			}
		})
	}
}

func TestVictimsAreToldAndThenDeleted(t *testing.T) {
	cl := newCluster(t, 1, pod("a", "n0", "2", 0), pod("b", "n0", "2", 1))
	lesser := pod("lesser", "", "1", 3, func(p *corev1.Pod) { p.Status.NominatedNodeName = "n0" })
	cl.fakes.Nominations = map[string][]*framework.PodInfo{"n0": {cl.symbols.NewPodInfo(lesser)}}
	_, did, _ := cl.preempt(t, pod("new", "", "4", 10))
	want := []string{
		"nominate lesser ",
		"condition b DisruptionTarget", "delete b", "event b Preempted: Preempted by pod new on node n0",
		"condition a DisruptionTarget", "delete a", "event a Preempted: Preempted by pod new on node n0",
	}
	if !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
}

// The victims of any random node are enough, and none of them could have stayed.
func TestVictimsAreMinimal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var pods []*corev1.Pod
		for i := range rapid.IntRange(1, 8).Draw(rt, "pods") {
			pods = append(pods, pod(fmt.Sprintf("p%d", i), "n0", testcluster.Pick(rt, "cpu", []string{"500m", "1", "2"}),
				testcluster.Pick(rt, "priority", []int32{0, 1, 2, 20}), started(time.Duration(i)*time.Minute)))
		}
		cl := newCluster(t, 1, pods...)
		for _, p := range pods {
			if testcluster.Pick(rt, "guarded", []bool{false, false, true}) {
				cl.fakes.PDBs = append(cl.fakes.PDBs, budget(p.Name, 0))
			}
		}
		used := func(without []string) (milli int64) {
			for _, p := range pods {
				if !slices.Contains(without, p.Name) {
					milli += p.Spec.Containers[0].Resources.Requests.Cpu().MilliValue()
				}
			}
			return milli
		}
		if used(nil)+3000 <= 4000 {
			return // it fits as it is
		}
		_, did, _ := cl.preempt(t, pod("new", "", "3", 10))
		victims := victimsOf(did)
		if len(victims) == 0 {
			if lower := slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return *p.Spec.Priority >= 10 }); len(lower) > 0 {
				var names []string
				for _, p := range lower {
					names = append(names, p.Name)
				}
				if used(names)+3000 <= 4000 {
					rt.Fatalf("no victims, although %v would do", names)
				}
			}
			return
		}
		if used(victims)+3000 > 4000 {
			rt.Fatalf("without %v the pod does not fit", victims)
		}
		for i, v := range victims {
			if j := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return p.Name == v }); *pods[j].Spec.Priority >= 10 {
				rt.Fatalf("victim %s is not less important", v)
			}
			if used(slices.Delete(slices.Clone(victims), i, i+1))+3000 <= 4000 {
				rt.Fatalf("%s could have stayed of %v", v, victims)
			}
		}
	})
}
