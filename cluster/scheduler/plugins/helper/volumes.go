package helper

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/storage/ephemeral"
)

// ClaimOf returns the name of the claim that a volume of a pod mounts, and whether it is a generic ephemeral volume's; empty if it mounts none.
func ClaimOf(pod *corev1.Pod, v *corev1.Volume) (name string, isEphemeral bool) {
	switch {
	case v.PersistentVolumeClaim != nil:
		return v.PersistentVolumeClaim.ClaimName, false
	case v.Ephemeral != nil:
		return ephemeral.VolumeClaimName(pod, v), true
	}
	return "", false
}

// HasClaims reports whether any volume of a pod is a claim's.
func HasClaims(pod *corev1.Pod) bool {
	for i := range pod.Spec.Volumes {
		if v := &pod.Spec.Volumes[i]; v.PersistentVolumeClaim != nil || v.Ephemeral != nil {
			return true
		}
	}
	return false
}

// MountsClaim reports whether a pod mounts a claim.
func MountsClaim(pod *corev1.Pod, claim *corev1.PersistentVolumeClaim) bool {
	if pod.Namespace != claim.Namespace {
		return false
	}
	for i := range pod.Spec.Volumes {
		if name, _ := ClaimOf(pod, &pod.Spec.Volumes[i]); name != "" && name == claim.Name {
			return true
		}
	}
	return false
}

// NotFound is the text by which users know that an object is missing.
func NotFound(kind, name string) string { return kind + " \"" + name + "\" not found" }
