package kubelet_test

import (
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/sim/host"
)

// playedWorld has one KWOK controller and nodes without machines.
func playedWorld(t testing.TB, file string, nodes ...string) (*world, *stages.Down, *host.Process) {
	t.Helper()
	data, err := os.ReadFile("stages/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	set, err := stages.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil, 0)
	down := &stages.Down{}
	p := host.NewMachine(w.s, host.Config{Name: "kwok-0", Cores: 4}).Spawn("kwok", func(p *host.Process) {
		stages.Start(p, stages.Config{Network: w.network, Server: apiAddress, Stages: set, Down: down})
	})
	for i, name := range nodes {
		w.create(&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       corev1.NodeSpec{PodCIDR: "10.128." + string(rune('4'+i)) + ".0/24", PodCIDRs: []string{"10.128." + string(rune('4'+i)) + ".0/24"}},
			Status:     corev1.NodeStatus{Capacity: api.Quantities("cpu", "4", "memory", "16Gi", "pods", "110"), Allocatable: api.Quantities("cpu", "4", "memory", "16Gi", "pods", "110")},
		})
	}
	for _, name := range nodes {
		w.eventually(5*time.Second, name+" is ready", func() bool { return api.IsNodeReady(w.node(name)) })
	}
	w.run(time.Second) // until the pods of the new nodes are listed: a pod that is seen twice is played twice
	return w, down, p
}

// kwokWrites counts KWOK's audited writes to pods: "patch 200", "delete 404".
func (w *world) kwokWrites(resource string) map[string]int {
	out := map[string]int{}
	for _, r := range w.audit {
		if r.UserAgent == "kwok/v0.9.0-alpha" && strings.Contains(r.URI, "/"+resource) {
			out[r.Verb+" "+map[bool]string{true: "200", false: "other"}[r.Code < 300]]++
		}
	}
	return out
}

func TestStagesPlayNodesAndPods(t *testing.T) {
	w, _, _ := playedWorld(t, "golden.yaml", "node-0", "node-1")
	node := w.node("node-0")
	if node.Status.Phase != "Running" || node.Status.NodeInfo.KubeletVersion != "kwok-0.9.0" || node.Status.DaemonEndpoints.KubeletEndpoint.Port != 10247 {
		t.Errorf("node status %+v", node.Status)
	}
	w.create(bound("a", "node-0"))
	w.create(bound("b", "node-0"))
	w.create(bound("c", "node-1"))
	for _, name := range []string{"a", "b", "c"} {
		w.eventually(2*time.Second, name+" runs", func() bool { return w.running(name) })
	}
	ips := []string{w.pod("a").Status.PodIP, w.pod("b").Status.PodIP, w.pod("c").Status.PodIP}
	if strings.Join(ips, " ") != "10.128.4.1 10.128.4.2 10.128.5.1" || w.pod("a").Status.HostIP != "10.10.0.1" {
		t.Errorf("addresses %v", ips)
	}
	w.delete("a")
	w.eventually(2*time.Second, "a deleted pod is gone at once", func() bool { return w.pod("a") == nil })
	w.run(time.Second)
	if got := w.kwokWrites("pods"); got["patch 200"] != 3 || got["delete 200"] != 1 || got["delete other"] != 1 {
		t.Errorf("writes to pods: %v; KWOK deletes twice, the second time in vain", got)
	}
	w.create(bound("d", "node-0"))
	w.eventually(2*time.Second, "d runs", func() bool { return w.running("d") })
	if ip := w.pod("d").Status.PodIP; ip != "10.128.4.1" {
		t.Errorf("a freed address is used again: %s", ip)
	}
}

func TestJobPodsEndAsTheStagesSay(t *testing.T) {
	w, _, _ := playedWorld(t, "golden.yaml", "node-0")
	owner := []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: "j", UID: "u"}}
	for name, label := range map[string]string{"ok": "", "bad": "fail", "stuck": "hang"} {
		pod := bound(name, "node-0")
		pod.OwnerReferences = owner
		if label != "" {
			pod.Labels[label] = "true"
		}
		w.create(pod)
	}
	w.run(1500 * time.Millisecond)
	for _, name := range []string{"ok", "bad", "stuck"} {
		if !w.running(name) {
			t.Errorf("%s does not run before its 2 s are over: %s", name, w.pod(name).Status.Phase)
		}
	}
	w.run(2 * time.Second)
	if ok, bad, stuck := w.pod("ok"), w.pod("bad"), w.pod("stuck"); ok.Status.Phase != corev1.PodSucceeded || bad.Status.Phase != corev1.PodFailed ||
		bad.Status.ContainerStatuses[0].State.Terminated.ExitCode != 1 || stuck.Status.Phase != corev1.PodRunning {
		t.Errorf("phases %s %s %s", ok.Status.Phase, bad.Status.Phase, stuck.Status.Phase)
	}
}

func TestKWOKHoldsTheLeases(t *testing.T) {
	w, down, p := playedWorld(t, "fast.yaml", "node-0", "node-1")
	renewed := func(node string) time.Duration {
		l := w.must(&api.Request{Verb: api.VerbGet, Resource: api.Leases, Namespace: "kube-node-lease", Name: node})
		spec := leaseSpec(l)
		return p.Wall().Time().Sub(spec.RenewTime.Time)
	}
	for range 60 {
		w.run(time.Second)
		if age := renewed("node-0"); age > 11*time.Second {
			t.Fatalf("the lease is %v old", age)
		}
	}
	down.Set("node-0", true)
	w.run(60 * time.Second)
	if renewed("node-0") < 50*time.Second || renewed("node-1") > 11*time.Second {
		t.Errorf("one node is off: leases are %v and %v old", renewed("node-0"), renewed("node-1"))
	}
	w.create(bound("p", "node-0"))
	w.run(5 * time.Second)
	if w.running("p") {
		t.Error("a pod of a node that is off runs")
	}
	down.Set("node-0", false)
	w.eventually(5*time.Second, "the pod runs when the node is back", func() bool { return w.running("p") })
	if renewed("node-0") > 6*time.Second {
		t.Errorf("the lease is %v old after the node is back", renewed("node-0"))
	}
}

func TestARestartedKWOKGoesOn(t *testing.T) {
	w, _, p := playedWorld(t, "fast.yaml", "node-0")
	p.Kill()
	w.create(bound("p", "node-0"))
	w.run(5 * time.Second)
	p.Start()
	// It may take one renewal: the lease that it holds is not in its cache yet when it first asks for it.
	w.eventually(12*time.Second, "the pod runs", func() bool { return w.running("p") })
}
