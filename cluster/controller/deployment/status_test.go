package deployment

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func describe(c *appsv1.DeploymentCondition) string {
	if c == nil {
		return ""
	}
	return string(c.Type) + "=" + string(c.Status) + " | " + c.Reason + " | " + c.Message
}

func progressing(d *appsv1.Deployment, newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet, seconds int) (appsv1.DeploymentStatus, string) {
	s := rolloutStatus(d, newRS, oldRSs, epoch.Add(time.Duration(seconds)*time.Second), at(seconds))
	return s, describe(condition(s.Conditions, appsv1.DeploymentProgressing))
}

func TestConditionsThroughARollout(t *testing.T) {
	d := deploy(2, "1", "0", "a")
	rs := set(d, "a", 1, 2, 0)
	d.Status.Conditions = []appsv1.DeploymentCondition{
		newCondition(appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonReplicaSetCreated, `Created new replica set "`+rs.Name+`"`, at(0)),
	}
	first, got := progressing(d, rs, nil, 1)
	if want := `Progressing=True | ReplicaSetUpdated | ReplicaSet "` + rs.Name + `" is progressing.`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := describe(condition(first.Conditions, appsv1.DeploymentAvailable)),
		"Available=False | MinimumReplicasUnavailable | Deployment does not have minimum availability."; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if c := condition(first.Conditions, appsv1.DeploymentProgressing); !c.LastTransitionTime.Equal(ptrTime(0)) || !c.LastUpdateTime.Equal(ptrTime(1)) {
		t.Errorf("progress moves the update time only: %v, %v", c.LastTransitionTime, c.LastUpdateTime)
	}
	d.Status = first
	done := set(d, "a", 1, 2, 2)
	second, got := progressing(d, done, nil, 2)
	if want := `Progressing=True | NewReplicaSetAvailable | ReplicaSet "` + rs.Name + `" has successfully progressed.`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := describe(condition(second.Conditions, appsv1.DeploymentAvailable)),
		"Available=True | MinimumReplicasAvailable | Deployment has minimum availability."; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	d.Status = second
	if third, _ := progressing(d, done, nil, 3); cmp.Diff(second, third) != "" {
		t.Error("a complete rollout's status changes no more")
	}
}

func ptrTime(seconds int) *metav1.Time { t := at(seconds); return &t }

func TestARolloutThatDoesNotMoveTimesOut(t *testing.T) {
	d := deploy(2, "1", "0", "a")
	rs := set(d, "a", 1, 2, 0)
	d.Status, _ = progressing(d, rs, nil, 1)
	if _, got := progressing(d, rs, nil, 601); got != describe(condition(d.Status.Conditions, appsv1.DeploymentProgressing)) {
		t.Errorf("the deadline is not over yet: %s", got)
	}
	if after, ok := untilProgressCheck(d, &d.Status, epoch.Add(100*time.Second)); !ok || after != 501*time.Second {
		t.Errorf("checked again after %v, %v", after, ok)
	}
	late, got := progressing(d, rs, nil, 602)
	if want := `Progressing=False | ProgressDeadlineExceeded | ReplicaSet "` + rs.Name + `" has timed out progressing.`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	d.Status = late
	if _, ok := untilProgressCheck(d, &late, epoch.Add(700*time.Second)); ok {
		t.Error("what has timed out is not checked again")
	}
}

func TestPauseAndResumeAreNoted(t *testing.T) {
	d := deploy(1, "1", "0", "a")
	d.Spec.Paused = true
	c, ok := pauseCondition(d, at(1))
	if got := describe(&c); !ok || got != "Progressing=Unknown | DeploymentPaused | Deployment is paused" {
		t.Errorf("got %s", got)
	}
	d.Status.Conditions = setCondition(nil, c)
	if _, ok := pauseCondition(d, at(2)); ok {
		t.Error("noted once is enough")
	}
	d.Spec.Paused = false
	c, ok = pauseCondition(d, at(3))
	if got := describe(&c); !ok || got != "Progressing=Unknown | DeploymentResumed | Deployment is resumed" {
		t.Errorf("got %s", got)
	}
	d.Status.Conditions = []appsv1.DeploymentCondition{newCondition(appsv1.DeploymentProgressing, corev1.ConditionFalse, reasonTimedOut, "", at(0))}
	if _, ok := pauseCondition(d, at(4)); ok {
		t.Error("a time-out is not overwritten")
	}
}

func TestCountsInTheStatus(t *testing.T) {
	d := deploy(10, "3", "2", "new")
	d.Generation = 7
	newRS, oldRS := set(d, "new", 2, 5, 2), set(d, "old", 1, 8, 8)
	newRS.Status.Replicas = 4
	oldRS.Status.TerminatingReplicas = ptr32(3)
	s := currentStatus(d, newRS, []*appsv1.ReplicaSet{oldRS}, at(1))
	s.Conditions = nil
	want := appsv1.DeploymentStatus{
		ObservedGeneration: 7, Replicas: 12, UpdatedReplicas: 4, ReadyReplicas: 10, AvailableReplicas: 10, UnavailableReplicas: 3,
		TerminatingReplicas: ptr32(3),
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	oldRS.Status.TerminatingReplicas = nil
	if s := currentStatus(d, newRS, []*appsv1.ReplicaSet{oldRS}, at(1)); s.TerminatingReplicas != nil {
		t.Error("a ReplicaSet that does not report them makes the sum unknown")
	}
}

func TestFailuresOfReplicaSetsAreShown(t *testing.T) {
	d := deploy(1, "1", "0", "new")
	newRS, oldRS := set(d, "new", 2, 1, 0), set(d, "old", 1, 1, 1)
	oldRS.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "old"}}
	s := rolloutStatus(d, newRS, []*appsv1.ReplicaSet{oldRS}, epoch, at(0))
	if got := describe(condition(s.Conditions, appsv1.DeploymentReplicaFailure)); got != "ReplicaFailure=True | FailedCreate | old" {
		t.Errorf("got %s", got)
	}
	newRS.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "new"}}
	s = rolloutStatus(d, newRS, []*appsv1.ReplicaSet{oldRS}, epoch, at(0))
	if got := describe(condition(s.Conditions, appsv1.DeploymentReplicaFailure)); got != "ReplicaFailure=True | FailedCreate | new" {
		t.Errorf("got %s", got)
	}
}
