package fault

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// world is a running cluster of three control-plane hosts and three nodes, with four pods.
type world struct {
	t *testing.T
	*World
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := sim.New(sim.Config{Seed: 1, NoWatchdog: true})
	t.Cleanup(s.Close)
	c, err := cluster.New(s, cluster.Topology{NodePools: []cluster.NodePool{{Name: "n", Count: 3, Zones: []string{"a", "b", "c"}}}, DetectMutations: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, &World{Simulation: s, Cluster: c}}
	w.run(20 * time.Second)
	w.task(func(task *sim.Task) {
		for _, name := range []string{"web-0", "web-1", "web-2", "db-0"} {
			app, _, _ := strings.Cut(name, "-")
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": app}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: app}}},
			}
			if _, err := client.Create(task, c.Kubectl(), api.Pods, pod); err != nil {
				t.Error(err)
			}
		}
	})
	w.run(20 * time.Second)
	return w
}

func (w *world) run(d time.Duration) {
	w.t.Helper()
	if err := w.Simulation.Run(w.Simulation.Now().Add(d)); err != nil {
		w.t.Fatal(err)
	}
	w.Cluster.CheckMutations()
}

func (w *world) task(fn func(*sim.Task)) {
	w.t.Helper()
	done := w.Cluster.Kubectl().Process().Go("test", fn)
	for range 100 {
		w.run(100 * time.Millisecond)
		if done.Ended() {
			return
		}
	}
	w.t.Fatal("the task does not end")
}

func (w *world) inject(document string) *Injected {
	w.t.Helper()
	f, err := parse(w.t, document)
	if err != nil {
		w.t.Fatal(err)
	}
	var done *Injected
	w.task(func(task *sim.Task) {
		if done, err = f.Inject(task, w.World, "step", ""); err != nil {
			w.t.Error(err)
		}
	})
	return done
}

// nodeReady is a node's Ready condition.
func (w *world) nodeReady(name string) corev1.ConditionStatus {
	o, ok := w.Cluster.Store().Get(api.Nodes, name)
	if !ok {
		return "absent"
	}
	return api.NodeCondition(o.(*corev1.Node), corev1.NodeReady).Status
}

// silent counts the nodes that the control plane has lost sight of.
func (w *world) silent() (n int) {
	for _, node := range w.Cluster.Nodes() {
		if w.nodeReady(node.Name) == corev1.ConditionUnknown {
			n++
		}
	}
	return n
}

func (w *world) up(names ...string) int {
	n := 0
	for _, name := range names {
		if (&injection{World: w.World}).machine(name).Up() {
			n++
		}
	}
	return n
}

