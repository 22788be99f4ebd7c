package helper

import corev1 "k8s.io/api/core/v1"

// Tolerates reports whether any toleration covers the taint. The operators Lt and Gt cover nothing: their feature gate
// (TaintTolerationComparisonOperators) is off in v1.36.
func Tolerates(tolerations []corev1.Toleration, taint *corev1.Taint) bool {
	for i := range tolerations {
		if tolerates(&tolerations[i], taint) {
			return true
		}
	}
	return false
}

// tolerates: an empty effect or key in the toleration covers any; Exists covers any value.
func tolerates(t *corev1.Toleration, taint *corev1.Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case "", corev1.TolerationOpEqual:
		return t.Value == taint.Value
	case corev1.TolerationOpExists:
		return true
	}
	return false
}

// FindUntolerated returns the first taint that keeps new pods away (NoSchedule, NoExecute) and that no toleration covers, or
// nil.
func FindUntolerated(taints []corev1.Taint, tolerations []corev1.Toleration) *corev1.Taint {
	for i := range taints {
		effect := taints[i].Effect
		if (effect == corev1.TaintEffectNoSchedule || effect == corev1.TaintEffectNoExecute) && !Tolerates(tolerations, &taints[i]) {
			return &taints[i]
		}
	}
	return nil
}
