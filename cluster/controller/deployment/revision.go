package deployment

import (
	"maps"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Annotations by which Deployment and ReplicaSets remember where they stand (pkg/controller/deployment/util).
const (
	revisionAnnotation        = "deployment.kubernetes.io/revision"
	revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history"
	desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas"
	maxReplicasAnnotation     = "deployment.kubernetes.io/max-replicas"
)

// historyChars bounds the revision history of one ReplicaSet (upstream's maxRevHistoryLengthInChars).
const historyChars = 2000

// ownAnnotations are not copied from a Deployment to its ReplicaSets.
var ownAnnotations = map[string]bool{
	corev1.LastAppliedConfigAnnotation: true,
	revisionAnnotation:                 true,
	revisionHistoryAnnotation:          true,
	desiredReplicasAnnotation:          true,
	maxReplicasAnnotation:              true,
	appsv1.DeprecatedRollbackTo:        true,
}

// revisionOf reads a revision; ok is false where it is not a number. No annotation is revision 0.
func revisionOf(annotations map[string]string) (revision int64, ok bool) {
	s, has := annotations[revisionAnnotation]
	if !has {
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// maxRevision is the highest revision among ReplicaSets whose revision can be read.
func maxRevision(all []*appsv1.ReplicaSet) int64 {
	var highest int64
	for _, rs := range all {
		if n, ok := revisionOf(rs.Annotations); ok {
			highest = max(highest, n)
		}
	}
	return highest
}

// replicaSetAnnotations computes the annotations of the new ReplicaSet: those of the Deployment, the revision, and, for
// one that is about to be created, the sizes. It reports whether they differ from current.
func replicaSetAnnotations(d *appsv1.Deployment, current map[string]string, revision int64, exists bool) (map[string]string, bool) {
	next := maps.Clone(current)
	if next == nil {
		next = make(map[string]string)
	}
	for k, v := range d.Annotations { //sim:unordered builds a map
		if !ownAnnotations[k] {
			next[k] = v
		}
	}
	old, ok := parseOldRevision(current)
	if !ok {
		return next, false // As upstream: a revision that is no number stops the update.
	}
	if old < revision {
		next[revisionAnnotation] = strconv.FormatInt(revision, 10)
		if s, had := current[revisionAnnotation]; had {
			rememberRevision(next, s)
		}
	}
	if !exists {
		setSizeAnnotations(next, d)
	}
	return next, !maps.Equal(next, current)
}

func parseOldRevision(annotations map[string]string) (int64, bool) {
	if annotations[revisionAnnotation] == "" {
		return 0, true
	}
	return revisionOf(annotations)
}

// rememberRevision appends a revision that the ReplicaSet served before, when a rollback makes it new again. The oldest
// entries go where the history would grow too long.
func rememberRevision(annotations map[string]string, revision string) {
	history := annotations[revisionHistoryAnnotation]
	if history == "" {
		annotations[revisionHistoryAnnotation] = revision
		return
	}
	entries := strings.Split(history, ",")
	length := len(history) + 1 + len(revision)
	for length > historyChars && len(entries) > 0 {
		length -= len(entries[0]) + 1
		entries = entries[1:]
	}
	if length <= historyChars {
		annotations[revisionHistoryAnnotation] = strings.Join(append(entries, revision), ",")
	}
}

// setSizeAnnotations records how large the Deployment is and may become; it reports a change.
func setSizeAnnotations(annotations map[string]string, d *appsv1.Deployment) bool {
	if sizeAnnotationsCurrent(annotations, d) {
		return false
	}
	annotations[desiredReplicasAnnotation] = formatReplicas(replicas(d))
	annotations[maxReplicasAnnotation] = formatReplicas(replicas(d) + maxSurge(d))
	return true
}

func sizeAnnotationsCurrent(annotations map[string]string, d *appsv1.Deployment) bool {
	return annotations[desiredReplicasAnnotation] == formatReplicas(replicas(d)) &&
		annotations[maxReplicasAnnotation] == formatReplicas(replicas(d)+maxSurge(d))
}

func formatReplicas(n int32) string { return strconv.FormatInt(int64(n), 10) }

// sizeAnnotation reads one of the two sizes; ok is false where it is absent or no size.
func sizeAnnotation(rs *appsv1.ReplicaSet, key string) (n int32, ok bool) {
	s, has := rs.Annotations[key]
	if !has {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 32)
	if err != nil || v < 0 {
		return 0, false
	}
	return int32(v), true
}

// withRevision returns d with the revision annotation, and whether that changed anything.
func withRevision(d *appsv1.Deployment, revision string) (*appsv1.Deployment, bool) {
	if d.Annotations[revisionAnnotation] == revision {
		return d, false
	}
	d = api.Shallow(d)
	d.Annotations = api.With(d.Annotations, revisionAnnotation, revision)
	return d, true
}