// Each fault does what its name says, and lifting it undoes it.
func TestFaultsOnACluster(t *testing.T) {
	cases := []struct {
		document string
		victims  string // what the first victim's description begins with
		after    time.Duration
		broken   func(w *world) bool
		lifted   time.Duration
		whole    func(w *world) bool // nil where there is nothing to lift
	}{
		{"kind: NodeChaos\nspec: {action: crash, mode: fixed, value: '2'}", "node n-", time.Minute,
			func(w *world) bool { return w.up("n-0", "n-1", "n-2") == 1 && w.silent() == 2 }, 30 * time.Second, func(w *world) bool { return w.silent() == 0 }},
		{"kind: NodeChaos\nspec: {action: crash, selector: {nodes: [cp-1]}}", "node cp-1 crashed", 30 * time.Second,
			func(w *world) bool { return w.up("cp-1") == 0 && w.silent() == 0 }, time.Second, func(w *world) bool { return w.up("cp-1") == 1 }},
		{"kind: NodeChaos\nspec: {action: reboot}", "node n-", 0,
			func(w *world) bool { return w.up("n-0", "n-1", "n-2") == 2 }, 40 * time.Second, func(w *world) bool { return w.up("n-0", "n-1", "n-2") == 3 }},
		{"kind: NodeChaos\nspec: {action: pause, mode: all}", "node n-0 paused", time.Minute,
			func(w *world) bool { return w.silent() == 3 }, 30 * time.Second, func(w *world) bool { return w.silent() == 0 }},
		{"kind: NodeChaos\nspec: {action: kubelet-stop, selector: {nodes: [n-2]}}", "n-2/kubelet killed", time.Minute,
			func(w *world) bool { return w.nodeReady("n-2") == corev1.ConditionUnknown && w.up("n-2") == 1 }, 30 * time.Second, func(w *world) bool { return w.silent() == 0 }},
		{"kind: NodeChaos\nspec: {action: zone-outage, zone: b}", "node cp-1 crashed", 0,
			func(w *world) bool { return w.up("n-1", "cp-1") == 0 && w.up("n-0", "n-2", "cp-0", "cp-2") == 4 }, time.Second,
			func(w *world) bool { return w.up("n-1", "cp-1") == 2 }},
		{"kind: NodeChaos\nspec: {action: slow, mode: all, speedPercent: 1}", "node n-0 slowed down", 20 * time.Second,
			func(w *world) bool { return w.silent() == 0 }, 10 * time.Second, func(w *world) bool { return w.silent() == 0 }},
		{"kind: NetworkChaos\nspec: {action: partition, mode: all, direction: both, selector: {labelSelectors: {app: db}}}", "partition between n-", time.Minute,
			func(w *world) bool { return w.silent() == 1 }, 2 * time.Minute, func(w *world) bool { return w.silent() == 0 }},
		{"kind: NetworkChaos\nspec: {action: partition, mode: all, direction: both, selector: {nodes: [n-0]}, target: {mode: all, selector: {nodes: [n-1, n-2]}}}",
			"partition between n-0 and n-1, n-2", time.Minute, func(w *world) bool { return w.silent() == 0 }, time.Second, func(w *world) bool { return w.silent() == 0 }},
		{"kind: NetworkChaos\nspec: {action: loss, mode: all, direction: both, loss: {loss: '100'}, selector: {nodes: [n-1]}}", "loss between n-1 and everything else", time.Minute,
			func(w *world) bool { return w.silent() == 1 }, 2 * time.Minute, func(w *world) bool { return w.silent() == 0 }},
		{"kind: NetworkChaos\nspec: {action: delay, mode: all, direction: both, delay: {latency: 300ms, jitter: 100ms}, selector: {nodes: [n-1]}}", "delay between n-1", time.Minute,
			func(w *world) bool { return w.silent() == 0 }, time.Second, func(w *world) bool { return w.silent() == 0 }},
		{"kind: ControlPlaneChaos\nspec: {action: kill, component: scheduler, mode: all}", "cp-0/kube-scheduler killed", 0,
			func(w *world) bool { return countUp(w.Cluster.SchedulerProcesses()) == 0 }, time.Second, func(w *world) bool { return countUp(w.Cluster.SchedulerProcesses()) == 3 }},
		{"kind: ControlPlaneChaos\nspec: {action: pause, component: apiserver}", "cp-", 0,
			func(w *world) bool { return countPaused(w.Cluster.APIServerProcesses()) == 1 }, time.Second, func(w *world) bool { return countPaused(w.Cluster.APIServerProcesses()) == 0 }},
		{"kind: ControlPlaneChaos\nspec: {action: restart, component: controller-manager, mode: all}", "cp-0/kube-controller-manager restarted", 0,
			func(w *world) bool { return countUp(w.Cluster.ControllerManagerProcesses()) == 0 }, 2 * time.Second, func(w *world) bool { return countUp(w.Cluster.ControllerManagerProcesses()) == 3 }},
		{"kind: EtcdChaos\nspec: {action: leader-kill}", "cp-", 10 * time.Second,
			func(w *world) bool { return countUp(w.Cluster.EtcdProcesses()) == 2 && w.Cluster.EtcdLeader() >= 0 }, time.Second, func(w *world) bool { return countUp(w.Cluster.EtcdProcesses()) == 3 }},
		{"kind: EtcdChaos\nspec: {action: kill, mode: fixed, value: '2'}", "cp-", 10 * time.Second,
			func(w *world) bool { return countUp(w.Cluster.EtcdProcesses()) == 1 && w.Cluster.EtcdLeader() < 0 }, 20 * time.Second, func(w *world) bool { return w.Cluster.EtcdLeader() >= 0 }},
		{"kind: EtcdChaos\nspec: {action: slow-fsync, mode: all, delay: 20ms}", "fsync of cp-0 slowed down", 10 * time.Second,
			func(w *world) bool { return w.Cluster.EtcdLeader() >= 0 }, time.Second, func(w *world) bool { return w.Cluster.EtcdLeader() >= 0 }},
		{"kind: EtcdChaos\nspec: {action: disk-stall, mode: all, duration: 20s}", "disk of cp-0 stalled", 5 * time.Second,
			func(w *world) bool { return stuck(w) }, 30 * time.Second, func(w *world) bool { return !stuck(w) }},
		{"kind: PodChaos\nspec: {action: pod-kill, mode: all, selector: {labelSelectors: {app: web}}}", "pod default/web-0 deleted", 5 * time.Second,
			func(w *world) bool { return len(w.Cluster.Store().List(api.Pods, "default", nil)) == 1 }, 0, nil},
	}
	for _, c := range cases {
		t.Run(c.document[strings.Index(c.document, "spec: ")+len("spec: "):], func(t *testing.T) {
			w := newWorld(t)
			done := w.inject(c.document)
			if done == nil {
				return
			}
			if !strings.HasPrefix(done.Victims[0], c.victims) {
				t.Errorf("victims %q", done.Victims)
			}
			w.run(c.after)
			if !c.broken(w) {
				t.Error("the fault does not show")
			}
			if c.whole == nil {
				return
			}
			done.Lift()
			done.Lift()
			w.run(c.lifted)
			if !c.whole(w) {
				t.Error("the fault does not end")
			}
		})
	}
}

