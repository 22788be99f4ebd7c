package deployment

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// newSize is the size a rollout wants the new ReplicaSet to have now: as many as the desired size and the room under
// replicas + maxSurge allow.
func newSize(d *appsv1.Deployment, all []*appsv1.ReplicaSet, newRS *appsv1.ReplicaSet) int32 {
	current := *newRS.Spec.Replicas
	if !isRollingUpdate(d) {
		return replicas(d)
	}
	if current > replicas(d) {
		return replicas(d)
	}
	room := replicas(d) + maxSurge(d) - total(all, specReplicas)
	if room <= 0 {
		return current
	}
	return current + min(room, replicas(d)-current)
}

// shrinkOld decides which old ReplicaSets a rolling update makes smaller now: first by their unhealthy pods, whose loss
// makes nothing worse, then by as many as are available beyond the minimum. A ReplicaSet may appear in both parts, with
// its final size last.
func shrinkOld(d *appsv1.Deployment, newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) []resize {
	oldRSs = active(oldRSs)
	if len(oldRSs) == 0 {
		return nil
	}
	minAvailable := replicas(d) - maxUnavailable(d)
	// Unavailable pods of the new ReplicaSet must not let old ones go: they may never become available.
	newUnavailable := *newRS.Spec.Replicas - newRS.Status.AvailableReplicas
	room := total(together(oldRSs, newRS), specReplicas) - minAvailable - newUnavailable
	if room <= 0 {
		return nil
	}
	slices.SortFunc(oldRSs, byCreation)
	unhealthy, oldRSs := shrinkUnhealthy(oldRSs, room)
	return append(unhealthy, shrinkAvailable(oldRSs, total(together(oldRSs, newRS), availableReplicas)-minAvailable)...)
}

// shrinkUnhealthy takes up to room unavailable pods from old ReplicaSets, oldest first. It also returns the ReplicaSets
// as they will be.
func shrinkUnhealthy(oldRSs []*appsv1.ReplicaSet, room int32) (steps []resize, after []*appsv1.ReplicaSet) {
	after = slices.Clone(oldRSs)
	for i, rs := range after {
		if room <= 0 {
			break
		}
		size := *rs.Spec.Replicas
		n := min(room, size-rs.Status.AvailableReplicas)
		if size == 0 || n == 0 {
			continue
		}
		if n < 0 {
			// More available than desired: it is shrinking already. Upstream ends the whole pass here.
			return steps, nil
		}
		steps = append(steps, resize{rs: rs, size: size - n})
		after[i] = withSize(rs, size-n)
		room -= n
	}
	return steps, after
}

// shrinkAvailable takes up to room pods from old ReplicaSets, oldest first.
func shrinkAvailable(oldRSs []*appsv1.ReplicaSet, room int32) []resize {
	var steps []resize
	for _, rs := range oldRSs {
		if room <= 0 {
			break
		}
		n := min(*rs.Spec.Replicas, room)
		if n == 0 {
			continue
		}
		steps = append(steps, resize{rs: rs, size: *rs.Spec.Replicas - n})
		room -= n
	}
	return steps
}

func withSize(rs *appsv1.ReplicaSet, size int32) *appsv1.ReplicaSet {
	rs = api.Shallow(rs)
	rs.Spec.Replicas = &size
	return rs
}
