package observe

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// change is a commit of one object's new state.
func change(at time.Duration, old, o api.Object) *cluster.Commit {
	some := o
	if some == nil {
		some = old
	}
	return &cluster.Commit{At: sim.Time(at), Changes: []cluster.Change{{Resource: api.ResourceOf(some), Key: api.KeyOf(some), Old: old, New: o}}}
}

func pod(name string, fill func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name, UID: types.UID(name)}}
	if fill != nil {
		fill(p)
	}
	return p
}

func isReady(p *corev1.Pod) {
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
}

// placed is a cluster of two nodes that never runs: only its machines matter.
func placed(t *testing.T) (*sim.Simulation, *cluster.Cluster) {
	t.Helper()
	s := sim.New(sim.Config{NoWatchdog: true})
	t.Cleanup(s.Close)
	c, err := cluster.New(s, cluster.Topology{ControlPlane: cluster.ControlPlane{APIServers: 1, EtcdMembers: 1}, NodePools: []cluster.NodePool{{Name: "n", Count: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// What is desired of each kind of object, on a machine that is up and on one that is down.
func TestDesired(t *testing.T) {
	s, c := placed(t)
	settling := NewSettling(s, c, nil)
	c.Node("n-1").Crash()
	deployment := func(fill func(*appsv1.Deployment)) api.Object {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: appsv1.DeploymentSpec{Replicas: api.Ptr(int32(3))},
			Status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, AvailableReplicas: 3}}
		fill(d)
		return d
	}
	node := func(name string, status corev1.ConditionStatus) api.Object {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status}}}}
	}
	on := func(node string, more ...func(*corev1.Pod)) api.Object {
		return pod("p", func(p *corev1.Pod) {
			p.Spec.NodeName = node
			for _, fill := range more {
				fill(p)
			}
		})
	}
	deleted := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }
	ended := func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }
	static := func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "Node", Controller: api.Ptr(true)}}
	}
	cases := []struct {
		name   string
		object api.Object
		want   bool
	}{
		{"all replicas", deployment(func(*appsv1.Deployment) {}), true},
		{"not observed", deployment(func(d *appsv1.Deployment) { d.Generation = 3 }), false},
		{"one missing", deployment(func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 2 }), false},
		{"one extra", deployment(func(d *appsv1.Deployment) { d.Status.Replicas = 4 }), false},
		{"one outdated", deployment(func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 2 }), false},
		{"outdated, but paused", deployment(func(d *appsv1.Deployment) { d.Status.UpdatedReplicas, d.Spec.Paused = 2, true }), true},
		{"node ready", node("n-0", corev1.ConditionTrue), true},
		{"node not ready", node("n-0", corev1.ConditionUnknown), false},
		{"dead node called ready", node("n-1", corev1.ConditionTrue), false},
		{"dead node known as dead", node("n-1", corev1.ConditionUnknown), true},
		{"control plane's node", node("cp-0", corev1.ConditionTrue), true},
		{"pod without a node", on(""), false},
		{"pod ready", on("n-0", isReady), true},
		{"pod not ready", on("n-0"), false},
		{"pod on its way out", on("n-0", isReady, deleted), false},
		{"pod ended", on("n-0", ended), true},
		{"pod ended, and on its way out", on("n-0", ended, deleted), false},
		{"pod on a dead node", on("n-1", isReady), false},
		{"pod stuck on a dead node", on("n-1", deleted), true},
		{"static pod on a dead node", on("n-1", static), true},
		{"another kind", &corev1.ConfigMap{}, true},
	}
	for _, c := range cases {
		if got := settling.Desired(c.object); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// The instant since which everything holds moves each time that something did not.
func TestSettlingSince(t *testing.T) {
	s, c := placed(t)
	changes := 0
	settling := NewSettling(s, c, func() { changes++ })
	step := func(at time.Duration, old, o api.Object, want time.Duration, settled bool) {
		t.Helper()
		if err := s.Run(sim.Time(at)); err != nil {
			t.Fatal(err)
		}
		settling.Commit(change(at, old, o))
		if since, ok := settling.Since(); ok != settled || ok && since != sim.Time(want) {
			t.Errorf("at %v: settled %v since %v", at, ok, since)
		}
	}
	s.Run(0)
	a, b := pod("a", nil), pod("b", nil)
	changes = 0
	step(1, nil, a, 0, false)
	step(2, nil, b, 0, false)
	step(3, a, pod("a", func(p *corev1.Pod) { p.Spec.NodeName = "n-0"; isReady(p) }), 0, false)
	step(4, b, nil, 4, true)
	step(5, nil, pod("c", func(p *corev1.Pod) { p.Spec.NodeName = "n-0"; isReady(p) }), 4, true)
	step(6, nil, b, 0, false)
	step(7, b, nil, 7, true)
	if changes != 4 {
		t.Errorf("told of %d changes", changes)
	}
}

// Power that comes or goes is noticed without a commit.
func TestSettlingFollowsPower(t *testing.T) {
	s, c := placed(t)
	settling := NewSettling(s, c, nil)
	if err := s.Run(sim.Time(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, o := range c.Store().List(api.Nodes, "", nil) {
		settling.Commit(change(30*time.Second, nil, o))
	}
	settling.Refresh()
	if _, ok := settling.Since(); !ok {
		t.Fatalf("not settled after the boot: %v", settling.Diagnose())
	}
	for _, act := range []struct {
		name    string
		fn      func()
		settled bool
	}{
		{"crash", c.Node("n-0").Crash, false}, {"boot", c.Node("n-0").Boot, true}, {"pause", c.Node("n-1").Pause, false}, {"resume", c.Node("n-1").Resume, true},
	} {
		act.fn()
		if err := s.Run(s.Now()); err != nil {
			t.Fatal(err)
		}
		if _, ok := settling.Since(); ok != act.settled {
			t.Errorf("after %s: settled %v", act.name, ok)
		}
	}
}

func TestStartup(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	startup := NewStartup(epoch)
	bound := pod("a", func(p *corev1.Pod) { p.Spec.NodeName = "n" })
	running := pod("a", func(p *corev1.Pod) {
		p.Spec.NodeName = "n"
		p.Status.Phase = corev1.PodRunning
		p.Status.ContainerStatuses = []corev1.ContainerStatus{
			{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(epoch.Add(2 * time.Second))}}},
			{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(epoch.Add(3 * time.Second))}}},
		}
	})
	startup.Commit(change(1000*time.Millisecond, nil, pod("a", nil)))
	startup.Commit(change(1250*time.Millisecond, pod("a", nil), bound))
	startup.Commit(change(3500*time.Millisecond, bound, running))
	startup.Commit(change(4*time.Second, running, running)) // Counted once.
	mirror := pod("m", func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}; isReady(p) })
	startup.Commit(change(5*time.Second, nil, mirror))
	for i, want := range []time.Duration{250 * time.Millisecond, 1750 * time.Millisecond, 500 * time.Millisecond, 2250 * time.Millisecond, 2500 * time.Millisecond} {
		h := startup.Of(StartupNames[i])
		if h.Count() != 1 || time.Duration(h.Max()) != want {
			t.Errorf("%s: %d values, the greatest %v, want %v", StartupNames[i], h.Count(), time.Duration(h.Max()), want)
		}
	}
	if startup.Of("pod_shutdown") != nil {
		t.Error("a latency that there is not")
	}
}

