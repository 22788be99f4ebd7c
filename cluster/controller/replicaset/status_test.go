package replicaset

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func replicaSet(size int32) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "demo", UID: "rs", Generation: 3},
		Spec: appsv1.ReplicaSetSpec{Replicas: &size, MinReadySeconds: 30, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		}},
	}
}

func TestCounts(t *testing.T) {
	labelled := func(p *corev1.Pod) { p.Labels = map[string]string{"app": "web", "x": "y"} }
	active := []*corev1.Pod{
		change(pod("ready for long", "n", time.Hour), labelled),
		change(pod("just ready", "n", 29*time.Second), labelled),
		change(pod("available now", "n", 30*time.Second), labelled),
		change(pod("not ready", "n", time.Hour), func(p *corev1.Pod) { p.Status.Conditions = nil }),
	}
	got := count(replicaSet(5), active, []*corev1.Pod{pod("going", "n", 0)}, now)
	if want := (counts{active: 4, labelled: 3, ready: 3, available: 2, terminating: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFailuresComeAndGo(t *testing.T) {
	rs := replicaSet(5)
	quota := errors.New(`pods "web-" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3`)
	s := newStatus(rs, counts{active: 3}, quota, ago(0))
	want := []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: quota.Error(), LastTransitionTime: ago(0),
	}}
	if diff := cmp.Diff(want, s.Conditions); diff != "" {
		t.Error(diff)
	}
	rs.Status = s
	if again := newStatus(rs, counts{active: 4}, errors.New("another"), ago(-time.Hour)); cmp.Diff(want, again.Conditions) != "" {
		t.Error("the first failure stays until there is none")
	}
	if s := newStatus(rs, counts{active: 5}, nil, ago(0)); s.Conditions != nil {
		t.Errorf("got %v", s.Conditions)
	}
	if got := failureReason(6, 5); got != "FailedDelete" {
		t.Errorf("got %s", got)
	}
}

func TestAStatusIsWrittenOnlyWhereItDiffers(t *testing.T) {
	rs := replicaSet(5)
	s := newStatus(rs, counts{active: 5, ready: 5}, nil, ago(0))
	if isCurrent(rs, &s) {
		t.Error("counts differ")
	}
	rs.Status = s
	if isCurrent(rs, &s) {
		t.Error("the generation was not seen")
	}
	rs.Status.ObservedGeneration = 3
	if !isCurrent(rs, &s) {
		t.Error("nothing differs")
	}
	rs.Status.TerminatingReplicas = api.Ptr(int32(1))
	if isCurrent(rs, &s) {
		t.Error("terminating pods differ")
	}
}
