package nodelifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

func TestConditionsAndTaintsAgreeAfterOneChange(t *testing.T) {
	taints := []corev1.Taint{
		{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}, {Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeDiskPressure, Effect: corev1.TaintEffectNoSchedule}, {Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule},
		unreachable, {Key: "dedicated", Effect: corev1.TaintEffectNoSchedule},
	}
	statuses := rapid.SampledFrom([]corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown})
	rapid.Check(t, func(t *rapid.T) {
		n := &corev1.Node{Spec: corev1.NodeSpec{Unschedulable: rapid.Bool().Draw(t, "cordoned")}}
		for _, c := range []corev1.NodeConditionType{corev1.NodeReady, corev1.NodeDiskPressure, corev1.NodeMemoryPressure} {
			n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{Type: c, Status: statuses.Draw(t, "status")})
		}
		for _, taint := range taints {
			if rapid.Bool().Draw(t, "has") {
				n.Spec.Taints = append(n.Spec.Taints, taint)
			}
		}
		foreign := foreignTaints(n.Spec.Taints)
		add, remove := noScheduleChanges(n)
		n.Spec.Taints, _ = withTaints(n.Spec.Taints, add)
		n.Spec.Taints, _ = withoutTaints(n.Spec.Taints, remove)
		if add, remove := noScheduleChanges(n); len(add) > 0 || len(remove) > 0 {
			t.Fatalf("after the change %v are missing and %v too many", add, remove)
		}
		if diff := cmp.Diff(foreign, foreignTaints(n.Spec.Taints)); diff != "" {
			t.Fatalf("taints of others were touched: %s", diff)
		}
	})
}

func foreignTaints(all []corev1.Taint) []corev1.Taint {
	var out []corev1.Taint
	for _, t := range all {
		if !isOwnNoSchedule(&t) {
			out = append(out, t)
		}
	}
	return out
}

func TestATaintIsReplacedByItsLike(t *testing.T) {
	at := metav1.Unix(1, 0)
	stamped := unreachable
	stamped.TimeAdded = &at
	got, changed := withTaints([]corev1.Taint{{Key: "a"}, unreachable}, []corev1.Taint{stamped})
	if !changed || len(got) != 2 || got[1].TimeAdded != &at {
		t.Errorf("got %v, %v", got, changed)
	}
	if _, changed := withTaints(got, []corev1.Taint{stamped}); changed {
		t.Error("the same taint changes nothing")
	}
}

func TestOldLabelsFollowTheNewOnes(t *testing.T) {
	got := labelChanges(map[string]string{
		corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64", "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "windows",
	})
	if diff := cmp.Diff(map[string]string{"beta.kubernetes.io/os": "linux"}, got); diff != "" {
		t.Error(diff)
	}
	if labelChanges(map[string]string{"beta.kubernetes.io/os": "linux"}) != nil {
		t.Error("without the new label nothing is set")
	}
}

// inProcess runs fn in a process of a fresh simulation and lets it go on for an hour.
func inProcess(t *testing.T, fn func(p *host.Process)) {
	s := sim.New(sim.Config{})
	defer s.Close()
	host.NewMachine(s, host.Config{Name: "m", Cores: 1}).Spawn("p", fn)
	if err := s.Run(sim.Time(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func TestNodesOfAZonePassOneInTenSeconds(t *testing.T) {
	var passed []time.Duration
	inProcess(t, func(p *host.Process) {
		q := newTaintQueue(p)
		for _, name := range []string{"a", "b", "c"} {
			q.add(name)
		}
		if q.add("a") {
			t.Error("a is queued already")
		}
		p.Go("taint", func(task *sim.Task) {
			for q.active() {
				q.try(func(string) (bool, time.Duration) {
					passed = append(passed, p.Monotonic().Sub(0))
					return true, 0
				})
				task.Sleep(taintPeriod)
			}
		})
	})
	if diff := cmp.Diff([]time.Duration{0, 10 * time.Second, 20 * time.Second}, passed); diff != "" {
		t.Error(diff)
	}
}

func TestAQueueForgetsOnlyWhatIsRemoved(t *testing.T) {
	inProcess(t, func(p *host.Process) {
		q := newTaintQueue(p)
		q.add("a")
		q.try(func(string) (bool, time.Duration) { return true, 0 })
		if q.active() || q.add("a") {
			t.Error("a node that was tainted is not queued again")
		}
		if !q.remove("a") || q.remove("a") || !q.add("a") {
			t.Error("a node that was ready meanwhile is")
		}
		q.setRate(0)
		if q.active() {
			t.Error("a zone without a rate lets nothing through")
		}
		q.setRate(evictionRateMilli)
		q.try(func(string) (bool, time.Duration) {
			t.Error("the bucket of a new rate is as empty as the old one")
			return true, 0
		})
	})
}
