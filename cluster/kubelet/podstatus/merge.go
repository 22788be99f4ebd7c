package podstatus

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Merge returns what the status manager sends: next, with the conditions of others as they are in old. While a
// container may still run the phase does not become terminal; with a terminal phase nothing is ready.
func Merge(pod *corev1.Pod, old, next *corev1.PodStatus, mayRun bool, now metav1.Time) corev1.PodStatus {
	out := *next
	turnsTerminal := !terminal(old.Phase) && terminal(next.Phase)
	out.Conditions = mergeConditions(old, next, turnsTerminal && !mayRun, now)
	out.ResourceClaimStatuses = old.ResourceClaimStatuses
	out.ExtendedResourceClaimStatus = old.ExtendedResourceClaimStatus
	out.NodeAllocatableResourceClaimStatuses = old.NodeAllocatableResourceClaimStatuses
	if turnsTerminal && mayRun {
		out.Phase, out.Reason, out.Message = old.Phase, old.Reason, old.Message
	}
	if terminal(out.Phase) {
		unready(pod, &out, now)
	}
	return out
}

func mergeConditions(old, next *corev1.PodStatus, disrupted bool, now metav1.Time) []corev1.PodCondition {
	out := make([]corev1.PodCondition, 0, max(len(old.Conditions), len(next.Conditions))) // Mostly both are of one set of types.
	for _, c := range old.Conditions {
		if !Owned(c.Type) {
			out = append(out, c)
		}
	}
	for _, c := range next.Conditions {
		if Owned(c.Type) {
			out = append(out, c)
		} else if c.Type == corev1.DisruptionTarget && disrupted {
			if was := Condition(old.Conditions, c.Type); was == nil || was.Status != c.Status {
				c.LastTransitionTime = now
			}
			out = SetCondition(out, c)
		}
	}
	return out
}

// unready makes Ready and ContainersReady false with the reason of a terminal phase, if either is still true.
func unready(pod *corev1.Pod, s *corev1.PodStatus, now metav1.Time) {
	isTrue := func(t corev1.PodConditionType) bool {
		c := Condition(s.Conditions, t)
		return c != nil && c.Status == corev1.ConditionTrue
	}
	if !isTrue(corev1.PodReady) && !isTrue(corev1.ContainersReady) {
		return
	}
	reason := reasonPodCompleted
	if s.Phase == corev1.PodFailed {
		reason = reasonPodFailed
	}
	for _, t := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		c := condition(pod, t, corev1.ConditionFalse, reason, "")
		c.LastTransitionTime = now
		if was := Condition(s.Conditions, t); was != nil && was.Status == c.Status {
			c.LastTransitionTime = was.LastTransitionTime
		}
		s.Conditions = SetCondition(s.Conditions, c)
	}
}

// Finish returns the status of a pod that has ended: every container that once ran is terminated, and the phase is
// terminal (except for static pods, which the kubelet may start again).
func Finish(pod *corev1.Pod, s *corev1.PodStatus) corev1.PodStatus {
	out := *s
	if initialized(pod) {
		out.ContainerStatuses = ended(out.ContainerStatuses)
	}
	last := 0 // the first init container counts even where none ever started
	for i := range out.InitContainerStatuses {
		if c := &out.InitContainerStatuses[i]; c.State.Waiting == nil || c.LastTerminationState.Terminated != nil {
			last = i
		}
	}
	if n := len(out.InitContainerStatuses); n > 0 {
		all := append([]corev1.ContainerStatus(nil), ended(out.InitContainerStatuses[:last+1])...)
		out.InitContainerStatuses = append(all, out.InitContainerStatuses[last+1:]...)
	}
	if !IsStatic(pod) && !terminal(out.Phase) {
		out.Phase = corev1.PodFailed
	}
	return out
}

func ended(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	out := append([]corev1.ContainerStatus(nil), statuses...)
	for i := range out {
		if out[i].State.Terminated == nil {
			out[i].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				Reason: reasonStatusUnknown, Message: messageLostAtEnd, ExitCode: exitCodeLost,
			}}
		}
	}
	return out
}

// initialized reports whether there is a sign in the API's status that a main container was ever started.
func initialized(pod *corev1.Pod) bool {
	if len(pod.Spec.InitContainers) == 0 {
		return true
	}
	for i := range pod.Status.ContainerStatuses {
		if s := &pod.Status.ContainerStatuses[i]; s.LastTerminationState.Terminated != nil || s.State.Waiting == nil {
			return true
		}
	}
	n := len(pod.Status.InitContainerStatuses)
	if n == 0 {
		return false
	}
	s, spec := &pod.Status.InitContainerStatuses[n-1], &pod.Spec.InitContainers[len(pod.Spec.InitContainers)-1]
	if IsSidecar(spec) {
		return s.State.Running != nil && s.Started != nil && *s.Started
	}
	for _, state := range []corev1.ContainerState{s.LastTerminationState, s.State} {
		if state.Terminated != nil && state.Terminated.ExitCode == 0 {
			return true
		}
	}
	return false
}
