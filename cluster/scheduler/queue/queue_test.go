package queue_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// refuse pops the next pod and gives it back as refused by plugins.
func (s *system) refuse(t *testing.T, by ...string) *framework.QueuedPodInfo {
	t.Helper()
	info := s.queue.Pop()
	if info == nil {
		t.Fatal("nothing to pop")
	}
	info.ClearRejectors()
	for _, plugin := range by {
		info.UnschedulablePlugins = info.UnschedulablePlugins.With(s.names.ID(plugin))
	}
	if err := s.queue.AddUnschedulable(info); err != nil {
		t.Fatal(err)
	}
	return info
}

func (s *system) popName() string {
	if info := s.queue.Pop(); info != nil {
		s.queue.Done(info.Pod.UID)
		return info.Pod.Name
	}
	return ""
}

func TestBackoffDoublesUpToTenSeconds(t *testing.T) {
	s := newSystem()
	s.queue.Add(testPod("p", 0, nil))
	for attempt, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		info := s.refuse(t, "Leaving")
		s.queue.Move(framework.EventAssignedPodDelete, testPod("other", 0, nil), nil, nil)
		// Aligned to whole seconds, and flushed at the end of the second in which it ends.
		if got, want := info.BackoffExpiration, s.now.Add(want*time.Second).Truncate(time.Second); got != want {
			t.Errorf("attempt %d ends at %d, want %d", attempt, got, want)
		}
		if want := info.BackoffExpiration.Add(time.Second); s.flushAt != want {
			t.Errorf("attempt %d: flush at %d, want %d", attempt, s.flushAt, want)
		}
		s.wait(12 * time.Second)
	}
}

func TestAnIdleSchedulerTakesFromBackoffButNotFromErrors(t *testing.T) {
	s := newSystem()
	s.queue.Add(testPod("refused", 0, map[string]string{"wants": "a"}))
	s.refuse(t, "Leaving")
	s.queue.Move(framework.EventAssignedPodDelete, testPod("other", 0, nil), nil, nil)
	if active, backoff, _ := s.queue.Len(); active != 0 || backoff != 1 {
		t.Fatalf("%d active, %d in backoff", active, backoff)
	}
	if got := s.popName(); got != "refused" {
		t.Errorf("popped %q", got)
	}
	s.queue.Add(testPod("failed", 0, nil))
	s.refuse(t)
	if got := s.popName(); got != "" {
		t.Errorf("popped %q before its back-off ended", got)
	}
	s.wait(3 * time.Second)
	if got := s.popName(); got != "failed" {
		t.Errorf("popped %q", got)
	}
}

func TestUnschedulablePodsComeBackAfterFiveMinutes(t *testing.T) {
	s := newSystem()
	s.queue.Add(testPod("p", 0, nil))
	s.queue.Add(testPod("gated", 0, map[string]string{"gate": "shut"}))
	s.refuse(t, "Named")
	s.wait(5 * time.Minute)
	if _, _, unschedulable := s.queue.Len(); unschedulable != 2 {
		t.Fatalf("%d unschedulable after exactly five minutes, want 2: the look is every 30 s and wants more", unschedulable)
	}
	s.wait(30 * time.Second)
	info := s.queue.Pop()
	if info == nil || info.Pod.Name != "p" || !info.FlushedFromUnschedulable {
		t.Fatalf("popped %+v", info)
	}
	s.queue.Done("p")
	s.wait(time.Hour)
	if got := s.popName(); got != "" {
		t.Errorf("a gated pod came out: %q", got)
	}
}

func TestActivationOfAPodInFlightIsRemembered(t *testing.T) {
	s := newSystem()
	pod := testPod("p", 0, nil)
	s.queue.Add(pod)
	info := s.queue.Pop()
	s.queue.Activate(pod)
	info.UnschedulablePlugins = info.UnschedulablePlugins.With(s.names.ID("Named"))
	if err := s.queue.AddUnschedulable(info); err != nil {
		t.Fatal(err)
	}
	if _, backoff, _ := s.queue.Len(); backoff != 1 {
		t.Error("it does not wait to be tried again")
	}
	s.queue.Activate(pod)
	if active, _, _ := s.queue.Len(); active != 1 {
		t.Error("it is not active")
	}
	s.queue.Activate(testPod("stranger", 0, nil))
	if active, _, _ := s.queue.Len(); active != 1 {
		t.Error("an unknown pod was activated")
	}
}

