// Package tainttoleration keeps pods off nodes whose taints they don't tolerate, and prefers nodes with fewer untolerated
// PreferNoSchedule taints.
package tainttoleration

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// TaintToleration is a Filter and Score plugin.
type TaintToleration struct{ helper.SignedByTolerations }

var errUntolerated = framework.Rejection(names.TaintToleration, framework.UnschedulableAndUnresolvable, "node(s) had untolerated taint(s)")

func (TaintToleration) Name() string { return names.TaintToleration }

// Filter refuses nodes with a NoSchedule or NoExecute taint that the pod doesn't tolerate.
func (TaintToleration) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	if helper.FindUntolerated(node.Node.Spec.Taints, c.Pod.Pod.Spec.Tolerations) != nil {
		return errUntolerated
	}
	return nil
}

// AppendFilterClass implements framework.ObjectFilter.
func (TaintToleration) AppendFilterClass(key []byte, pod *corev1.Pod) []byte {
	return helper.AppendTolerations(key, pod.Spec.Tolerations)
}

// AppendScoreClass implements framework.ObjectScorer.
func (TaintToleration) AppendScoreClass(key []byte, pod *corev1.Pod) []byte {
	return helper.AppendTolerations(key, pod.Spec.Tolerations)
}

// Score counts the PreferNoSchedule taints that the pod doesn't tolerate.
func (TaintToleration) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	var untolerated int64
	taints := node.Node.Spec.Taints
	for i := range taints {
		if taints[i].Effect == corev1.TaintEffectPreferNoSchedule && !helper.Tolerates(c.Pod.Pod.Spec.Tolerations, &taints[i]) {
			untolerated++
		}
	}
	return untolerated, nil
}

// NormalizeScore makes none the best and the most the worst.
func (TaintToleration) NormalizeScore(_ *framework.Cycle, _ []int32, scores []int64) *framework.Status {
	helper.Normalize(scores, true)
	return nil
}

// EventsToRegister: a node may come, taints may go, or the pod may get a toleration.
func (TaintToleration) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeTaint}, Hint: afterNodeChange},
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.UpdatePodToleration}, Hint: afterTolerationChange},
	}
}

func afterNodeChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Node](before, after)
	if err != nil {
		return framework.Queue, err
	}
	wasUntolerated := was == nil || helper.FindUntolerated(was.Spec.Taints, pod.Spec.Tolerations) != nil
	if wasUntolerated && helper.FindUntolerated(is.Spec.Taints, pod.Spec.Tolerations) == nil {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}

func afterTolerationChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, updated, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if pod.UID == updated.UID {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}
