package framework

import (
	corev1 "k8s.io/api/core/v1"
	schedulingv1alpha2 "k8s.io/api/scheduling/v1alpha2"
	"k8s.io/apimachinery/pkg/types"
)

// PodGroups knows the groups of pods that are scheduled together.
type PodGroups interface {
	// Object returns a PodGroup as the API server has it, or nil.
	Object(namespace, name string) *schedulingv1alpha2.PodGroup
	// State returns what the scheduler knows of a group's pods; nil if it has none.
	State(namespace, name string) PodGroupState
}

// PodGroupState counts a group's pods.
type PodGroupState interface {
	// AllPods counts them wherever they are, ScheduledPods those that have a node or are assumed to.
	AllPods() int
	ScheduledPods() int
	// Unscheduled are the pods without a node, by name.
	Unscheduled() []*corev1.Pod
	// Assumed are the pods that are on their way to a node, by UID.
	Assumed() []types.UID
}

// GroupOf returns the name of a pod's group; empty if it belongs to none.
func GroupOf(pod *corev1.Pod) string {
	if g := pod.Spec.SchedulingGroup; g != nil && g.PodGroupName != nil {
		return *g.PodGroupName
	}
	return ""
}
