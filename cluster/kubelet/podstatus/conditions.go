package podstatus

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// Reasons of the conditions.
const (
	reasonUnknownStatuses     = "UnknownContainerStatuses"
	reasonPodCompleted        = "PodCompleted"
	reasonPodFailed           = "PodFailed"
	reasonNotReady            = "ContainersNotReady"
	reasonNotInitialized      = "ContainersNotInitialized"
	reasonReadinessGates      = "ReadinessGatesNotReady"
	messageUnknownStatuses    = "containers with unknown status: %s"
	messageUnreadyStatuses    = "containers with unready status: %s"
	messageIncompleteStatuses = "containers with incomplete status: %s"
)

func condition(pod *corev1.Pod, t corev1.PodConditionType, s corev1.ConditionStatus, reason, message string) corev1.PodCondition {
	return corev1.PodCondition{Type: t, ObservedGeneration: pod.Generation, Status: s, Reason: reason, Message: message}
}

// ContainersReady is true when every sidecar and every main container is ready.
func ContainersReady(pod *corev1.Pod, containers, inits []corev1.ContainerStatus, phase corev1.PodPhase) corev1.PodCondition {
	const t = corev1.ContainersReady
	if containers == nil && inits == nil {
		return condition(pod, t, corev1.ConditionFalse, reasonUnknownStatuses, "")
	}
	var unknown, unready []string
	check := func(name string, statuses []corev1.ContainerStatus) {
		if s := find(statuses, name); s == nil {
			unknown = append(unknown, name)
		} else if !s.Ready {
			unready = append(unready, name)
		}
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; IsSidecar(c) {
			check(c.Name, inits)
		}
	}
	for i := range pod.Spec.Containers {
		check(pod.Spec.Containers[i].Name, containers)
	}
	switch {
	case phase == corev1.PodSucceeded && len(unknown) == 0:
		return condition(pod, t, corev1.ConditionFalse, reasonPodCompleted, "")
	case phase == corev1.PodFailed:
		return condition(pod, t, corev1.ConditionFalse, reasonPodFailed, "")
	}
	if message := describe(messageUnknownStatuses, unknown, messageUnreadyStatuses, unready); message != "" {
		return condition(pod, t, corev1.ConditionFalse, reasonNotReady, message)
	}
	return condition(pod, t, corev1.ConditionTrue, "", "")
}

func describe(format1 string, names1 []string, format2 string, names2 []string) string {
	var parts []string
	if len(names1) > 0 {
		parts = append(parts, fmt.Sprintf(format1, names1))
	}
	if len(names2) > 0 {
		parts = append(parts, fmt.Sprintf(format2, names2))
	}
	return strings.Join(parts, ", ")
}

// Ready is ContainersReady and every readiness gate.
func Ready(pod *corev1.Pod, conditions []corev1.PodCondition, containers, inits []corev1.ContainerStatus, phase corev1.PodPhase) corev1.PodCondition {
	c := ContainersReady(pod, containers, inits, phase)
	c.Type = corev1.PodReady
	if c.Status != corev1.ConditionTrue {
		return c
	}
	var failing []string
	for _, gate := range pod.Spec.ReadinessGates {
		if is := Condition(conditions, gate.ConditionType); is == nil {
			failing = append(failing, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", string(gate.ConditionType)))
		} else if is.Status != corev1.ConditionTrue {
			failing = append(failing, fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v", string(gate.ConditionType), is.Status))
		}
	}
	if len(failing) > 0 {
		return condition(pod, corev1.PodReady, corev1.ConditionFalse, reasonReadinessGates, strings.Join(failing, ", "))
	}
	return c
}

// Initialized is true once every init container has completed and every sidecar has started. A pod that was
// initialized stays so, whatever its init containers do later.
func Initialized(pod *corev1.Pod, old []corev1.PodCondition, containers, inits []corev1.ContainerStatus, phase corev1.PodPhase) corev1.PodCondition {
	const t = corev1.PodInitialized
	if containers == nil && inits == nil && len(pod.Spec.InitContainers) > 0 {
		return condition(pod, t, corev1.ConditionFalse, reasonUnknownStatuses, "")
	}
	var unknown, incomplete []string
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		switch s := find(inits, c.Name); {
		case s == nil:
			unknown = append(unknown, c.Name)
		case IsSidecar(c) && (s.Started == nil || !*s.Started), !IsSidecar(c) && !s.Ready:
			incomplete = append(incomplete, c.Name)
		}
	}
	switch {
	case phase == corev1.PodSucceeded && len(unknown) == 0:
		return condition(pod, t, corev1.ConditionTrue, reasonPodCompleted, "")
	case anyStarted(containers):
		return condition(pod, t, corev1.ConditionTrue, "", "")
	}
	if c := Condition(old, t); c != nil && c.Status == corev1.ConditionTrue {
		return condition(pod, t, corev1.ConditionTrue, "", "")
	}
	if message := describe(messageUnknownStatuses, unknown, messageIncompleteStatuses, incomplete); message != "" {
		return condition(pod, t, corev1.ConditionFalse, reasonNotInitialized, message)
	}
	return condition(pod, t, corev1.ConditionTrue, "", "")
}

func anyStarted(containers []corev1.ContainerStatus) bool {
	for i := range containers {
		if s := &containers[i].State; s.Running != nil || s.Terminated != nil {
			return true
		}
	}
	return false
}

// ReadyToStartContainers is true while the pod has a sandbox with its network.
func ReadyToStartContainers(pod *corev1.Pod, rt *runtime.PodStatus) corev1.PodCondition {
	s := corev1.ConditionTrue
	if needed, _, _ := NeedsSandbox(pod, rt); needed {
		s = corev1.ConditionFalse
	}
	return condition(pod, corev1.PodReadyToStartContainers, s, "", "")
}

// Condition returns the condition of a type, or nil.
func Condition(conditions []corev1.PodCondition, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range conditions {
		if conditions[i].Type == t {
			return &conditions[i]
		}
	}
	return nil
}

// Owned reports whether the kubelet alone writes conditions of this type.
func Owned(t corev1.PodConditionType) bool {
	switch t {
	case corev1.PodScheduled, corev1.PodReady, corev1.PodInitialized, corev1.ContainersReady,
		corev1.PodReadyToStartContainers, corev1.PodResizeInProgress, corev1.PodResizePending:
		return true
	}
	return false
}