// comer waits for new nodes, and has nothing to say about their taints.
type comer struct{}

func (comer) Name() string { return "Comer" }

func (comer) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{
		Event: framework.EventNodeAdd,
		Hint:  func(*corev1.Pod, any, any) (framework.Hint, error) { return framework.QueueSkip, nil },
	}}
}

func TestTaintChangesBringBackWhoWaitsForNodes(t *testing.T) {
	s := newSystem(comer{})
	for _, c := range []struct {
		plugin string
		left   int
	}{{"Named", 1}, {"Comer", 0}} { // Named registers taint changes itself, and its hint says no
		pod := testPod(c.plugin, 0, map[string]string{"wants": "a"})
		s.queue.Add(pod)
		s.refuse(t, c.plugin)
		node := &corev1.Node{}
		node.Name = "b"
		s.queue.Move(framework.EventNodeAdd, nil, node, nil)
		s.queue.Move(framework.ClusterEvent{Resource: framework.Node, Action: framework.UpdateNodeTaint}, node, node, nil)
		if _, _, unschedulable := s.queue.Len(); unschedulable != c.left {
			t.Errorf("%s: %d unschedulable, want %d", c.plugin, unschedulable, c.left)
		}
		s.queue.Delete(pod)
	}
}

func TestNominations(t *testing.T) {
	s := newSystem()
	pod := testPod("p", 5, nil)
	s.twin.entries = append(s.twin.entries, &entry{pod: pod}) // the informer's view
	s.queue.Add(pod)
	info := s.refuse(t, "Named")
	nominees := func(node string) (names []string) {
		for _, p := range s.queue.NominatedPods(node) {
			names = append(names, p.Pod.Name)
		}
		return names
	}
	s.queue.Nominate(info.PodInfo, &framework.NominatingInfo{Node: "n1"})
	if got := nominees("n1"); len(got) != 1 || !s.queue.HasNominated() {
		t.Fatalf("nominees %v", got)
	}
	// An update that knows nothing of it yet does not end it.
	newer := pod.DeepCopy()
	newer.Annotations = map[string]string{"x": "y"}
	s.queue.Update(pod, newer)
	if got := nominees("n1"); len(got) != 1 {
		t.Errorf("the nomination was lost by an update: %v", got)
	}
	// One that names another node moves it.
	moved := newer.DeepCopy()
	moved.Status.NominatedNodeName = "n2"
	s.queue.Update(newer, moved)
	if got := nominees("n2"); len(got) != 1 || len(nominees("n1")) != 0 {
		t.Errorf("nominees %v and %v", nominees("n1"), got)
	}
	s.queue.Nominate(&framework.PodInfo{Pod: moved}, &framework.NominatingInfo{})
	if s.queue.HasNominated() {
		t.Error("the nomination was not cleared")
	}
	s.twin.entries = nil
	s.queue.Nominate(&framework.PodInfo{Pod: moved}, &framework.NominatingInfo{Node: "n3"})
	if s.queue.HasNominated() {
		t.Error("a pod that is gone was nominated")
	}
}

func TestHigherPriorityFirstThenFirstCome(t *testing.T) {
	s := newSystem()
	for _, p := range []struct {
		name     string
		priority int32
	}{{"a", 1}, {"b", 2}, {"c", 1}, {"d", 2}} {
		s.queue.Add(testPod(p.name, p.priority, nil))
	}
	got := ""
	for name := s.popName(); name != ""; name = s.popName() {
		got += name
	}
	if got != "bdac" {
		t.Errorf("popped %s", got)
	}
}