// Ten pods a second for five seconds.
func TestThroughput(t *testing.T) {
	startup := NewStartup(time.Time{})
	for i := range 50 {
		name := string(rune('A' + i))
		startup.Commit(change(time.Duration(i)*100*time.Millisecond, nil, pod(name, func(p *corev1.Pod) { p.Spec.NodeName = "n" })))
	}
	summary, ok := startup.Throughput()
	if !ok || summary.Perc50 != 10 || summary.Average < 9 || summary.Average > 10 {
		t.Errorf("%+v, %v", summary, ok)
	}
	if _, ok := NewStartup(time.Time{}).Throughput(); ok {
		t.Error("a throughput without pods")
	}
}

func TestPhases(t *testing.T) {
	phases := NewPhases()
	pending := pod("a", func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending })
	running := pod("a", isReady)
	phases.Commit(change(0, nil, pending))
	phases.Commit(change(0, nil, pod("b", isReady)))
	if got := phases.Counts(); !slices.Equal(got, []PhaseCount{{"Pending", 1}, {"Running", 1}}) {
		t.Errorf("%v", got)
	}
	phases.Commit(change(0, pending, running))
	phases.Commit(change(0, running, nil))
	if got := phases.Counts(); !slices.Equal(got, []PhaseCount{{"Running", 1}}) || phases.Total() != 1 {
		t.Errorf("%v, in all %d", got, phases.Total())
	}
}
