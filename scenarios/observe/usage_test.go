package observe

import (
	"fmt"
	"math"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

func usageNode(name string, cpu, gib, gpus int, labels map[string]string) *corev1.Node {
	list := corev1.ResourceList{
		corev1.ResourceCPU: *resource.NewQuantity(int64(cpu), resource.DecimalSI), corev1.ResourceMemory: *resource.NewQuantity(int64(gib)<<30, resource.BinarySI),
	}
	if gpus > 0 {
		list["nvidia.com/gpu"] = *resource.NewQuantity(int64(gpus), resource.DecimalSI)
	}
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Status: corev1.NodeStatus{Allocatable: list}}
}

func usagePod(name, node string, cpuMilli, gib int64) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: *resource.NewMilliQuantity(cpuMilli, resource.DecimalSI), corev1.ResourceMemory: *resource.NewQuantity(gib<<30, resource.BinarySI),
		}}}}},
	}
}

// follower hands changes to a Usage, second by second.
type follower struct {
	*Usage
	now sim.Time
}

func (f *follower) put(r *api.Resource, key string, object api.Object) {
	f.Commit(cluster.Commit{At: f.now, Changes: []cluster.Change{{Resource: r, Key: key, New: object}}})
}

func (f *follower) pod(p *corev1.Pod) { f.put(api.Pods, "default/"+p.Name, p) }

func (f *follower) wait(seconds int) { f.now = f.now.Add(time.Duration(seconds) * time.Second) }

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// Two nodes for 100 s: one is half full for the second half of the time, and costs what its label says.
func TestUsageIsAMeanOverTime(t *testing.T) {
	f := &follower{Usage: NewUsage()}
	f.put(api.Nodes, "a", usageNode("a", 4, 16, 0, map[string]string{CostLabel: "2", IdleLabel: "10", BusyLabel: "30"}))
	f.put(api.Nodes, "b", usageNode("b", 4, 16, 0, nil))
	f.put(api.Nodes, "cp", usageNode("cp", 4, 16, 0, map[string]string{"node-role.kubernetes.io/control-plane": ""}))
	static := usagePod("static", "cp", 4000, 1)
	static.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "1"}
	f.pod(static)
	f.Begin(f.now)
	f.pod(usagePod("web", "", 2000, 1))
	f.pod(usagePod("huge", "", 64000, 1))
	f.put(api.Deployments, "default/web", &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: api.Ptr(int32(3))}, Status: appsv1.DeploymentStatus{AvailableReplicas: 1}})
	f.wait(50)
	f.pod(usagePod("web", "a", 2000, 1))
	f.wait(50)
	u := f.Finish(f.now)
	near(t, "allocation", u.Allocation, 12.5) // 2 of 8 CPUs half of the time
	near(t, "packing density", u.PackingDensity, 50)
	near(t, "nodes in use", u.NodesInUse, .5)
	near(t, "cost", u.CostPerHour, 1)
	near(t, "watts", u.Watts, 10) // 20 W half of the time
	near(t, "imbalance", u.Imbalance, 12.5)
	near(t, "unavailability", u.Unavailability, 200)
	if u.Pods != 2 || u.Unscheduled != 1 || u.UsedCPUMilli != 2000 || u.UsedBytes != 1<<30 {
		t.Errorf("at the end: %+v", u)
	}
	if fmt.Sprint(u.Waits) != "[50s 1m40s]" {
		t.Errorf("pods waited %v", u.Waits)
	}
	if len(u.Samples) != 10 || u.Samples[4].NodesInUse != 0 || u.Samples[5].NodesInUse != 1 || u.Samples[9].Pending != 1 {
		t.Errorf("samples: %+v", u.Samples)
	}
	// All of 8 CPUs are of no use to huge, which is half of the pods; once web is on its node, 6.
	near(t, "fragmentation", u.Fragmentation, (50+37.5)/2)
}

