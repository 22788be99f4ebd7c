package cluster_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/kubelet"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/failpoints"
)

// gpuCluster is a cluster with two T4s on each of two nodes, and four V100s on one, that has booted.
func gpuCluster(t *testing.T, policy string, change ...func(*sim.Simulation, *cluster.Topology)) (*sim.Simulation, *cluster.Cluster) {
	t.Helper()
	configuration, err := config.Default(config.Options{Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	s := sim.New(sim.Config{Seed: 5})
	t.Cleanup(s.Close)
	topology := cluster.Topology{
		ControlPlane: cluster.ControlPlane{APIServers: 1, EtcdMembers: 1}, Scheduler: configuration, DetectMutations: true,
		NodePools: []cluster.NodePool{
			{Name: "t4", Count: 2, Capacity: api.Quantities("cpu", "16", "memory", "64Gi", "nvidia.com/gpu", "2"), Labels: map[string]string{gpu.LabelModel: "T4"}},
			{Name: "v100", Count: 1, Capacity: api.Quantities("cpu", "32", "memory", "128Gi", "nvidia.com/gpu", "4"), Labels: map[string]string{gpu.LabelModel: "V100"}},
		},
	}
	for _, f := range change {
		f(s, &topology)
	}
	c, err := cluster.New(s, topology)
	if err != nil {
		t.Fatal(err)
	}
	advance(t, s, time.Minute)
	return s, c
}

func advance(t *testing.T, s *sim.Simulation, d time.Duration) {
	t.Helper()
	if err := s.Run(s.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

func gpuPod(name string, r gpu.Request) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Annotations: r.Annotations()}}
	p.Spec.Containers = []corev1.Container{{Name: "c", Image: "cuda", Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", "1", "memory", "1Gi")}}}
	return p
}

// wholeGPUs is a pod that asks as anywhere in Kubernetes.
func wholeGPUs(name, count string) *corev1.Pod {
	p := gpuPod(name, gpu.Request{})
	resources := &p.Spec.Containers[0].Resources
	resources.Limits = api.Quantities("nvidia.com/gpu", count)
	resources.Requests["nvidia.com/gpu"] = resources.Limits["nvidia.com/gpu"]
	return p
}

// submit creates pods one after the other, a second apart.
func submit(t *testing.T, s *sim.Simulation, c *cluster.Cluster, pods ...*corev1.Pod) {
	t.Helper()
	atKubectl(c, func(task *sim.Task) {
		for _, p := range pods {
			if _, err := client.Create(task, c.Kubectl(), api.Pods, p); err != nil {
				t.Error(err)
			}
			task.Sleep(time.Second)
		}
	})
	advance(t, s, time.Duration(len(pods))*time.Second+20*time.Second)
}

// places are node, GPUs and phase of pods.
func places(c *cluster.Cluster, names ...string) string {
	var all []string
	for _, name := range names {
		o, ok := c.Store().Get(api.Pods, "default/"+name)
		if !ok {
			all = append(all, name+" is gone")
			continue
		}
		p := o.(*corev1.Pod)
		all = append(all, fmt.Sprintf("%s %s[%s] %s", name, p.Spec.NodeName, p.Annotations[gpu.AnnotationIndex], p.Status.Phase))
	}
	return strings.Join(all, ", ")
}

// From the API to the kubelet's devices and back: shares, whole GPUs in both ways of asking, models, and a pod that fits nowhere until
// another goes.
func TestGPUsInTheWholeCluster(t *testing.T) {
	s, c := gpuCluster(t, "bestfit")
	submit(t, s, c, gpuPod("a", gpu.Request{GPUs: 1, Milli: 600}), gpuPod("b", gpu.Request{GPUs: 1, Milli: 300, Models: "T4"}),
		wholeGPUs("c", "1"), gpuPod("d", gpu.Request{GPUs: 4, Milli: 1000}), gpuPod("e", gpu.Request{GPUs: 1, Milli: 900, Models: "V100"}))
	want := "a t4-0[0] Running, b t4-0[0] Running, c t4-0[1] Running, d v100-0[0-1-2-3] Running, e [] Pending"
	if got := places(c, "a", "b", "c", "d", "e"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	atKubectl(c, func(task *sim.Task) {
		if err := client.Delete(task, c.Kubectl(), api.Pods, "default", "d", nil); err != nil {
			t.Error(err)
		}
	})
	advance(t, s, time.Minute)
	if got, want := places(c, "d", "e"), "d is gone, e v100-0[0] Running"; got != want {
		t.Errorf("after d has gone: %s, want %s", got, want)
	}
	c.CheckMutations()
}

// kube-scheduler without a plugin counts whole GPUs; which ones it does not know, the kubelet chooses.
func TestWholeGPUsWithTheDefaultScheduler(t *testing.T) {
	s, c := gpuCluster(t, "")
	submit(t, s, c, wholeGPUs("a", "4"), wholeGPUs("b", "2"), wholeGPUs("c", "2"), wholeGPUs("d", "1"))
	got := places(c, "a", "b", "c", "d")
	if !strings.Contains(got, "a v100-0[] Running, b t4-") || strings.Count(got, "Running") != 3 || !strings.Contains(got, "d [] Pending") {
		t.Error(got)
	}
	c.CheckMutations()
}

// Pods come and go while kubelets and the scheduler die and come back: nobody gets more of a GPU than there is.
func TestNoGPUIsOvercommitted(t *testing.T) {
	for _, policy := range []string{"fgd", "random", config.DefaultPolicy} {
		s, c := gpuCluster(t, policy)
		storm(t, s, c)
		running := 0
		for _, o := range c.Store().List(api.Pods, "default", nil) {
			if o.(*corev1.Pod).Status.Phase == corev1.PodRunning {
				running++
			}
		}
		if running < 5 {
			t.Errorf("%s: %d pods run at the end: the test shows nothing", policy, running)
		}
		c.CheckMutations()
	}
}

func storm(t *testing.T, s *sim.Simulation, c *cluster.Cluster) {
	t.Helper()
	r := rand.New(rand.NewSource(9))
	atKubectl(c, func(task *sim.Task) {
		for i := range 120 {
			request := gpu.Request{GPUs: 1, Milli: int64(100 + 100*r.Intn(10))}
			if r.Intn(4) == 0 {
				request = gpu.Request{GPUs: 1 + r.Intn(2), Milli: 1000}
			}
			if _, err := client.Create(task, c.Kubectl(), api.Pods, gpuPod(fmt.Sprint("p", i), request)); err != nil {
				t.Error(err)
			}
			if i > 8 {
				_ = client.Delete(task, c.Kubectl(), api.Pods, "default", fmt.Sprint("p", r.Intn(i)), nil) // It may be gone.
			}
			task.Sleep(time.Duration(r.Intn(1500)) * time.Millisecond)
		}
	})
	nodes := c.Nodes()
	for range 12 {
		advance(t, s, 10*time.Second)
		p := nodes[r.Intn(len(nodes))].Kubelet()
		if r.Intn(4) == 0 {
			p = c.SchedulerProcesses()[0]
		}
		p.Kill()
		p.Restart(3 * time.Second)
	}
	advance(t, s, 2*time.Minute)
}

// A device manager that gives out what it does not have is found.
func TestOvercommittedGPUIsFound(t *testing.T) {
	for _, planted := range []bool{false, true} {
		s, c := gpuCluster(t, "bestfit", func(s *sim.Simulation, _ *cluster.Topology) {
			if planted {
				failpoints.Plant(s, kubelet.BugOvercommit)
			}
		})
		// Somebody else binds two pods to one GPU.
		var pods []*corev1.Pod
		for _, name := range []string{"a", "b"} {
			p := gpuPod(name, gpu.Request{GPUs: 1, Milli: 700})
			p.Spec.NodeName, p.Annotations[gpu.AnnotationIndex] = "t4-0", "1"
			pods = append(pods, p)
		}
		var found []error
		c.OnViolation(func(err error) { found = append(found, err) })
		submit(t, s, c, pods...)
		switch {
		case !planted && (len(found) != 0 || places(c, "a", "b") != "a t4-0[1] Running, b t4-0[1] Failed"):
			t.Errorf("without the bug: %v, %s", found, places(c, "a", "b"))
		case planted && (len(found) != 1 || found[0].Error() != "the pods on a node never use more of a GPU than there is: t4-0: GPU 1: 1400 of 1000 thousandths are in use by default/a, default/b"):
			t.Errorf("with the bug: %v, %s", found, places(c, "a", "b"))
		}
	}
}

// An explanation shows the policy's scores, and why nodes are refused.
func TestPoliciesExplain(t *testing.T) {
	var all []scheduler.Explanation
	s, c := gpuCluster(t, "fgd", func(_ *sim.Simulation, topology *cluster.Topology) {
		topology.Explain = func(_, name string) bool { return name == "b" }
		topology.Explained = func(e scheduler.Explanation) { all = append(all, e) }
	})
	submit(t, s, c, gpuPod("a", gpu.Request{GPUs: 1, Milli: 600, Models: "T4"}), gpuPod("b", gpu.Request{GPUs: 1, Milli: 400, Models: "T4"}))
	if len(all) != 1 || all[0].Node != "t4-0" {
		t.Fatalf("%+v", all)
	}
	var lines []string
	for _, n := range all[0].Nodes {
		line := n.Node
		for _, refusal := range n.Refusals {
			line += " " + refusal.Plugin() + ": " + refusal.Message()
		}
		for _, part := range n.Parts {
			line += fmt.Sprintf(" %s %d*%d", part.Plugin, part.Score, part.Weight)
		}
		lines = append(lines, line)
	}
	got := strings.Join(lines, "\n")
	for _, want := range []string{"t4-0 FGD ", "t4-1 FGD ", "v100-0 FGD: node(s) had GPUs of another model"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}
