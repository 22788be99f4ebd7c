package cluster_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/sim"
)

// The cases below were measured on a real v1.36.3 control plane with KWOK nodes, at default client rates, on one machine
// with two cores. Their timings follow from mechanisms (token buckets, workers, periods), so the simulation has to come
// within a tenth of them without a constant that was fitted to them.
const tolerated = 0.10

// rig is a cluster as it was measured: one API server and one etcd member on two cores, and nodes that KWOK plays.
type rig struct {
	t *testing.T
	s *sim.Simulation
	c *cluster.Cluster
}

func newRig(t *testing.T, nodes int) *rig {
	t.Helper()
	file := filepath.Join("..", "..", "shared", "reference", "golden", "stages-fast.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Skip("the stages of the measured cluster are not on this machine")
	}
	set, err := stages.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	s := sim.New(sim.Config{Seed: 1})
	t.Cleanup(s.Close)
	c, err := cluster.New(s, cluster.Topology{
		ControlPlane: cluster.ControlPlane{APIServers: 1, EtcdMembers: 1, Cores: 2, Headless: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, s: s, c: c}
	r.run(30 * time.Second) // The control plane has elected its leaders long before somebody adds nodes.
	if err := c.AddPool(cluster.NodePool{Name: "kwok", Count: nodes, Zones: []string{"a", "b", "c"}, Stages: set}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) run(d time.Duration) {
	r.t.Helper()
	if err := r.s.Run(r.s.Now().Add(d)); err != nil {
		r.t.Fatal(err)
	}
}

// until runs until done holds, looking every 100 ms, and returns how long that took.
func (r *rig) until(limit time.Duration, done func() bool) time.Duration {
	r.t.Helper()
	for start := r.s.Now(); ; r.run(100 * time.Millisecond) {
		if done() {
			return r.s.Now().Sub(start)
		}
		if r.s.Now().Sub(start) > limit {
			r.t.Fatalf("not done after %v", limit)
		}
	}
}

func (r *rig) nodesUntainted(want int) func() bool {
	return func() bool {
		n := 0
		for _, o := range r.c.Store().List(api.Nodes, "", nil) {
			if node := o.(*corev1.Node); ready(node) == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
				n++
			}
		}
		return n == want
	}
}

func (r *rig) operator(fn func(t *sim.Task)) { atKubectl(r.c, fn) }

func (r *rig) deployment() *appsv1.Deployment {
	o, ok := r.c.Store().Get(api.Deployments, "default/web")
	if !ok {
		return &appsv1.Deployment{}
	}
	return o.(*appsv1.Deployment)
}

func (r *rig) create(replicas int32) {
	r.operator(func(t *sim.Task) {
		if _, err := client.Create(t, r.c.Kubectl(), api.Deployments, deployment("web", replicas)); err != nil {
			r.t.Error(err)
		}
	})
}

func (r *rig) running() int {
	n := 0
	for _, o := range r.c.Store().List(api.Pods, "default", nil) {
		if o.(*corev1.Pod).Status.Phase == corev1.PodRunning {
			n++
		}
	}
	return n
}

// compare fails unless got is within the tolerance of what was measured.
func compare(t *testing.T, what string, got time.Duration, measured float64) {
	t.Helper()
	off := got.Seconds()/measured - 1
	t.Logf("%s: %.1f s simulated, %.1f s measured (%+.1f %%)", what, got.Seconds(), measured, 100*off)
	if math.Abs(off) > tolerated {
		t.Errorf("%s: %.1f s simulated, %.1f s measured", what, got.Seconds(), measured)
	}
}

func TestCalibrationHundredNodes(t *testing.T) {
	r := newRig(t, 100)
	compare(t, "100 nodes Ready and untainted", r.until(time.Hour, r.nodesUntainted(100)), 20.95)
}

func TestCalibrationRollingUpdate(t *testing.T) {
	r := newRig(t, 100)
	r.until(time.Hour, r.nodesUntainted(100))
	r.create(200)
	r.until(time.Hour, func() bool { return r.deployment().Status.AvailableReplicas == 200 })
	r.run(time.Minute)
	before := r.requests()
	r.operator(func(t *sim.Task) {
		_, err := client.Patch[*appsv1.Deployment](t, r.c.Kubectl(), api.Deployments, "default", "web", &api.PatchBody{
			Apply: func(o api.Object) (api.Object, error) {
				d := o.DeepCopyObject().(*appsv1.Deployment)
				d.Spec.Template.Spec.Containers[0].Image = "nginx:1.26"
				return d, nil
			}, SizeBytes: 100,
		}, "")
		if err != nil {
			r.t.Error(err)
		}
	})
	took := r.until(time.Hour, func() bool {
		s := r.deployment().Status
		return s.ObservedGeneration > 1 && s.UpdatedReplicas == 200 && s.AvailableReplicas == 200 && s.Replicas == 200
	})
	compare(t, "rolling update of 200 replicas", took, 20.9)
	t.Logf("%d requests of the controller manager, 448 measured", r.requests()-before)
}

// requests counts what the controllers of workloads have asked for.
func (r *rig) requests() (n int64) {
	for _, q := range r.c.Requests() {
		if strings.HasPrefix(q.Client, "kube-controller-manager") && q.Resource != "leases" && q.Verb != "WATCH" {
			n += q.Count
		}
	}
	return n
}

// TestCalibrationThousandNodes also compares the CPU time per component, within a quarter.
func TestCalibrationThousandNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute: run by make check-long")
	}
	r := newRig(t, 1000)
	compare(t, "1000 nodes Ready and untainted", r.until(time.Hour, r.nodesUntainted(1000)), 224)
	r.run(2 * time.Minute)
	before := r.cpu()
	r.run(30 * time.Second)
	idle := since(before, r.cpu())
	compareCPU(t, "idle with 1000 nodes, 30 s", idle, map[string][2]float64{
		"kube-apiserver": {9.8, 12}, "etcd": {3.9, 3.9}, "kube-controller-manager": {1.7, 1.9}, "kube-scheduler": {.1, .2},
	})

	before = r.cpu()
	r.create(1000)
	half := 0
	took := r.until(time.Hour, func() bool {
		if r.running() < 1000 && r.deployment().Status.ReadyReplicas >= 500 {
			half++
		}
		return r.running() == 1000
	})
	compare(t, "1000 replicas on 1000 nodes Running", took, 49.8)
	if half > 0 {
		t.Errorf("readyReplicas was at half or more %d times before the end", half)
	}
	busy := since(before, r.cpu())
	for program := range busy { // What the pods took is what the nodes' leases and the background did not.
		busy[program] -= idle[program] * took.Seconds() / 30
	}
	compareCPU(t, "1000 pods", busy, map[string][2]float64{
		"kube-apiserver": {6.6, 7.3}, "etcd": {1.2, 1.6}, "kube-controller-manager": {1.2, 1.5}, "kube-scheduler": {3.0, 4.2},
	})
}

// cpu is the CPU time of each control-plane process so far, in seconds, by program.
func (r *rig) cpu() map[string]float64 {
	used := map[string]float64{}
	for _, p := range r.c.ControlPlane()[0].Processes() {
		used[p.Program()] = p.CPU().Seconds()
	}
	return used
}

func since(before, now map[string]float64) map[string]float64 {
	spent := map[string]float64{}
	for program, used := range now {
		spent[program] = used - before[program]
	}
	return spent
}

// compareCPU fails unless each program's CPU time is within a quarter of the measured span.
func compareCPU(t *testing.T, what string, spent map[string]float64, measured map[string][2]float64) {
	t.Helper()
	for _, program := range []string{"kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler"} {
		got, span := spent[program], measured[program]
		line := fmt.Sprintf("%s: %s %.2f CPU s simulated, %.2f to %.2f measured", what, program, got, span[0], span[1])
		if got < .75*span[0] || got > 1.25*span[1] {
			t.Error(line)
		} else {
			t.Log(line)
		}
	}
}
