package registry

import (
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// prepareEphemeral takes nothing but the ephemeral containers from an update through pods/ephemeralcontainers.
func prepareEphemeral(pod, old *corev1.Pod) {
	containers := pod.Spec.EphemeralContainers
	pod.Spec, pod.Status = old.Spec, old.Status
	pod.Spec.EphemeralContainers = containers
	defaultEphemeral(&pod.Spec)
	countGeneration(pod, old)
}

// prepareResize takes nothing but resources and resize policies from an update through pods/resize. Where containers were
// added, renamed or reordered it leaves the spec alone, and validation says so.
func prepareResize(pod, old *corev1.Pod) {
	containers, same := resized(pod.Spec.Containers, old.Spec.Containers)
	init, sameInit := resized(pod.Spec.InitContainers, old.Spec.InitContainers)
	if !same || !sameInit {
		return
	}
	resources := pod.Spec.Resources
	pod.Spec, pod.Status = old.Spec, old.Status
	pod.Spec.Containers, pod.Spec.InitContainers, pod.Spec.Resources = containers, init, resources
	countGeneration(pod, old)
}

func resized(now, old []corev1.Container) ([]corev1.Container, bool) {
	if len(now) != len(old) {
		return nil, false
	}
	out := slices.Clone(old)
	for i := range now {
		if now[i].Name != old[i].Name {
			return nil, false
		}
		out[i].Resources, out[i].ResizePolicy = now[i].Resources, now[i].ResizePolicy
	}
	return out, true
}

func countGeneration(pod, old *corev1.Pod) {
	if !api.Equal(&pod.Spec, &old.Spec) {
		pod.Generation++
	}
}

// validateResize refuses what a resize may not touch.
func validateResize(pod, old *corev1.Pod) field.ErrorList {
	if _, same := resized(pod.Spec.Containers, old.Spec.Containers); !same {
		return field.ErrorList{field.Forbidden(specPath, "only cpu and memory resources are mutable")}
	}
	if podQOS(&pod.Spec) != old.Status.QOSClass && old.Status.QOSClass != "" {
		return field.ErrorList{field.Invalid(specPath, podQOS(&pod.Spec), "Pod QOS Class may not change as a result of resizing")}
	}
	var errs field.ErrorList
	for i := range pod.Spec.Containers {
		errs = append(errs, validateResources(&pod.Spec.Containers[i].Resources, specPath.Child("containers").Index(i).Child("resources"))...)
	}
	return errs
}
