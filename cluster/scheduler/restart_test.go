package scheduler

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// A cluster without nodes is no refusal: the pod is tried again after an error's back-off, which an idle scheduler keeps.
func TestNoNodesAtAll(t *testing.T) {
	w := newWorld(t, Config{})
	w.run(time.Second)
	w.put(testPod("p", "1"))
	w.run(time.Second)
	if got, want := w.conditionOf("p"), "False Unschedulable no nodes available to schedule pods"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	w.put(testNode("node-0", "4"))
	w.run(5 * time.Second)
	if got := w.conditionOf("p"); got != "True" {
		t.Errorf("condition %s", got)
	}
}

func TestPodsOfOtherSchedulersAreLeftAlone(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"))
	w.run(time.Second)
	w.put(testPod("theirs", "1", func(p *corev1.Pod) { p.Spec.SchedulerName = "other" }))
	w.run(time.Minute)
	if got := w.conditionOf("theirs"); got != "" || len(w.api.requests) != 0 {
		t.Errorf("touched: %s %q", got, w.api.requests)
	}
}

// What a scheduler that crashed had assumed is gone; its successor finds the pods unbound and places them anew.
func TestRestartSchedulesWhatIsUnbound(t *testing.T) {
	w := newWorld(t, Config{}, testNode("node-0", "4"))
	w.run(time.Second)
	lost := 0
	w.api.refuse = func(r *api.Request) error {
		if r.Subresource == "binding" && lost == 0 {
			lost++
			w.scheduler.process.Restart(time.Second)
		}
		return nil
	}
	w.put(testPod("a", "1"), testPod("b", "1"))
	w.run(10 * time.Second)
	for _, name := range []string{"a", "b"} {
		if got := w.conditionOf(name); got != "True" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, pods, assumed := w.scheduler.cache.Counts(); pods != 2 || assumed != 0 {
		t.Errorf("%d pods, %d assumed", pods, assumed)
	}
}
