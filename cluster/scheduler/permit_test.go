package scheduler

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
)

// waits makes pods wait at Permit, or refuses to reserve those whose label says so.
type waits struct {
	handle     *framework.Handle
	unreserved []string
}

func (*waits) Name() string { return "Waits" }

func (*waits) Permit(*framework.Cycle, string) (*framework.Status, time.Duration) {
	return framework.NewStatus(framework.Wait), 5 * time.Second
}

func (*waits) Reserve(c *framework.Cycle, _ string) *framework.Status {
	if c.Pod.Pod.Labels["reserve"] == "no" {
		return framework.NewStatus(framework.Unschedulable, "nothing left to reserve")
	}
	return nil
}

func (w *waits) Unreserve(c *framework.Cycle, _ string) {
	w.unreserved = append(w.unreserved, c.Pod.Pod.Name)
}

func waitingProfile(w *waits) Config {
	return Config{Profiles: []Profile{{SchedulerName: DefaultName, Plugins: func(h *framework.Handle) ([]runtime.Enabled, error) {
		w.handle = h
		plugins, err := DefaultPlugins(h)
		return append(plugins, runtime.Enabled{Plugin: w}), err
	}}}}
}

func TestPermitWaits(t *testing.T) {
	plugin := &waits{}
	w := newWorld(t, waitingProfile(plugin), testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("allowed", "1"), testPod("forgotten", "1"))
	w.run(time.Second)
	if got := w.api.pod("allowed"); got.Spec.NodeName != "" || got.Status.NominatedNodeName != "node-0" {
		t.Errorf("while it waits: on %q, nominated %q", got.Spec.NodeName, got.Status.NominatedNodeName)
	}
	w.scheduler.process.After(0, func() { plugin.handle.Actions.AllowWaiting("pod-allowed", "Waits") })
	w.run(time.Second)
	if got := w.conditionOf("allowed"); got != "True" {
		t.Errorf("allowed: %s", got)
	}
	w.run(4 * time.Second)
	if got, want := w.conditionOf("forgotten"), "False Unschedulable 0/1 nodes are available: 1 rejected due to timeout after waiting 5s at plugin Waits."; got != want {
		t.Errorf("forgotten:\n got %s\nwant %s", got, want)
	}
	if !slices.Equal(plugin.unreserved, []string{"forgotten"}) {
		t.Errorf("unreserved %v", plugin.unreserved)
	}
}

func TestPodDeletedWhileItWaitsAtPermitFreesItsRoom(t *testing.T) {
	plugin := &waits{}
	w := newWorld(t, waitingProfile(plugin), testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("waits", "3"))
	w.run(time.Second)
	w.do(func(f *fakeAPI) { f.remove(f.pod("waits")) })
	w.run(100 * time.Millisecond)
	if _, pods, assumed := w.scheduler.cache.Counts(); pods != 0 || assumed != 0 || len(w.scheduler.waiting) != 0 {
		t.Errorf("%d pods, %d assumed, %d waiting", pods, assumed, len(w.scheduler.waiting))
	}
}

func TestRefusalOfReserve(t *testing.T) {
	plugin := &waits{}
	w := newWorld(t, waitingProfile(plugin), testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("p", "1", func(p *corev1.Pod) { p.Labels = map[string]string{"reserve": "no"} }))
	w.run(time.Second)
	if got, want := w.conditionOf("p"), "False Unschedulable 0/1 nodes are available: 1 nothing left to reserve."; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if _, pods, assumed := w.scheduler.cache.Counts(); pods != 0 || assumed != 0 {
		t.Errorf("%d pods, %d assumed after the refusal", pods, assumed)
	}
}
