package scheduler

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// The recording golden/unschedulable: three pods of 3 CPUs and one of 100 on two nodes of 4; then a third node, which is
// tainted at first.
func TestMessagesAndRetriesOfTheUnschedulableRecording(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"), testNode("node-1", "4"))
	w.run(time.Second)
	w.put(testPod("huge", "100"), testPod("big-1", "3"), testPod("big-2", "3"), testPod("big-3", "3"))
	w.run(time.Second)

	expect := func(pod, want string) {
		t.Helper()
		if got := w.conditionOf(pod); got != want {
			t.Errorf("%v: %s\n got %s\nwant %s", w.now, pod, got, want)
		}
	}
	const noHelp = "Preemption is not helpful for scheduling."
	expect("big-1", "True")
	expect("big-2", "True")
	expect("huge", "False Unschedulable 0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 "+noHelp)
	expect("big-3", "False Unschedulable 0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.")

	w.run(10 * time.Second)
	w.put(testNode("node-2", "4", notReady))
	w.run(300 * time.Millisecond)
	expect("big-3", "False Unschedulable 0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.")
	expect("huge", "False Unschedulable 0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 "+noHelp)

	// The taint goes: the small pod fits, and the huge one is asked again although no hint spoke for it.
	w.put(testNode("node-2", "4"))
	w.run(300 * time.Millisecond)
	expect("big-3", "True")
	expect("huge", "False Unschedulable 0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 "+noHelp)

	want := []string{
		"create /api/v1/namespaces/default/pods/big-1/binding",
		"create /api/v1/namespaces/default/pods/big-2/binding",
		"create /api/v1/namespaces/default/pods/big-3/binding",
	}
	got := slices.DeleteFunc(slices.Clone(w.api.requests), func(r string) bool { return !strings.HasSuffix(r, "binding") })
	if !slices.Equal(got, want) {
		t.Errorf("bindings %q, want %q", got, want)
	}
	patches := 0
	for _, r := range w.api.requests {
		if r == "patch /api/v1/namespaces/default/pods/huge/status" || r == "patch /api/v1/namespaces/default/pods/big-3/status" {
			patches++
		}
	}
	if patches != 4 {
		t.Errorf("%d status patches, want 4 as recorded: %q", patches, w.api.requests)
	}
}

func TestEventsAreThoseOfTheRecording(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("fits", "3"), testPod("waits", "3"))
	w.run(time.Second)
	if len(w.api.events) != 2 {
		t.Fatalf("%d events, want 2", len(w.api.events))
	}
	for _, e := range w.api.events {
		if e.ReportingController != "default-scheduler" || e.ReportingInstance != "default-scheduler-cp-2" || e.Regarding.Kind != "Pod" {
			t.Errorf("event %+v", e)
		}
		switch e.Regarding.Name {
		case "fits":
			if e.Type != "Normal" || e.Reason != "Scheduled" || e.Action != "Binding" || e.Note != "Successfully assigned default/fits to node-0" {
				t.Errorf("event %+v", e)
			}
		case "waits":
			if e.Type != "Warning" || e.Reason != "FailedScheduling" || e.Action != "Scheduling" || !strings.HasPrefix(e.Note, "0/1 nodes are available: 1 Insufficient cpu. ") {
				t.Errorf("event %+v", e)
			}
		}
	}
}

func TestPatchNamesOnlyWhatChanged(t *testing.T) {
	old := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "a"}}}
	var c statusChange
	now := api.Time(time.Unix(100, 0))
	c.setCondition(&old, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "b"}, now)
	if c.fields != (conditionFields{message: true}) {
		t.Errorf("fields %+v, want the message alone", c.fields)
	}
	c = statusChange{}
	c.setCondition(&old, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "a", ObservedGeneration: 7}, now)
	if !c.isEmpty() {
		t.Error("a condition that differs only in its generation is not written")
	}
}

func TestPodDeletedWhileItIsBound(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"))
	w.run(time.Second)
	w.api.graceful = true
	w.api.refuse = func(r *api.Request) error {
		if r.Subresource == "binding" {
			w.api.refuse = nil
			w.api.delete(w.api.pod("p"))
		}
		return nil
	}
	w.put(testPod("p", "3"))
	w.run(time.Second)
	if len(w.api.events) != 1 || w.api.events[0].Note != `running Bind plugin "DefaultBinder": Operation cannot be fulfilled on pods/binding "p": pod p is being deleted, cannot be assigned to a host` {
		t.Errorf("events %+v", w.api.events)
	}
	if got := w.conditionOf("p"); !strings.HasPrefix(got, "False SchedulerError running Bind plugin") {
		t.Errorf("condition %s", got)
	}
	w.put(testPod("q", "3"))
	w.run(5 * time.Second)
	if got := w.conditionOf("q"); got != "True" {
		t.Errorf("what the deleted pod held is not free: %s", got)
	}
}

