package deployment

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
)

// obsolete returns the old ReplicaSets to delete, so that no more than the history limit are kept. The oldest revisions
// go first, and none that has or may have pods.
func obsolete(d *appsv1.Deployment, oldRSs []*appsv1.ReplicaSet) []*appsv1.ReplicaSet {
	if !hasHistoryLimit(d) {
		return nil
	}
	var alive []*appsv1.ReplicaSet
	for _, rs := range oldRSs {
		if rs.DeletionTimestamp == nil {
			alive = append(alive, rs)
		}
	}
	excess := len(alive) - int(*d.Spec.RevisionHistoryLimit)
	if excess <= 0 {
		return nil
	}
	slices.SortFunc(alive, byRevision)
	var out []*appsv1.ReplicaSet
	for _, rs := range alive[:excess] {
		if rs.Status.Replicas == 0 && *rs.Spec.Replicas == 0 && rs.Generation <= rs.Status.ObservedGeneration {
			out = append(out, rs)
		}
	}
	return out
}

// byRevision orders from old to new revisions, by creation where they cannot be told apart.
func byRevision(a, b *appsv1.ReplicaSet) int {
	ra, okA := revisionOf(a.Annotations)
	rb, okB := revisionOf(b.Annotations)
	if !okA || !okB || ra == rb {
		return byCreation(a, b)
	}
	if ra < rb {
		return -1
	}
	return 1
}
