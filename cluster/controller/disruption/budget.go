package disruption

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	pdbhelper "k8s.io/component-helpers/apps/poddisruptionbudget"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// deletionTimeout is how long an evicted pod may take to be deleted before it counts as healthy again (DeletionTimeout).
const deletionTimeout = 2 * time.Minute

// needsScale reports whether the budget is measured against the scale of the pods' controllers and not against the pods.
func needsScale(b *policyv1.PodDisruptionBudget) bool {
	return b.Spec.MaxUnavailable != nil || b.Spec.MinAvailable != nil && b.Spec.MinAvailable.Type == intstr.String
}

// desired computes how many of the expected pods have to be healthy.
func desired(b *policyv1.PodDisruptionBudget, expected int32) (int32, error) {
	switch {
	case b.Spec.MaxUnavailable != nil:
		n, err := intstr.GetScaledValueFromIntOrPercent(b.Spec.MaxUnavailable, int(expected), true)
		return max(0, expected-int32(n)), err
	case b.Spec.MinAvailable == nil:
		return 0, nil
	case b.Spec.MinAvailable.Type == intstr.Int:
		return b.Spec.MinAvailable.IntVal, nil
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(b.Spec.MinAvailable, int(expected), true)
	return int32(n), err
}

// stillDisrupted returns those of the pods marked by evictions that may yet be deleted, when the first of them is due
// (zero: none), and those that are overdue.
func stillDisrupted(b *policyv1.PodDisruptionBudget, pods []*corev1.Pod, now time.Time) (marked map[string]metav1.Time, recheck time.Time, overdue []*corev1.Pod) {
	marked = make(map[string]metav1.Time)
	if b.Status.DisruptedPods == nil {
		return marked, recheck, nil
	}
	for _, pod := range pods {
		since, found := b.Status.DisruptedPods[pod.Name]
		if !found || pod.DeletionTimestamp != nil {
			continue
		}
		due := since.Add(deletionTimeout)
		if due.Before(now) {
			overdue = append(overdue, pod)
			continue
		}
		if recheck.IsZero() || due.Before(recheck) {
			recheck = due
		}
		marked[pod.Name] = since
	}
	return marked, recheck, overdue
}

// healthy counts the pods that are ready and neither going nor marked.
func healthy(pods []*corev1.Pod, marked map[string]metav1.Time, now time.Time) int32 {
	var n int32
	for _, pod := range pods {
		if since, found := marked[pod.Name]; found && since.Add(deletionTimeout).After(now) {
			continue
		}
		if pod.DeletionTimestamp == nil && api.IsPodReady(pod) {
			n++
		}
	}
	return n
}

// withStatus returns the budget with its status brought up to date, and whether that changed anything.
func withStatus(b *policyv1.PodDisruptionBudget, current, desired, expected int32, marked map[string]metav1.Time, now metav1.Time) (*policyv1.PodDisruptionBudget, bool) {
	allowed := max(0, current-desired)
	if expected <= 0 {
		allowed = 0
	}
	old := &b.Status
	if old.CurrentHealthy == current && old.DesiredHealthy == desired && old.ExpectedPods == expected &&
		old.DisruptionsAllowed == allowed && equality.Semantic.DeepEqual(old.DisruptedPods, marked) &&
		old.ObservedGeneration == b.Generation && pdbhelper.ConditionsAreUpToDate(b) {
		return b, false
	}
	next := api.Shallow(b)
	next.Status = policyv1.PodDisruptionBudgetStatus{
		CurrentHealthy: current, DesiredHealthy: desired, ExpectedPods: expected, DisruptionsAllowed: allowed,
		DisruptedPods: marked, ObservedGeneration: b.Generation,
	}
	c := metav1.Condition{
		Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionFalse, Reason: policyv1.InsufficientPodsReason,
		ObservedGeneration: b.Generation, LastTransitionTime: now,
	}
	if allowed > 0 {
		c.Status, c.Reason = metav1.ConditionTrue, policyv1.SufficientPodsReason
	}
	next.Status.Conditions = withCondition(old.Conditions, c)
	return next, true
}

// withCondition returns the conditions with c set; an unchanged status keeps its time.
func withCondition(all []metav1.Condition, c metav1.Condition) []metav1.Condition {
	for i := range all {
		if all[i].Type != c.Type {
			continue
		}
		if all[i].Status == c.Status {
			c.LastTransitionTime = all[i].LastTransitionTime
		}
		return api.Replace(all, i, c)
	}
	return api.Append(all, c)
}

// failedStatus allows nothing while the status cannot be computed.
func failedStatus(b *policyv1.PodDisruptionBudget, failure error, now metav1.Time) *policyv1.PodDisruptionBudget {
	next := api.Shallow(b)
	next.Status.DisruptionsAllowed = 0
	next.Status.Conditions = withCondition(b.Status.Conditions, metav1.Condition{
		Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionFalse, Reason: policyv1.SyncFailedReason,
		Message: failure.Error(), ObservedGeneration: b.Status.ObservedGeneration, LastTransitionTime: now,
	})
	return next
}
