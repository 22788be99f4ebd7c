package deployment

import (
	"math"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// replicas is the Deployment's desired size; validation and defaulting leave no nil.
func replicas(d *appsv1.Deployment) int32 { return *d.Spec.Replicas }

func isRollingUpdate(d *appsv1.Deployment) bool {
	return d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType
}

// fenceposts resolves maxSurge, rounded up, and maxUnavailable, rounded down, against the desired size. Where both come
// out as 0 one pod may be unavailable, or the rollout could never move.
func fenceposts(d *appsv1.Deployment) (surge, unavailable int32) {
	var maxSurge, maxUnavailable *intstr.IntOrString
	if ru := d.Spec.Strategy.RollingUpdate; ru != nil {
		maxSurge, maxUnavailable = ru.MaxSurge, ru.MaxUnavailable
	}
	surge = scaled(maxSurge, replicas(d), true)
	unavailable = scaled(maxUnavailable, replicas(d), false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, unavailable
}

func scaled(v *intstr.IntOrString, total int32, roundUp bool) int32 {
	n, err := intstr.GetScaledValueFromIntOrPercent(intstr.ValueOrDefault(v, intstr.FromInt32(0)), int(total), roundUp)
	if err != nil {
		return 0 // Validation admits nothing that fails here.
	}
	return int32(n)
}

// maxSurge is how many pods may exist above the desired size.
func maxSurge(d *appsv1.Deployment) int32 {
	if !isRollingUpdate(d) {
		return 0
	}
	surge, _ := fenceposts(d)
	return surge
}

// maxUnavailable is how many pods of the desired size may be missing.
func maxUnavailable(d *appsv1.Deployment) int32 {
	if !isRollingUpdate(d) || replicas(d) == 0 {
		return 0
	}
	_, unavailable := fenceposts(d)
	return min(unavailable, replicas(d))
}

// hasProgressDeadline: the largest int32 means none, which is what defaulting of old API versions left.
func hasProgressDeadline(d *appsv1.Deployment) bool {
	return d.Spec.ProgressDeadlineSeconds != nil && *d.Spec.ProgressDeadlineSeconds != math.MaxInt32
}

func hasHistoryLimit(d *appsv1.Deployment) bool {
	return d.Spec.RevisionHistoryLimit != nil && *d.Spec.RevisionHistoryLimit != math.MaxInt32
}
