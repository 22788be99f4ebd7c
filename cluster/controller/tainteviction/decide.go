package tainteviction

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// noExecute returns the NoExecute taints.
func noExecute(taints []corev1.Taint) []corev1.Taint {
	var out []corev1.Taint
	for _, t := range taints {
		if t.Effect == corev1.TaintEffectNoExecute {
			out = append(out, t)
		}
	}
	return out
}

// forEver is the toleration of a pod that may stay.
const forEver time.Duration = -1

// tolerated is how long a pod may stay on a node with these NoExecute taints: not at all if one is not tolerated, else
// the least of the tolerationSeconds of those tolerations that are used, or for ever. evict is set for the first case.
func tolerated(taints []corev1.Taint, tolerations []corev1.Toleration) (stay time.Duration, evict bool) {
	stay = forEver
	for i := range taints {
		used := toleration(&taints[i], tolerations)
		if used == nil {
			return 0, true
		}
		if used.TolerationSeconds == nil {
			continue
		}
		seconds := max(0, *used.TolerationSeconds)
		if d := time.Duration(seconds) * time.Second; stay == forEver || d < stay {
			stay = d
		}
	}
	return stay, false
}

// toleration is the first toleration that matches the taint.
func toleration(taint *corev1.Taint, tolerations []corev1.Toleration) *corev1.Toleration {
	for i := range tolerations {
		if tolerates(&tolerations[i], taint) {
			return &tolerations[i]
		}
	}
	return nil
}

// tolerates matches effect, key and value; what a toleration leaves empty matches everything. The numeric operators Lt
// and Gt are behind a feature gate that is off.
func tolerates(t *corev1.Toleration, taint *corev1.Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case corev1.TolerationOpExists:
		return true
	case corev1.TolerationOpEqual, "":
		return t.Value == taint.Value
	}
	return false
}