type upOrPaused interface {
	IsUp() bool
	Paused() bool
}

func countUp[P upOrPaused](processes []P) (n int) {
	for _, p := range processes {
		if p.IsUp() {
			n++
		}
	}
	return n
}

func countPaused[P upOrPaused](processes []P) (n int) {
	for _, p := range processes {
		if p.Paused() {
			n++
		}
	}
	return n
}

// stuck reports whether the store commits nothing in a while in which leases are renewed.
func stuck(w *world) bool {
	before := w.Cluster.Store().Revision()
	w.run(5 * time.Second)
	return w.Cluster.Store().Revision() == before
}

// Selectors choose by everything that Chaos Mesh's do.
func TestSelectors(t *testing.T) {
	w := newWorld(t)
	cases := []struct {
		selector Selector
		want     []string
	}{
		{Selector{LabelSelectors: map[string]string{"app": "db"}}, []string{"db-0"}},
		{Selector{}, []string{"db-0", "web-0", "web-1", "web-2"}},
		{Selector{Namespaces: []string{"other"}}, nil},
		{Selector{ExpressionSelectors: []Expression{{Key: "app", Operator: "NotIn", Values: []string{"web"}}}}, []string{"db-0"}},
		{Selector{FieldSelectors: map[string]string{"metadata.name": "web-1"}}, []string{"web-1"}},
		{Selector{Pods: map[string][]string{"default": {"web-2", "web-9"}}}, []string{"web-2"}},
		{Selector{PodPhaseSelectors: []string{"Pending"}}, nil},
		{Selector{AnnotationSelectors: map[string]string{"a": "b"}}, nil},
		{Selector{Nodes: []string{"none"}}, nil},
		{Selector{NodeSelectors: map[string]string{"pool": "n"}}, []string{"db-0", "web-0", "web-1", "web-2"}},
	}
	for _, c := range cases {
		var got []string
		for _, pod := range c.selector.pods(w.World, "default") {
			got = append(got, pod.Name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v chose %v, want %v", &c.selector, got, c.want)
		}
	}
	i := &injection{World: w.World}
	for _, c := range []struct {
		selector Selector
		want     string
	}{
		{Selector{}, "n-0 n-1 n-2"}, {Selector{Nodes: []string{"cp-*"}}, "cp-0 cp-1 cp-2"}, {Selector{Nodes: []string{"n-1"}}, "n-1"},
		{Selector{NodeSelectors: map[string]string{"node-role.kubernetes.io/control-plane": ""}}, "cp-0 cp-1 cp-2"},
		{Selector{NodeSelectors: map[string]string{"topology.kubernetes.io/zone": "b"}}, "n-1 cp-1"},
	} {
		if got := strings.Join(i.nodesMatching(&c.selector), " "); got != c.want {
			t.Errorf("%v chose %s, want %s", &c.selector, got, c.want)
		}
	}
}
