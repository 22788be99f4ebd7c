package deployment

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// currentStatus computes counts and availability from the ReplicaSets; newRS may be nil.
func currentStatus(d *appsv1.Deployment, newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet, now metav1.Time) appsv1.DeploymentStatus {
	all := together(oldRSs, newRS)
	available := total(all, availableReplicas)
	status := appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation,
		Replicas:           total(all, actualReplicas),
		ReadyReplicas:      total(all, readyReplicas),
		AvailableReplicas:  available,
		// While pods go there may be more available than wanted.
		UnavailableReplicas: max(0, total(all, specReplicas)-available),
		TerminatingReplicas: terminatingReplicas(all),
		CollisionCount:      d.Status.CollisionCount,
	}
	if newRS != nil {
		status.UpdatedReplicas = newRS.Status.Replicas
	}
	c := newCondition(appsv1.DeploymentAvailable, corev1.ConditionFalse, reasonMinimumNotAvailable, messageMinimumNotAvailable, now)
	if available >= replicas(d)-maxUnavailable(d) {
		c = newCondition(appsv1.DeploymentAvailable, corev1.ConditionTrue, reasonMinimumAvailable, messageMinimumAvailable, now)
	}
	status.Conditions = setCondition(d.Status.Conditions, c)
	return status
}

// isComplete: all desired pods are of the new template and available, and no other is left.
func isComplete(d *appsv1.Deployment, s *appsv1.DeploymentStatus) bool {
	return s.UpdatedReplicas == replicas(d) && s.Replicas == replicas(d) && s.AvailableReplicas == replicas(d) &&
		s.ObservedGeneration >= d.Generation
}

// hasProgressed: since the old status new pods came, old ones went, or more became ready or available.
func hasProgressed(old, s *appsv1.DeploymentStatus) bool {
	return s.UpdatedReplicas > old.UpdatedReplicas ||
		s.Replicas-s.UpdatedReplicas < old.Replicas-old.UpdatedReplicas ||
		s.ReadyReplicas > old.ReadyReplicas ||
		s.AvailableReplicas > old.AvailableReplicas
}

// hasTimedOut: no progress was noted for longer than the deadline.
func hasTimedOut(d *appsv1.Deployment, s *appsv1.DeploymentStatus, now time.Time) bool {
	c := condition(s.Conditions, appsv1.DeploymentProgressing)
	if c == nil || c.Reason == reasonReplicaSetAvailable {
		return false // No base to count from, or the last rollout ended well.
	}
	if c.Reason == reasonTimedOut {
		return true
	}
	return c.LastUpdateTime.Add(deadline(d)).Before(now)
}

func deadline(d *appsv1.Deployment) time.Duration {
	return time.Duration(*d.Spec.ProgressDeadlineSeconds) * time.Second
}

// rolloutStatus is the status during a rollout: currentStatus, with how the rollout progresses and what fails. clock is
// the wall time, now the same as objects carry it.
func rolloutStatus(d *appsv1.Deployment, newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet, clock time.Time, now metav1.Time) appsv1.DeploymentStatus {
	status := currentStatus(d, newRS, oldRSs, now)
	if hasProgressDeadline(d) {
		estimateProgress(d, newRS, &status, clock, now)
	} else {
		status.Conditions = removeCondition(status.Conditions, appsv1.DeploymentProgressing)
	}
	if failure, ok := replicaFailure(newRS, oldRSs); ok {
		status.Conditions = setCondition(status.Conditions, failure)
	} else {
		status.Conditions = removeCondition(status.Conditions, appsv1.DeploymentReplicaFailure)
	}
	return status
}

// estimateProgress sets the Progressing condition, unless the last rollout is complete and nothing else runs.
func estimateProgress(d *appsv1.Deployment, newRS *appsv1.ReplicaSet, status *appsv1.DeploymentStatus, clock time.Time, now metav1.Time) {
	current := condition(d.Status.Conditions, appsv1.DeploymentProgressing)
	if status.Replicas == status.UpdatedReplicas && current != nil && current.Reason == reasonReplicaSetAvailable {
		return
	}
	subject := fmt.Sprintf("Deployment %q", d.Name)
	if newRS != nil {
		subject = fmt.Sprintf("ReplicaSet %q", newRS.Name)
	}
	progressing := func(s corev1.ConditionStatus, reason, what string) appsv1.DeploymentCondition {
		return newCondition(appsv1.DeploymentProgressing, s, reason, subject+what, now)
	}
	switch {
	case isComplete(d, status):
		c := progressing(corev1.ConditionTrue, reasonReplicaSetAvailable, " has successfully progressed.")
		status.Conditions = setCondition(status.Conditions, c)
	case hasProgressed(&d.Status, status):
		c := progressing(corev1.ConditionTrue, reasonReplicaSetUpdated, " is progressing.")
		if current != nil && current.Status == corev1.ConditionTrue {
			c.LastTransitionTime = current.LastTransitionTime
		}
		// Written also where status and reason stay, so that the update time moves with every progress.
		status.Conditions = append(removeCondition(status.Conditions, appsv1.DeploymentProgressing), c)
	case hasTimedOut(d, status, clock):
		c := progressing(corev1.ConditionFalse, reasonTimedOut, " has timed out progressing.")
		status.Conditions = setCondition(status.Conditions, c)
	}
}

// replicaFailure is the failure that a ReplicaSet reports, the new one's first.
func replicaFailure(newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) (appsv1.DeploymentCondition, bool) {
	ordered := oldRSs
	if newRS != nil {
		ordered = append([]*appsv1.ReplicaSet{newRS}, oldRSs...)
	}
	for _, rs := range ordered {
		for _, c := range rs.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure {
				return appsv1.DeploymentCondition{
					Type: appsv1.DeploymentConditionType(c.Type), Status: c.Status, Reason: c.Reason, Message: c.Message,
					LastTransitionTime: c.LastTransitionTime, LastUpdateTime: c.LastTransitionTime,
				}, true
			}
		}
	}
	return appsv1.DeploymentCondition{}, false
}

// untilProgressCheck is when a rollout that shows no progress has to be looked at again; ok is false where there is
// nothing to wait for.
func untilProgressCheck(d *appsv1.Deployment, status *appsv1.DeploymentStatus, clock time.Time) (after time.Duration, ok bool) {
	current := condition(d.Status.Conditions, appsv1.DeploymentProgressing)
	if !hasProgressDeadline(d) || current == nil || isComplete(d, status) || current.Reason == reasonTimedOut {
		return 0, false
	}
	return current.LastUpdateTime.Add(deadline(d)).Sub(clock), true
}
