package replicaset

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// counts are what a status says about pods.
type counts struct {
	active, labelled, ready, available, terminating int32
}

// count counts pods by list: active ones and those that are going.
func count(rs *appsv1.ReplicaSet, active, terminating []*corev1.Pod, now time.Time) counts {
	n := counts{active: int32(len(active)), terminating: int32(len(terminating))}
	for _, p := range active {
		if api.MatchesSet(rs.Spec.Template.Labels, p.Labels) {
			n.labelled++
		}
		if api.IsPodReady(p) {
			n.ready++
			if api.IsPodAvailable(p, rs.Spec.MinReadySeconds, now) {
				n.available++
			}
		}
	}
	return n
}

// newStatus is the status after a sync that found the counted pods and, creating or deleting, met failure (nil if none).
// observedGeneration is set when the status is written.
func newStatus(rs *appsv1.ReplicaSet, n counts, failure error, now metav1.Time) appsv1.ReplicaSetStatus {
	s := rs.Status
	old := failureCondition(s.Conditions)
	switch {
	case failure != nil && old < 0:
		s.Conditions = api.Append(s.Conditions, appsv1.ReplicaSetCondition{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue,
			Reason: failureReason(n.active, *rs.Spec.Replicas), Message: failure.Error(), LastTransitionTime: now,
		})
	case failure == nil && old >= 0:
		s.Conditions = withoutFailure(s.Conditions)
	}
	s.Replicas, s.FullyLabeledReplicas = n.active, n.labelled
	s.ReadyReplicas, s.AvailableReplicas = n.ready, n.available
	s.TerminatingReplicas = &n.terminating
	return s
}

func failureReason(active, wanted int32) string {
	switch {
	case active < wanted:
		return "FailedCreate"
	case active > wanted:
		return "FailedDelete"
	}
	return ""
}

func failureCondition(all []appsv1.ReplicaSetCondition) int {
	for i := range all {
		if all[i].Type == appsv1.ReplicaSetReplicaFailure {
			return i
		}
	}
	return -1
}

// withoutFailure removes the failure condition; no conditions are nil, as after decoding.
func withoutFailure(all []appsv1.ReplicaSetCondition) []appsv1.ReplicaSetCondition {
	var kept []appsv1.ReplicaSetCondition
	for _, c := range all {
		if c.Type != appsv1.ReplicaSetReplicaFailure {
			kept = append(kept, c)
		}
	}
	return kept
}

// isCurrent reports whether rs has the status already and has been seen in this generation.
func isCurrent(rs *appsv1.ReplicaSet, s *appsv1.ReplicaSetStatus) bool {
	old := &rs.Status
	return old.Replicas == s.Replicas && old.FullyLabeledReplicas == s.FullyLabeledReplicas &&
		old.ReadyReplicas == s.ReadyReplicas && old.AvailableReplicas == s.AvailableReplicas &&
		old.TerminatingReplicas != nil && *old.TerminatingReplicas == *s.TerminatingReplicas &&
		rs.Generation == old.ObservedGeneration && equality.Semantic.DeepEqual(old.Conditions, s.Conditions)
}