func TestUsageCountsGPUsWhereThereAreAny(t *testing.T) {
	f := &follower{Usage: NewUsage()}
	f.put(api.Nodes, "a", usageNode("a", 32, 64, 4, nil))
	f.Begin(f.now)
	shared := usagePod("shared", "a", 1000, 1)
	shared.Annotations = map[string]string{"alibabacloud.com/gpu-count": "1", "alibabacloud.com/gpu-milli": "500"}
	f.pod(shared)
	whole := usagePod("whole", "a", 1000, 1)
	whole.Spec.Containers[0].Resources.Requests["nvidia.com/gpu"] = resource.MustParse("2")
	f.pod(whole)
	f.wait(10)
	u := f.Finish(f.now)
	near(t, "allocation", u.Allocation, 62.5)
	if u.UsedGPUMilli != 2500 {
		t.Errorf("%d thousandths of GPUs are asked for", u.UsedGPUMilli)
	}
	near(t, "watts", u.Watts, .74*32+64*.392+8*4+(3.5*32-.74*32+63*4)*.625)
	near(t, "cost", u.CostPerHour, .031611*32+.004237*64+.95*4)
}

func TestUsageCountsPreemptions(t *testing.T) {
	f := &follower{Usage: NewUsage()}
	f.Begin(f.now)
	victim := usagePod("victim", "a", 1000, 1)
	f.pod(victim)
	victim = victim.DeepCopy()
	victim.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Reason: corev1.PodReasonPreemptionByScheduler}}
	f.pod(victim)
	f.pod(victim)
	evicted := usagePod("evicted", "a", 1000, 1)
	evicted.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Reason: "EvictionByEvictionAPI"}}
	f.pod(evicted)
	if u := f.Finish(f.now); u.Preemptions != 1 {
		t.Errorf("%d preemptions", u.Preemptions)
	}
}

// The sums that follow changes are those that a look at everything gives.
func TestUsageFollowsEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &follower{Usage: NewUsage()}
		f.Begin(0)
		nodes, pods := map[string]*corev1.Node{}, map[string]*corev1.Pod{}
		for range rapid.IntRange(1, 60).Draw(t, "changes") {
			f.wait(rapid.IntRange(0, 20).Draw(t, "seconds"))
			name := fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "name"))
			switch rapid.SampledFrom([]string{"node", "gone", "pod", "bind", "end", "delete"}).Draw(t, "change") {
			case "node":
				nodes[name] = usageNode(name, rapid.IntRange(1, 8).Draw(t, "cpu"), 8, 0, nil)
				f.put(api.Nodes, name, nodes[name])
			case "gone":
				delete(nodes, name)
				f.put(api.Nodes, name, nil)
			case "pod":
				if pods[name] == nil {
					pods[name] = usagePod(name, "", rapid.Int64Range(0, 4000).Draw(t, "request"), 1)
					f.pod(pods[name])
				}
			case "bind":
				node := fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "node"))
				if p := pods[name]; p != nil && p.Spec.NodeName == "" && nodes[node] != nil {
					pods[name] = p.DeepCopy()
					pods[name].Spec.NodeName = node
					f.pod(pods[name])
				}
			case "end":
				if p := pods[name]; p != nil {
					pods[name] = p.DeepCopy()
					pods[name].Status.Phase = corev1.PodSucceeded
					f.pod(pods[name])
				}
			case "delete":
				delete(pods, name)
				f.put(api.Pods, "default/"+name, nil)
			}
			f.check(t, nodes, pods)
		}
	})
}

// check looks at everything. Pods of a node that went belong to nothing, also where another of its name has come.
func (f *follower) check(t *rapid.T, nodes map[string]*corev1.Node, pods map[string]*corev1.Pod) {
	var want sums
	for name, node := range nodes {
		n := nodeUse{known: true, capacity: capacityOf(node.Status.Allocatable)}
		n.price = priceOf(node.Labels, n.capacity)
		for key, p := range pods {
			if p.Spec.NodeName == name && !api.IsPodTerminal(p) && f.pods["default/"+key].node == f.nodes[name] {
				n.used.add(requestOf(p), 1)
				n.pods++
			}
		}
		want.count(&n, 1)
	}
	for _, p := range pods {
		if p.Spec.NodeName == "" {
			want.pending++
		}
	}
	if f.sum != want {
		t.Fatalf("sums\n%+v, want\n%+v", f.sum, want)
	}
}
