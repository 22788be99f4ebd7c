package nodelifecycle

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

var start = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// moment is a time of a controller whose two clocks agree.
func moment(seconds int) clock {
	d := time.Duration(seconds) * time.Second
	return clock{wall: start.Add(d), monotonic: sim.Monotonic(d)}
}

func stamp(seconds int) metav1.Time {
	return metav1.NewTime(start.Add(time.Duration(seconds) * time.Second))
}

// node returns a node whose kubelet posted a status at a second.
func node(ready corev1.ConditionStatus, posted int) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", CreationTimestamp: stamp(0)}}
	for _, t := range []corev1.NodeConditionType{corev1.NodeReady, corev1.NodeMemoryPressure} {
		n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{
			Type: t, Status: corev1.ConditionFalse, LastHeartbeatTime: stamp(posted), Reason: "KubeletReady",
		})
	}
	n.Status.Conditions[0].Status = ready
	return n
}

func lease(renewed int) *coordinationv1.Lease {
	at := metav1.NewMicroTime(start.Add(time.Duration(renewed) * time.Second))
	return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{RenewTime: &at}}
}

// sight is what a monitor pass finds at a second.
type sight struct {
	second int
	node   *corev1.Node
	lease  *coordinationv1.Lease
}

func TestWhenANodeCountsAsSilent(t *testing.T) {
	ready := node(corev1.ConditionTrue, 10)
	later := node(corev1.ConditionTrue, 40)
	bare := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", CreationTimestamp: stamp(0)}}
	for _, c := range []struct {
		name   string
		sights []sight
		silent bool
	}{
		{"status for 50 s", []sight{{10, ready, nil}, {60, ready, nil}}, false},
		{"status for longer", []sight{{10, ready, nil}, {61, ready, nil}}, true},
		{"counted from when it was seen, not from what it says", []sight{{30, ready, nil}, {80, ready, nil}}, false},
		{"a new status", []sight{{10, ready, nil}, {45, later, nil}, {95, later, nil}}, false},
		{"a renewed lease", []sight{{10, ready, lease(10)}, {55, ready, lease(50)}, {105, ready, lease(50)}}, false},
		{"a lease that stopped", []sight{{10, ready, lease(10)}, {55, ready, lease(50)}, {106, ready, lease(50)}}, true},
		{"never a status, for 60 s", []sight{{1, bare, nil}, {60, bare, nil}}, false},
		{"never a status for longer", []sight{{1, bare, nil}, {61, bare, nil}}, true},
		{"never a status, but a lease", []sight{{1, bare, lease(1)}, {61, bare, lease(1)}}, false},
	} {
		var known *health
		var v verdict
		for _, s := range c.sights {
			v = look(known, s.node, s.lease, moment(s.second))
			known = &v.health
		}
		if got := v.update != nil; got != c.silent {
			t.Errorf("%s: silent %v, want %v", c.name, got, c.silent)
		}
	}
}

func TestASilentNodesConditions(t *testing.T) {
	n := node(corev1.ConditionTrue, 0)
	first := look(nil, n, nil, moment(0))
	v := look(&first.health, n, nil, moment(51))
	if v.observed != corev1.ConditionTrue || v.current != corev1.ConditionUnknown || !v.known {
		t.Errorf("observed %s, current %s", v.observed, v.current)
	}
	for _, c := range []struct {
		condition corev1.NodeConditionType
		reason    string
		message   string
	}{
		{corev1.NodeReady, "NodeStatusUnknown", "Kubelet stopped posting node status."},
		{corev1.NodeMemoryPressure, "NodeStatusUnknown", "Kubelet stopped posting node status."},
		{corev1.NodePIDPressure, "NodeStatusNeverUpdated", "Kubelet never posted node status."},
	} {
		got := api.NodeCondition(v.update, c.condition)
		if got == nil || got.Status != corev1.ConditionUnknown || got.Reason != c.reason || got.Message != c.message ||
			!got.LastTransitionTime.Equal(ptr(stamp(51))) {
			t.Errorf("%s: %+v", c.condition, got)
		}
	}
	if api.NodeCondition(v.update, corev1.NodeNetworkUnavailable) != nil {
		t.Error("NetworkUnavailable is not the node's to say")
	}
	if n.Status.Conditions[0].Status != corev1.ConditionTrue {
		t.Error("the cached node was changed")
	}
	v.health.node = v.update
	if again := look(&v.health, v.update, nil, moment(56)); again.update != nil {
		t.Error("what is Unknown is not written again")
	}
}

func ptr[T any](v T) *T { return &v }

func TestAJumpOfTheWallClockMakesNobodySilent(t *testing.T) {
	n := node(corev1.ConditionTrue, 0)
	first := look(nil, n, nil, moment(0))
	jumped := clock{wall: start.Add(time.Hour), monotonic: sim.Monotonic(5 * time.Second)}
	if v := look(&first.health, n, nil, jumped); v.update != nil {
		t.Error("five seconds of monotonic time have passed")
	}
}
