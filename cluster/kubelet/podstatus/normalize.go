package podstatus

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// transitions are the condition types whose transition time the status manager keeps.
var transitions = []corev1.PodConditionType{
	corev1.ContainersReady, corev1.PodReady, corev1.PodInitialized, corev1.PodReadyToStartContainers,
	corev1.PodScheduled, corev1.DisruptionTarget,
}

// Settle makes next follow old: transition times and the start time stay where nothing changed, the observed
// generation never goes back. The conditions of next must be the caller's own.
func Settle(next, old *corev1.PodStatus, now metav1.Time) {
	for _, t := range transitions {
		c := Condition(next.Conditions, t)
		if c == nil {
			continue
		}
		c.LastTransitionTime = now
		if was := Condition(old.Conditions, t); was != nil && was.Status == c.Status {
			c.LastTransitionTime = was.LastTransitionTime
		}
	}
	if old.StartTime != nil && !old.StartTime.IsZero() {
		next.StartTime = old.StartTime
	} else if next.StartTime == nil || next.StartTime.IsZero() {
		next.StartTime = &now
	}
	if old.ObservedGeneration > next.ObservedGeneration {
		next.ObservedGeneration = old.ObservedGeneration
	}
}

// Equal reports whether two statuses agree in all that the kubelet writes.
func Equal(a, b *corev1.PodStatus) bool {
	if a.Phase != b.Phase || a.PodIP != b.PodIP || !sameStates(a.ContainerStatuses, b.ContainerStatuses) || !sameConditions(a.Conditions, b.Conditions) {
		return false
	}
	x, y := *a, *b
	x.Conditions = y.Conditions
	x.ResourceClaimStatuses = y.ResourceClaimStatuses
	x.ExtendedResourceClaimStatus = y.ExtendedResourceClaimStatus
	x.NodeAllocatableResourceClaimStatuses = y.NodeAllocatableResourceClaimStatuses
	return equality.Semantic.DeepEqual(&x, &y)
}

// sameStates compares what of containers changes most, before everything is compared.
func sameStates(a, b []corev1.ContainerStatus) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &a[i], &b[i]
		if x.Ready != y.Ready || x.RestartCount != y.RestartCount || (x.State.Running == nil) != (y.State.Running == nil) ||
			(x.State.Waiting == nil) != (y.State.Waiting == nil) || (x.State.Terminated == nil) != (y.State.Terminated == nil) {
			return false
		}
	}
	return true
}

func sameConditions(a, b []corev1.PodCondition) bool {
	ours := func(c *corev1.PodCondition) bool { return Owned(c.Type) || c.Type == corev1.DisruptionTarget }
	count := 0
	for i := range a {
		if ours(&a[i]) {
			count++
		}
	}
	for i := range b {
		if !ours(&b[i]) {
			continue
		}
		was := Condition(a, b[i].Type)
		if was == nil || was.Status != b[i].Status || was.Message != b[i].Message || was.Reason != b[i].Reason {
			return false
		}
		count--
	}
	return count == 0
}

// TransitionAllowed reports whether no container that ended for good is said to run again.
func TransitionAllowed(spec *corev1.PodSpec, old, next *corev1.PodStatus) bool {
	if spec.RestartPolicy == corev1.RestartPolicyAlways {
		return true
	}
	check := func(specs []corev1.Container, before, after []corev1.ContainerStatus) bool {
		for i := range specs {
			c := &specs[i]
			was, is := find(before, c.Name), find(after, c.Name)
			if was == nil || is == nil || was.State.Terminated == nil || is.State.Terminated != nil {
				continue
			}
			if !IsSidecar(c) && !RestartsAfter(c, spec, was.State.Terminated.ExitCode) {
				return false
			}
		}
		return true
	}
	return check(spec.Containers, old.ContainerStatuses, next.ContainerStatuses) &&
		check(spec.InitContainers, old.InitContainerStatuses, next.InitContainerStatuses)
}
