package deployment

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// byCreation orders ReplicaSets from old to new, by name within a second.
func byCreation(a, b *appsv1.ReplicaSet) int {
	if c := a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return cmp.Compare(a.Name, b.Name)
}

// bySizeOlder orders from large to small, old before new among equals.
func bySizeOlder(a, b *appsv1.ReplicaSet) int {
	if c := cmp.Compare(*b.Spec.Replicas, *a.Spec.Replicas); c != 0 {
		return c
	}
	return byCreation(a, b)
}

// bySizeNewer orders from large to small, new before old among equals.
func bySizeNewer(a, b *appsv1.ReplicaSet) int {
	if c := cmp.Compare(*b.Spec.Replicas, *a.Spec.Replicas); c != 0 {
		return c
	}
	return byCreation(b, a)
}

// split finds the ReplicaSet whose template is the Deployment's, nil if there is none, and all others from old to new.
// Of several with the template the oldest counts as new.
func split(d *appsv1.Deployment, all []*appsv1.ReplicaSet) (newRS *appsv1.ReplicaSet, oldRSs []*appsv1.ReplicaSet) {
	for _, rs := range slices.SortedFunc(slices.Values(all), byCreation) {
		if newRS == nil && sameTemplate(&rs.Spec.Template, &d.Spec.Template) {
			newRS = rs
		} else {
			oldRSs = append(oldRSs, rs)
		}
	}
	return newRS, oldRSs
}

// sameTemplate compares pod templates without their pod-template-hash.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	a, b = withoutHash(a), withoutHash(b)
	if api.SameBits(&a.Spec, &b.Spec) { // Made from the Deployment's own template.
		return equality.Semantic.DeepEqual(&a.ObjectMeta, &b.ObjectMeta)
	}
	return equality.Semantic.DeepEqual(a, b)
}

func withoutHash(t *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	if _, has := t.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; !has {
		return t
	}
	c := api.Shallow(t)
	c.Labels = api.Without(c.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return c
}

// together is the old ReplicaSets and the new one, if any.
func together(oldRSs []*appsv1.ReplicaSet, newRS *appsv1.ReplicaSet) []*appsv1.ReplicaSet {
	if newRS == nil {
		return oldRSs
	}
	return api.Append(oldRSs, newRS)
}

// active returns the ReplicaSets that ought to have pods.
func active(all []*appsv1.ReplicaSet) []*appsv1.ReplicaSet {
	var out []*appsv1.ReplicaSet
	for _, rs := range all {
		if *rs.Spec.Replicas > 0 {
			out = append(out, rs)
		}
	}
	return out
}

// total sums a count over ReplicaSets.
func total(all []*appsv1.ReplicaSet, count func(*appsv1.ReplicaSet) int32) int32 {
	var sum int32
	for _, rs := range all {
		sum += count(rs)
	}
	return sum
}

func specReplicas(rs *appsv1.ReplicaSet) int32      { return *rs.Spec.Replicas }
func actualReplicas(rs *appsv1.ReplicaSet) int32    { return rs.Status.Replicas }
func readyReplicas(rs *appsv1.ReplicaSet) int32     { return rs.Status.ReadyReplicas }
func availableReplicas(rs *appsv1.ReplicaSet) int32 { return rs.Status.AvailableReplicas }

// terminatingReplicas sums the pods that are going, or is nil while a ReplicaSet that was synced does not report them.
func terminatingReplicas(all []*appsv1.ReplicaSet) *int32 {
	var sum int32
	for _, rs := range all {
		switch {
		case rs.Status.TerminatingReplicas != nil:
			sum += *rs.Status.TerminatingReplicas
		case rs.Status.ObservedGeneration != 0:
			return nil
		}
	}
	return &sum
}
