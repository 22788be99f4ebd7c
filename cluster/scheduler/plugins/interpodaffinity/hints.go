package interpodaffinity

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
)

// EventsToRegister: wanted pods may come, unwanted ones go, labels change, and nodes make up new domains.
func (p *InterPodAffinity) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{
			Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Add | framework.UpdatePodLabel | framework.Delete},
			Hint:  p.afterPodChange,
		},
		{
			Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeLabel},
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

func hasNode(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" || pod.Status.NominatedNodeName != ""
}

func (p *InterPodAffinity) afterPodChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if was != nil && is != nil && pod.UID == is.UID {
		return framework.Queue, nil // its own labels changed: somebody may no longer keep it away
	}
	if is != nil && !hasNode(is) || was != nil && !hasNode(was) {
		return framework.QueueSkip, nil
	}
	terms, err := framework.ParseTerms(pod)
	if err != nil {
		return framework.Queue, err
	}
	switch {
	case was == nil:
		return queueIf(framework.MatchesAll(terms.Affinity, is))
	case is == nil:
		return leftHelps(pod, was, terms)
	}
	return queueIf(!framework.MatchesAll(terms.Affinity, was) && framework.MatchesAll(terms.Affinity, is) ||
		framework.MatchesAll(terms.AntiAffinity, was) && !framework.MatchesAll(terms.AntiAffinity, is))
}

// leftHelps: one of the two kept the other away.
func leftHelps(pod, left *corev1.Pod, terms framework.RequiredTerms) (framework.Hint, error) {
	if framework.MatchesAll(terms.AntiAffinity, left) {
		return framework.Queue, nil
	}
	of, err := framework.ParseTerms(left)
	if err != nil {
		return framework.Queue, err
	}
	return queueIf(framework.MatchesAll(of.AntiAffinity, pod))
}

func (p *InterPodAffinity) afterNodeChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Node](before, after)
	if err != nil {
		return framework.Queue, err
	}
	terms, err := framework.ParseTerms(pod)
	if err != nil {
		return framework.Queue, err
	}
	for i := range terms.Affinity {
		key := terms.Affinity[i].TopologyKey
		value, has := is.Labels[key]
		if has && (was == nil || !hasValue(was, key, value)) {
			return framework.Queue, nil
		}
	}
	for i := range terms.AntiAffinity {
		if was == nil {
			return framework.Queue, nil
		}
		key := terms.AntiAffinity[i].TopologyKey
		if value, had := was.Labels[key]; had && !hasValue(is, key, value) {
			return framework.Queue, nil
		}
	}
	return framework.QueueSkip, nil
}

func hasValue(node *corev1.Node, key, value string) bool {
	is, has := node.Labels[key]
	return has && is == value
}

// Signable implements framework.SignPlugin.
func (*InterPodAffinity) Signable(pod *corev1.Pod) bool {
	a := pod.Spec.Affinity
	return a == nil || a.PodAffinity == nil && a.PodAntiAffinity == nil
}

// Fragments implements framework.SignPlugin: existing pods may have terms that look at labels, unless these are left unscored.
func (p *InterPodAffinity) Fragments() []framework.SignFragment {
	if p.ignoreOthers {
		return nil
	}
	return []framework.SignFragment{{Name: "labels", Append: func(key []byte, pod *corev1.Pod) []byte {
		return helper.AppendMapOrNil(key, pod.Labels)
	}}}
}
