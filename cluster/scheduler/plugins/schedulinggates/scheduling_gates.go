// Package schedulinggates keeps a pod out of the active queue as long as spec.schedulingGates is not empty.
package schedulinggates

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// SchedulingGates is a PreEnqueue plugin.
type SchedulingGates struct{}

func (SchedulingGates) Name() string { return names.SchedulingGates }

// PreEnqueue refuses pods with gates.
func (SchedulingGates) PreEnqueue(pod *corev1.Pod) *framework.Status {
	if len(pod.Spec.SchedulingGates) == 0 {
		return nil
	}
	gates := make([]string, len(pod.Spec.SchedulingGates))
	for i, gate := range pod.Spec.SchedulingGates {
		gates[i] = gate.Name
	}
	return framework.Rejection(names.SchedulingGates, framework.UnschedulableAndUnresolvable, fmt.Sprintf("waiting for scheduling gates: %v", gates))
}

// EventsToRegister: only the removal of the pod's own last gate helps.
func (SchedulingGates) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{
		Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.UpdatePodSchedulingGatesEliminated},
		Hint:  afterGatesEliminated,
	}}
}

func afterGatesEliminated(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, updated, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if updated.UID != pod.UID {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}