func TestGatedPodIsScheduledWhenItsLastGateGoes(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("p", "1", func(p *corev1.Pod) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "a"}} }))
	w.run(time.Minute)
	if got := w.conditionOf("p"); got != "" || len(w.api.requests) != 0 {
		t.Errorf("a gated pod was touched: %s %q", got, w.api.requests)
	}
	w.put(testPod("p", "1"))
	w.run(time.Second)
	if got := w.conditionOf("p"); got != "True" {
		t.Errorf("condition %s", got)
	}
}

func TestPreemption(t *testing.T) {
	w := newWorld(t, Config{},
		testNode("node-0", "4"), testNode("node-1", "4"),
		testPod("low-0", "3", on("node-0"), priority(5)), testPod("low-1", "3", on("node-1"), priority(1)), testPod("tiny-1", "500m", on("node-1"), priority(1)))
	w.api.graceful = true
	w.run(time.Second)
	w.put(testPod("high", "3", priority(100)))
	w.run(500 * time.Millisecond)
	want := []string{
		"patch /api/v1/namespaces/default/pods/high/status",
		"patch /api/v1/namespaces/default/pods/low-1/status",
		"delete /api/v1/namespaces/default/pods/low-1",
	}
	got := slices.DeleteFunc(slices.Clone(w.api.requests), func(r string) bool { return strings.Contains(r, "events") })
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("requests %q, want %q", got, want)
	}
	high, victim := w.api.pod("high"), w.api.pod("low-1")
	if high.Status.NominatedNodeName != "node-1" {
		t.Errorf("nominated node %q", high.Status.NominatedNodeName)
	}
	if message := w.conditionOf("high"); message != "False Unschedulable 0/2 nodes are available: 2 Insufficient cpu." {
		t.Errorf("condition %s", message)
	}
	c := api.PodCondition(victim, corev1.DisruptionTarget)
	if c == nil || c.Reason != "PreemptionByScheduler" || c.Message != "default-scheduler: preempting to accommodate a higher priority pod" || victim.DeletionTimestamp == nil {
		t.Errorf("victim %+v %v", c, victim.DeletionTimestamp)
	}
	preempted := slices.IndexFunc(w.api.events, func(e *eventsEvent) bool { return e.Reason == "Preempted" })
	if preempted < 0 || w.api.events[preempted].Note != "Preempted by pod pod-high on node node-1" || w.api.events[preempted].Related.Name != "high" {
		t.Errorf("events %+v", w.api.events)
	}

	// While the victim ends, a pod of lower priority does not get the room.
	w.put(testPod("medium", "3", priority(50)))
	w.run(10 * time.Second)
	if got := w.conditionOf("medium"); !strings.HasPrefix(got, "False") {
		t.Errorf("medium: %s", got)
	}
	w.do(func(f *fakeAPI) { f.remove(f.pod("low-1")) })
	w.run(5 * time.Second)
	if got := w.api.pod("high").Spec.NodeName; got != "node-1" {
		t.Errorf("high is on %q: %s", got, w.conditionOf("high"))
	}
}

func TestStatusQuoCostsNothing(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("p", "1"))
	w.run(time.Minute)
	before := w.s.Steps()
	w.run(4 * time.Minute)
	if steps := w.s.Steps() - before; steps > 60 {
		t.Errorf("an idle scheduler took %d steps in four minutes", steps)
	}
}

func TestMetricsOfASuccess(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("p", "1"), testPod("q", "100"))
	w.run(time.Second)
	for name, want := range map[string]int64{"scheduled": 1, "unschedulable": 1} {
		if got := w.metrics.Counter("scheduler_schedule_attempts_total", "result", name, "profile", DefaultName).Value(); got != want {
			t.Errorf("attempts %s: %d, want %d", name, got, want)
		}
	}
	if got := w.metrics.Gauge("scheduler_pending_pods", "queue", "unschedulable").Value(); got != 1 {
		t.Errorf("pending unschedulable %d", got)
	}
	if got := w.metrics.Gauge("scheduler_unschedulable_pods", "plugin", "NodeResourcesFit", "profile", DefaultName).Value(); got != 1 {
		t.Errorf("refused by NodeResourcesFit %d", got)
	}
	if got := w.metrics.Histogram("scheduler_pod_scheduling_sli_duration_seconds", "attempts", "1").Count(); got != 1 {
		t.Errorf("SLI durations %d", got)
	}
}
