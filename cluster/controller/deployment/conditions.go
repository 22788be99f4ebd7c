package deployment

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reasons of a Deployment's conditions (pkg/controller/deployment/util).
const (
	reasonReplicaSetUpdated    = "ReplicaSetUpdated"
	reasonReplicaSetFailed     = "ReplicaSetCreateError"
	reasonReplicaSetCreated    = "NewReplicaSetCreated"
	reasonReplicaSetFound      = "FoundNewReplicaSet"
	reasonReplicaSetAvailable  = "NewReplicaSetAvailable"
	reasonTimedOut             = "ProgressDeadlineExceeded"
	reasonPaused               = "DeploymentPaused"
	reasonResumed              = "DeploymentResumed"
	reasonMinimumAvailable     = "MinimumReplicasAvailable"
	reasonMinimumNotAvailable  = "MinimumReplicasUnavailable"
	messageMinimumAvailable    = "Deployment has minimum availability."
	messageMinimumNotAvailable = "Deployment does not have minimum availability."
)

func newCondition(t appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string, now metav1.Time) appsv1.DeploymentCondition {
	return appsv1.DeploymentCondition{
		Type: t, Status: status, Reason: reason, Message: message, LastUpdateTime: now, LastTransitionTime: now,
	}
}

// condition returns the condition of a type, or nil.
func condition(all []appsv1.DeploymentCondition, t appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range all {
		if all[i].Type == t {
			return &all[i]
		}
	}
	return nil
}

// setCondition returns the conditions with c in place of its type, moved to the end. One with the same status and reason
// stays as it is; one with the same status keeps its transition time.
func setCondition(all []appsv1.DeploymentCondition, c appsv1.DeploymentCondition) []appsv1.DeploymentCondition {
	if old := condition(all, c.Type); old != nil {
		if old.Status == c.Status && old.Reason == c.Reason {
			return all
		}
		if old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return append(removeCondition(all, c.Type), c)
}

// removeCondition returns a copy of the conditions without those of a type.
func removeCondition(all []appsv1.DeploymentCondition, t appsv1.DeploymentConditionType) []appsv1.DeploymentCondition {
	var kept []appsv1.DeploymentCondition
	for _, c := range all {
		if c.Type != t {
			kept = append(kept, c)
		}
	}
	return kept
}

// pauseCondition is the Progressing condition to write when the Deployment was paused or resumed since it was last told,
// so that the progress deadline does not run out over a pause. ok is false where nothing is to be said.
func pauseCondition(d *appsv1.Deployment, now metav1.Time) (c appsv1.DeploymentCondition, ok bool) {
	if !hasProgressDeadline(d) {
		return c, false
	}
	progressing := condition(d.Status.Conditions, appsv1.DeploymentProgressing)
	if progressing != nil && progressing.Reason == reasonTimedOut {
		return c, false // Lack of progress outweighs a pause.
	}
	saysPaused := progressing != nil && progressing.Reason == reasonPaused
	switch {
	case d.Spec.Paused && !saysPaused:
		return newCondition(appsv1.DeploymentProgressing, corev1.ConditionUnknown, reasonPaused, "Deployment is paused", now), true
	case !d.Spec.Paused && saysPaused:
		return newCondition(appsv1.DeploymentProgressing, corev1.ConditionUnknown, reasonResumed, "Deployment is resumed", now), true
	}
	return c, false
}
