package nodelifecycle

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// The two NoExecute taints of this controller. A node has at most one of them.
var (
	unreachable = corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute}
	notReady    = corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoExecute}
)

// conditionTaint is the key of the NoSchedule taint that a condition calls for, or "".
func conditionTaint(c *corev1.NodeCondition) string {
	switch {
	case c.Type == corev1.NodeReady && c.Status == corev1.ConditionFalse:
		return corev1.TaintNodeNotReady
	case c.Type == corev1.NodeReady && c.Status == corev1.ConditionUnknown:
		return corev1.TaintNodeUnreachable
	case c.Status != corev1.ConditionTrue:
		return ""
	case c.Type == corev1.NodeMemoryPressure:
		return corev1.TaintNodeMemoryPressure
	case c.Type == corev1.NodeDiskPressure:
		return corev1.TaintNodeDiskPressure
	case c.Type == corev1.NodeNetworkUnavailable:
		return corev1.TaintNodeNetworkUnavailable
	case c.Type == corev1.NodePIDPressure:
		return corev1.TaintNodePIDPressure
	}
	return ""
}

// isOwnNoSchedule: the taint is one that this controller puts on and takes off by conditions or spec.unschedulable.
func isOwnNoSchedule(t *corev1.Taint) bool {
	if t.Effect != corev1.TaintEffectNoSchedule {
		return false
	}
	switch t.Key {
	case corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeMemoryPressure, corev1.TaintNodeDiskPressure,
		corev1.TaintNodeNetworkUnavailable, corev1.TaintNodePIDPressure, corev1.TaintNodeUnschedulable:
		return true
	}
	return false
}

// noScheduleChanges are the NoSchedule taints that the node's conditions add and remove.
func noScheduleChanges(node *corev1.Node) (add, remove []corev1.Taint) {
	var want []corev1.Taint
	for i := range node.Status.Conditions {
		if key := conditionTaint(&node.Status.Conditions[i]); key != "" {
			want = append(want, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule})
		}
	}
	if node.Spec.Unschedulable {
		want = append(want, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
	}
	for _, t := range want {
		if !hasTaint(node.Spec.Taints, t) {
			add = append(add, t)
		}
	}
	for i := range node.Spec.Taints {
		if t := node.Spec.Taints[i]; isOwnNoSchedule(&t) && !hasTaint(want, t) {
			remove = append(remove, t)
		}
	}
	return add, remove
}

// hasTaint looks for a taint of the same key and effect.
func hasTaint(taints []corev1.Taint, t corev1.Taint) bool {
	for i := range taints {
		if taints[i].MatchTaint(&t) {
			return true
		}
	}
	return false
}

// withTaints returns the taints with others added or put in place of their like, and whether that changed anything.
func withTaints(taints []corev1.Taint, add []corev1.Taint) ([]corev1.Taint, bool) {
	changed := false
next:
	for _, t := range add {
		for i := range taints {
			if !taints[i].MatchTaint(&t) {
				continue
			}
			if !equality.Semantic.DeepEqual(taints[i], t) {
				taints, changed = api.Replace(taints, i, t), true
			}
			continue next
		}
		taints, changed = api.Append(taints, t), true
	}
	return taints, changed
}

// withoutTaints returns the taints without their likes of others, and whether that changed anything.
func withoutTaints(taints []corev1.Taint, remove []corev1.Taint) ([]corev1.Taint, bool) {
	var kept []corev1.Taint
	for _, t := range taints {
		if !hasTaint(remove, t) {
			kept = append(kept, t)
		}
	}
	return kept, len(kept) != len(taints)
}

// labelPair is a label and the older spelling of it that follows it.
type labelPair struct{ primary, secondary string }

var labelPairs = []labelPair{
	{corev1.LabelOSStable, "beta.kubernetes.io/os"},
	{corev1.LabelArchStable, "beta.kubernetes.io/arch"},
}

// labelChanges are the labels to set so that the old spellings say what the new ones say.
func labelChanges(labels map[string]string) map[string]string {
	var changes map[string]string
	for _, p := range labelPairs {
		if v, ok := labels[p.primary]; ok && labels[p.secondary] != v {
			if changes == nil {
				changes = make(map[string]string, len(labelPairs))
			}
			changes[p.secondary] = v
		}
	}
	return changes
}

// bodyBytes is the length of the JSON patch that a change stands for.
func bodyBytes(change any) int {
	data, err := json.Marshal(change)
	if err != nil {
		panic(fmt.Sprintf("nodelifecycle: size of a patch: %v", err))
	}
	const frame = len(`{"metadata":{"resourceVersion":"1234567"},"spec":{"taints":}}`)
	return len(data) + frame
}
