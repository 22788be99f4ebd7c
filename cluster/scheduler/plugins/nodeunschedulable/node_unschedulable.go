// Package nodeunschedulable keeps pods off cordoned nodes, unless they tolerate the taint that cordoning sets.
package nodeunschedulable

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// NodeUnschedulable is a Filter plugin.
type NodeUnschedulable struct{ helper.SignedByTolerations }

var (
	errUnschedulable = framework.Rejection(names.NodeUnschedulable, framework.UnschedulableAndUnresolvable, "node(s) were unschedulable")
	cordoned         = corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
)

func (NodeUnschedulable) Name() string { return names.NodeUnschedulable }

// Filter refuses nodes with spec.unschedulable.
func (NodeUnschedulable) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	if !node.Node.Spec.Unschedulable || helper.Tolerates(c.Pod.Pod.Spec.Tolerations, &cordoned) {
		return nil
	}
	return errUnschedulable
}

// AppendFilterClass implements framework.ObjectFilter.
func (NodeUnschedulable) AppendFilterClass(key []byte, pod *corev1.Pod) []byte {
	if helper.Tolerates(pod.Spec.Tolerations, &cordoned) {
		return append(key, 1)
	}
	return append(key, 0)
}

// EventsToRegister: a node may come or be uncordoned, or the pod may get the toleration.
func (NodeUnschedulable) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeTaint}, Hint: afterNodeChange},
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.UpdatePodToleration}, Hint: afterTolerationChange},
	}
}

func afterNodeChange(_ *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Node](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if !is.Spec.Unschedulable && (was == nil || was.Spec.Unschedulable) {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}

func afterTolerationChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, updated, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if pod.UID == updated.UID && helper.Tolerates(updated.Spec.Tolerations, &cordoned) {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}
