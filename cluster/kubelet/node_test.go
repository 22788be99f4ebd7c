package kubelet_test

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func TestANodeRegistersAndBecomesReady(t *testing.T) {
	w := newWorld(t, nil, 1)
	w.eventually(2*time.Second, "the node is registered", func() bool { return w.node("node-0") != nil })
	node := w.node("node-0")
	if c := api.NodeCondition(node, corev1.NodeReady); c == nil || c.Status != corev1.ConditionFalse || c.Reason != "KubeletNotReady" {
		t.Errorf("a node without a network is %+v", c)
	}
	took := w.eventually(15*time.Second, "the node is ready", func() bool { return api.IsNodeReady(w.node("node-0")) })
	if took < 8*time.Second {
		t.Errorf("ready %v after registration: the network plug-in takes 10 s", took)
	}
	node = w.node("node-0")
	for l, want := range map[string]string{"kubernetes.io/hostname": "node-0", "kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64"} {
		if node.Labels[l] != want {
			t.Errorf("label %s = %q, want %q", l, node.Labels[l], want)
		}
	}
	if a := node.Status.Allocatable; a.Cpu().String() != "4" || a.Pods().String() != "110" || a.Memory().Value() != 8<<30-100<<20 {
		t.Errorf("allocatable %v", a)
	}
	w.run(20 * time.Second)
	events := w.events("node-0")
	for _, want := range []string{"Starting: Starting kubelet.", "NodeReady: Node node-0 status is now: NodeReady", "NodeHasSufficientMemory: Node node-0 status is now: NodeHasSufficientMemory"} {
		if !contains(events, want) {
			t.Errorf("no event %q in %q", want, events)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestALeaseIsRenewedEveryTenSeconds(t *testing.T) {
	w := newWorld(t, nil, 1)
	w.run(30 * time.Second)
	lease := func() *coordinationv1.Lease {
		return w.must(&api.Request{Verb: api.VerbGet, Resource: api.Leases, Namespace: "kube-node-lease", Name: "node-0"}).(*coordinationv1.Lease)
	}
	l := lease()
	if *l.Spec.HolderIdentity != "node-0" || *l.Spec.LeaseDurationSeconds != 40 || len(l.OwnerReferences) != 1 || l.OwnerReferences[0].UID != w.node("node-0").UID {
		t.Errorf("lease %+v owners %+v", l.Spec, l.OwnerReferences)
	}
	last, renewals := l.Spec.RenewTime.Time, 0
	for range 1000 {
		w.run(100 * time.Millisecond)
		l := lease()
		if gap := l.Spec.RenewTime.Sub(last); gap > 0 {
			renewals++
			last = l.Spec.RenewTime.Time
			if gap < 10*time.Second || gap > 10500*time.Millisecond {
				t.Errorf("renewed after %v", gap)
			}
		}
	}
	if renewals < 9 || renewals > 10 {
		t.Errorf("%d renewals in 100 s", renewals)
	}
}

func TestAnIdleNodeSendsItsStatusEveryFiveMinutes(t *testing.T) {
	w := newWorld(t, nil, 1)
	w.run(60 * time.Second)
	w.audit = nil
	w.run(30 * time.Minute)
	reports := 0
	for _, r := range w.audit {
		if r.URI == "/api/v1/nodes/node-0/status" {
			reports++
		}
	}
	if reports < 5 || reports > 7 {
		t.Errorf("%d status reports in 30 minutes", reports)
	}
	w.detector.Verify()
}

func TestAStatusThatSomebodyElseWroteIsPutRight(t *testing.T) {
	w := newWorld(t, nil, 1)
	w.run(30 * time.Second)
	node := w.node("node-0").DeepCopy()
	for i := range node.Status.Conditions {
		node.Status.Conditions[i].Status = corev1.ConditionUnknown
		node.Status.Conditions[i].Reason = "NodeStatusUnknown"
	}
	w.must(&api.Request{Verb: api.VerbUpdate, Resource: api.Nodes, Subresource: "status", Name: "node-0", Object: node})
	w.eventually(11*time.Second, "the node is ready again", func() bool { return api.IsNodeReady(w.node("node-0")) })
}

func TestANodeWithoutItsRuntimeBecomesNotReady(t *testing.T) {
	w := newWorld(t, nil, 1)
	w.run(30 * time.Second)
	w.nodes[0].Runtime.Daemon().Kill()
	w.eventually(50*time.Second, "the node is not ready", func() bool { return !api.IsNodeReady(w.node("node-0")) })
	if c := api.NodeCondition(w.node("node-0"), corev1.NodeReady); c.Message != "container runtime is down" {
		t.Errorf("condition %+v", c)
	}
	w.nodes[0].Runtime.Daemon().Start()
	w.eventually(20*time.Second, "the node is ready again", func() bool { return api.IsNodeReady(w.node("node-0")) })
}

func leaseSpec(o api.Object) *coordinationv1.LeaseSpec { return &o.(*coordinationv1.Lease).Spec }
