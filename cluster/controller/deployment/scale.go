package deployment

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
)

// resize is one ReplicaSet and the size it should have.
type resize struct {
	rs   *appsv1.ReplicaSet
	size int32
	// always writes the ReplicaSet also if only its size annotations are out of date.
	always bool
}

// isScalingEvent reports whether the Deployment's size was changed: an active ReplicaSet remembers another one.
func isScalingEvent(d *appsv1.Deployment, all []*appsv1.ReplicaSet) bool {
	for _, rs := range active(all) {
		if desired, ok := sizeAnnotation(rs, desiredReplicasAnnotation); ok && desired != replicas(d) {
			return true
		}
	}
	return false
}

// scale decides the sizes after the Deployment's size changed or while it is paused. It does not advance a rollout: what
// is added or removed is shared in proportion, so that a bad template does not get a larger part of the pods.
func scale(d *appsv1.Deployment, newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) []resize {
	if only := activeOrLatest(newRS, oldRSs); only != nil {
		return []resize{{rs: only, size: replicas(d)}}
	}
	// A saturated new ReplicaSet needs no old pods: they were adopted, or are left over.
	if isSaturated(d, newRS) {
		var all []resize
		for _, rs := range active(newestFirst(oldRSs)) {
			all = append(all, resize{rs: rs})
		}
		return all
	}
	if !isRollingUpdate(d) {
		return nil
	}
	return proportional(d, active(together(newestFirst(oldRSs), newRS)))
}

// activeOrLatest is the only ReplicaSet with pods or, if none has any, the newest; nil if several have pods.
func activeOrLatest(newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) *appsv1.ReplicaSet {
	oldRSs = newestFirst(oldRSs)
	withPods := active(together(oldRSs, newRS))
	switch {
	case len(withPods) > 1:
		return nil
	case len(withPods) == 1:
		return withPods[0]
	case newRS != nil:
		return newRS
	case len(oldRSs) > 0:
		return oldRSs[0]
	}
	return nil
}

func newestFirst(oldRSs []*appsv1.ReplicaSet) []*appsv1.ReplicaSet {
	return slices.SortedFunc(slices.Values(oldRSs), func(a, b *appsv1.ReplicaSet) int { return byCreation(b, a) })
}

// isSaturated: Deployment and ReplicaSet agree that it has all the desired pods, and they are available.
func isSaturated(d *appsv1.Deployment, rs *appsv1.ReplicaSet) bool {
	if rs == nil {
		return false
	}
	desired, ok := sizeAnnotation(rs, desiredReplicasAnnotation)
	return ok && *rs.Spec.Replicas == replicas(d) && desired == replicas(d) && rs.Status.AvailableReplicas == replicas(d)
}

// proportional shares the difference between what the ReplicaSets have and what the Deployment may have among them, from
// the largest on; what rounding leaves goes to the largest.
func proportional(d *appsv1.Deployment, all []*appsv1.ReplicaSet) []resize {
	var allowed int32
	if replicas(d) > 0 {
		allowed = replicas(d) + maxSurge(d)
	}
	toAdd := allowed - total(all, specReplicas)
	switch {
	case toAdd > 0:
		slices.SortFunc(all, bySizeNewer)
	case toAdd < 0:
		slices.SortFunc(all, bySizeOlder)
	}
	var added int32
	sizes := make([]resize, len(all))
	for i, rs := range all {
		share := proportion(d, rs, toAdd, added)
		sizes[i] = resize{rs: rs, size: *rs.Spec.Replicas + share, always: true}
		added += share
	}
	if len(sizes) > 0 {
		sizes[0].size = max(0, sizes[0].size+toAdd-added)
	}
	return sizes
}

// proportion is rs's share of toAdd, of which added has been given away.
func proportion(d *appsv1.Deployment, rs *appsv1.ReplicaSet, toAdd, added int32) int32 {
	if *rs.Spec.Replicas == 0 || toAdd == 0 || toAdd == added {
		return 0
	}
	share, left := fraction(d, rs), toAdd-added
	if toAdd > 0 {
		return min(share, left)
	}
	return max(share, left)
}

// fraction is by how much rs would grow or shrink if it kept its part of the Deployment.
func fraction(d *appsv1.Deployment, rs *appsv1.ReplicaSet) int32 {
	size := *rs.Spec.Replicas
	if replicas(d) == 0 {
		return -size
	}
	before, ok := sizeAnnotation(rs, maxReplicasAnnotation)
	if !ok || before == 0 {
		// The annotation was tampered with: the current size is the next best base.
		if before = d.Status.Replicas; before == 0 {
			return 0
		}
	}
	after := replicas(d) + maxSurge(d)
	return divideRounded(int64(size)*int64(after), int64(before)) - size
}

// divideRounded is a/b rounded to the nearest, halves up, for a >= 0 and b > 0: what upstream does in floating point.
func divideRounded(a, b int64) int32 { return int32((2*a + b) / (2 * b)) }
