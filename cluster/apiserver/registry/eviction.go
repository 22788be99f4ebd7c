package registry

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// maxDisruptedPods is how many evictions may wait for the disruption controller (registry/core/pod/storage/eviction.go:
// MaxDisruptedPodSize).
const maxDisruptedPods = 2000

// Evict decides on an eviction of the stored pod old. If a disruption budget covers the pod, the outcome carries the
// budget's new count in Before. The pod is first given a condition that says why it goes, and then deleted: two writes,
// of which the second is asked for in Then. Its answer is bare.
func Evict(ctx *Context, old api.Object, eviction *policyv1.Eviction) (Outcome, error) {
	pod := old.(*corev1.Pod)
	if eviction.Name != "" && eviction.Name != pod.Name {
		return Outcome{}, apierrors.NewBadRequest("name in URL does not match name in Eviction object")
	}
	before, err := disrupt(ctx, pod)
	if err != nil {
		return Outcome{}, err
	}
	out, err := For(api.Pods).Delete(ctx, old, eviction.DeleteOptions)
	if err != nil {
		return Outcome{}, err
	}
	out.Before, out.Bare = before, true
	if evicted := markEvicted(ctx, pod); evicted != nil && !ctx.DryRun {
		out.Action, out.Object, out.Then = Write, evicted, &metav1.DeleteOptions{}
		if eviction.DeleteOptions != nil {
			out.Then = eviction.DeleteOptions
		}
	}
	return out, nil
}

// markEvicted is the pod with the condition of an eviction, nil if it has it already.
func markEvicted(ctx *Context, pod *corev1.Pod) *corev1.Pod {
	mark := corev1.PodCondition{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: ctx.time(),
		Reason: "EvictionByEvictionAPI", Message: "Eviction API: evicting",
	}
	conditions := slices.Clone(pod.Status.Conditions)
	i := slices.IndexFunc(conditions, func(c corev1.PodCondition) bool { return c.Type == mark.Type })
	switch {
	case i < 0:
		conditions = append(conditions, mark)
	case conditions[i].Status == mark.Status && conditions[i].Reason == mark.Reason && conditions[i].Message == mark.Message:
		return nil
	default:
		if conditions[i].Status == mark.Status {
			mark.LastTransitionTime = conditions[i].LastTransitionTime
		}
		conditions[i] = mark
	}
	pod = api.Shallow(pod)
	pod.Status.Conditions = conditions
	return pod
}

// disrupt asks the pod's disruption budget, if there is one and it counts the pod.
func disrupt(ctx *Context, pod *corev1.Pod) ([]Conditional, error) {
	if ignoresBudgets(pod) {
		return nil, nil
	}
	budgets := budgetsOf(ctx, pod)
	switch {
	case len(budgets) == 0:
		return nil, nil
	case len(budgets) > 1:
		return nil, &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 500,
			Message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."}}
	}
	budget := budgets[0]
	if !api.IsPodReady(pod) && unreadyMayGo(budget) {
		return nil, nil
	}
	return takeFromBudget(ctx, budget, pod.Name)
}

// ignoresBudgets is true for pods whose eviction disrupts nothing.
func ignoresBudgets(pod *corev1.Pod) bool {
	return api.IsPodTerminal(pod) || pod.Status.Phase == corev1.PodPending || pod.DeletionTimestamp != nil
}

// unreadyMayGo says whether a pod that is not ready, and so counted as not healthy, may leave without being counted.
func unreadyMayGo(b *policyv1.PodDisruptionBudget) bool {
	if p := b.Spec.UnhealthyPodEvictionPolicy; p != nil && *p == policyv1.AlwaysAllow {
		return true
	}
	return b.Status.CurrentHealthy >= b.Status.DesiredHealthy && b.Status.DesiredHealthy > 0
}

func budgetsOf(ctx *Context, pod *corev1.Pod) []*policyv1.PodDisruptionBudget {
	var found []*policyv1.PodDisruptionBudget
	ctx.Lookup.Each(api.PodDisruptionBudgets, pod.Namespace, func(o api.Object) bool {
		b := o.(*policyv1.PodDisruptionBudget)
		sel := api.Selector(b.Spec.Selector)
		if !sel.Empty() && sel.Matches(labels.Set(pod.Labels)) {
			found = append(found, b)
		}
		return true
	})
	return found
}

// takeFromBudget counts one more disruption, or says why it may not happen.
func takeFromBudget(ctx *Context, b *policyv1.PodDisruptionBudget, pod string) ([]Conditional, error) {
	forbidden := func(text string) error {
		return apierrors.NewForbidden(policyv1.Resource("poddisruptionbudget"), b.Name, errors.New(text))
	}
	switch {
	case b.Status.ObservedGeneration < b.Generation:
		return nil, tooMany(10, fmt.Sprintf("The disruption budget %s is still being processed by the server.", b.Name))
	case b.Status.DisruptionsAllowed < 0:
		return nil, forbidden("pdb disruptions allowed is negative")
	case len(b.Status.DisruptedPods) > maxDisruptedPods:
		return nil, forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller")
	case b.Status.DisruptionsAllowed == 0:
		return nil, tooMany(0, fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently",
			b.Name, b.Status.DesiredHealthy, b.Status.CurrentHealthy))
	}
	if ctx.DryRun {
		return nil, nil
	}
	return []Conditional{{Resource: api.PodDisruptionBudgets, Old: b, New: disrupted(ctx, b, pod)}}, nil
}

func disrupted(ctx *Context, b *policyv1.PodDisruptionBudget, pod string) *policyv1.PodDisruptionBudget {
	b = b.DeepCopy()
	b.Status.DisruptionsAllowed--
	if b.Status.DisruptedPods == nil {
		b.Status.DisruptedPods = make(map[string]metav1.Time)
	}
	b.Status.DisruptedPods[pod] = ctx.time()
	if b.Status.DisruptionsAllowed == 0 {
		meta.SetStatusCondition(&b.Status.Conditions, metav1.Condition{
			Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionFalse, ObservedGeneration: b.Status.ObservedGeneration,
			Reason: policyv1.InsufficientPodsReason, LastTransitionTime: ctx.time(),
		})
	}
	return b
}

func tooMany(retryAfterSeconds int, cause string) error {
	err := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds)
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes,
		metav1.StatusCause{Type: policyv1.DisruptionBudgetCause, Message: cause})
	return err
}
