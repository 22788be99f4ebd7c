package disruption

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/api"
)

var now = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

func budget(minAvailable, maxUnavailable string) *policyv1.PodDisruptionBudget {
	b := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "pdb", Namespace: "demo", Generation: 2}}
	if minAvailable != "" {
		b.Spec.MinAvailable = api.Ptr(intstr.Parse(minAvailable))
	}
	if maxUnavailable != "" {
		b.Spec.MaxUnavailable = api.Ptr(intstr.Parse(maxUnavailable))
	}
	return b
}

func pod(name string, ready bool) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}},
	}}
}

func TestHowManyMustBeHealthy(t *testing.T) {
	for _, c := range []struct {
		minAvailable, maxUnavailable string
		expected, want               int32
		scale                        bool
	}{
		{"2", "", 3, 2, false},
		{"50%", "", 3, 2, true}, // rounded up
		{"", "1", 3, 2, true},
		{"", "25%", 10, 7, true}, // 2.5 are rounded up to 3
		{"", "5", 3, 0, true},
		{"", "", 3, 0, false},
	} {
		b := budget(c.minAvailable, c.maxUnavailable)
		if got, err := desired(b, c.expected); err != nil || got != c.want || needsScale(b) != c.scale {
			t.Errorf("min %q, max %q of %d: got %d, scale %v, %v", c.minAvailable, c.maxUnavailable, c.expected, got, needsScale(b), err)
		}
	}
}

func TestEvictedPodsCountAsGoneForTwoMinutes(t *testing.T) {
	b := budget("1", "")
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }
	b.Status.DisruptedPods = map[string]metav1.Time{"evicted": at(time.Minute), "survivor": at(3 * time.Minute), "gone": at(time.Second)}
	going := pod("going", true)
	going.DeletionTimestamp = &metav1.Time{Time: now}
	pods := []*corev1.Pod{pod("evicted", true), pod("survivor", true), pod("broken", false), going}
	marked, due, overdue := stillDisrupted(b, pods, now)
	if diff := cmp.Diff(map[string]metav1.Time{"evicted": at(time.Minute)}, marked); diff != "" {
		t.Error(diff)
	}
	if !due.Equal(now.Add(time.Minute)) || len(overdue) != 1 || overdue[0].Name != "survivor" {
		t.Errorf("due %v, overdue %d", due, len(overdue))
	}
	if got := healthy(pods, marked, now); got != 1 {
		t.Errorf("%d are healthy, only the survivor is", got)
	}
}

func TestTheStatusAndItsCondition(t *testing.T) {
	stamp := metav1.NewTime(now)
	b, changed := withStatus(budget("2", ""), 3, 2, 3, map[string]metav1.Time{}, stamp)
	want := policyv1.PodDisruptionBudgetStatus{
		CurrentHealthy: 3, DesiredHealthy: 2, ExpectedPods: 3, DisruptionsAllowed: 1, ObservedGeneration: 2, DisruptedPods: map[string]metav1.Time{},
		Conditions: []metav1.Condition{{Type: "DisruptionAllowed", Status: metav1.ConditionTrue, Reason: "SufficientPods", ObservedGeneration: 2, LastTransitionTime: stamp}},
	}
	if diff := cmp.Diff(want, b.Status); diff != "" || !changed {
		t.Error(diff)
	}
	if _, changed := withStatus(b, 3, 2, 3, nil, metav1.NewTime(now.Add(time.Hour))); changed {
		t.Error("nothing differs")
	}
	b, _ = withStatus(b, 2, 2, 3, nil, metav1.NewTime(now.Add(time.Hour)))
	if c := b.Status.Conditions[0]; b.Status.DisruptionsAllowed != 0 || c.Reason != "InsufficientPods" || c.Status != metav1.ConditionFalse {
		t.Errorf("got %+v", c)
	}
	if b, _ := withStatus(budget("0", ""), 3, 0, 0, nil, stamp); b.Status.DisruptionsAllowed != 0 {
		t.Error("where no pod is expected none may go")
	}
	failed := failedStatus(b, errors.New("found no controllers for pod \"x\""), stamp)
	if c := failed.Status.Conditions[0]; c.Reason != "SyncFailed" || c.Message != `found no controllers for pod "x"` {
		t.Errorf("got %+v", c)
	}
}
