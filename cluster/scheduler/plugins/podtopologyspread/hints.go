package podtopologyspread

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
)

// EventsToRegister: pods that count and nodes that make up domains may come, go or change their labels.
func (p *PodTopologySpread) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{
			Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Add | framework.UpdatePodLabel | framework.UpdatePodToleration | framework.Delete},
			Hint:  p.afterPodChange,
		},
		{
			Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.Delete | framework.UpdateNodeLabel | framework.UpdateNodeTaint},
			Hint:  p.afterNodeChange,
		},
	}
}

func queueIf(worth bool) (framework.Hint, error) {
	if worth {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}

// involved reports whether another pod can count for the pod: it is the pod itself, or is on a node, or soon will be, in the
// pod's namespace.
func involved(other, pod *corev1.Pod) bool {
	return other.UID == pod.UID ||
		(other.Spec.NodeName != "" || other.Status.NominatedNodeName != "") && other.Namespace == pod.Namespace
}

func (p *PodTopologySpread) afterPodChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if is != nil && !involved(is, pod) || was != nil && !involved(was, pod) {
		return framework.QueueSkip, nil
	}
	constraints, err := p.constraints(pod, corev1.DoNotSchedule)
	if err != nil {
		return framework.Queue, err
	}
	switch {
	case was == nil:
		return queueIf(anyMatches(constraints, is.Labels))
	case is == nil:
		return queueIf(anyMatches(constraints, was.Labels))
	}
	if pod.UID == is.UID && !equality.Semantic.DeepEqual(is.Spec.Tolerations, was.Spec.Tolerations) && anyHonorsTaints(constraints) {
		return framework.Queue, nil
	}
	for i := range constraints {
		selector := constraints[i].selector
		if selector.Matches(labels.Set(was.Labels)) != selector.Matches(labels.Set(is.Labels)) {
			return framework.Queue, nil
		}
	}
	return framework.QueueSkip, nil
}

func anyMatches(constraints []constraint, set map[string]string) bool {
	for i := range constraints {
		if constraints[i].selector.Matches(labels.Set(set)) {
			return true
		}
	}
	return false
}

func anyHonorsTaints(constraints []constraint) bool {
	for i := range constraints {
		if constraints[i].honorTaints {
			return true
		}
	}
	return false
}

func (p *PodTopologySpread) afterNodeChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Node](before, after)
	if err != nil {
		return framework.Queue, err
	}
	constraints, err := p.constraints(pod, corev1.DoNotSchedule)
	if err != nil {
		return framework.Queue, err
	}
	counted := was != nil && hasKeys(was.Labels, constraints)
	counts := is != nil && hasKeys(is.Labels, constraints)
	if was == nil || is == nil {
		return queueIf(counted || counts)
	}
	if counted != counts {
		return framework.Queue, nil
	}
	return queueIf(counts && (domainChanged(was, is, constraints) || !equality.Semantic.DeepEqual(was.Spec.Taints, is.Spec.Taints)))
}

func domainChanged(was, is *corev1.Node, constraints []constraint) bool {
	for i := range constraints {
		key := constraints[i].topologyKey
		if was.Labels[key] != is.Labels[key] {
			return true
		}
	}
	return false
}

// Signable implements framework.SignPlugin: with constraints, those of the profile included, each pod placed changes what the next one finds.
func (p *PodTopologySpread) Signable(pod *corev1.Pod) bool {
	return len(pod.Spec.TopologySpreadConstraints) == 0 && len(p.defaults) == 0
}

// Fragments implements framework.SignPlugin.
func (*PodTopologySpread) Fragments() []framework.SignFragment { return nil }
