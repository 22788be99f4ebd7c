package registry

import (
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
)

// tokenSeconds is how long a projected token lives unless the pod says otherwise: an hour.
const tokenSeconds = 3600

// volumeIncomplete reports whether defaultVolume would change the volume.
func volumeIncomplete(v corev1.Volume) bool {
	s := &v.VolumeSource
	switch {
	case s.Secret != nil:
		return s.Secret.DefaultMode == nil
	case s.ConfigMap != nil:
		return s.ConfigMap.DefaultMode == nil
	case s.Projected != nil:
		return s.Projected.DefaultMode == nil || slices.ContainsFunc(s.Projected.Sources, projectionIncomplete)
	case s.DownwardAPI != nil:
		return s.DownwardAPI.DefaultMode == nil || slices.ContainsFunc(s.DownwardAPI.Items, itemIncomplete)
	case s.HostPath != nil:
		return s.HostPath.Type == nil
	case s.EmptyDir != nil, s.PersistentVolumeClaim != nil, s.CSI != nil, s.NFS != nil:
		return false
	}
	return true
}

// defaultVolume fills a volume that the caller owns; what it points to is copied first.
func defaultVolume(v *corev1.Volume) {
	v.VolumeSource = *v.VolumeSource.DeepCopy()
	s := &v.VolumeSource
	if *s == (corev1.VolumeSource{}) {
		s.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
	if s.Secret != nil {
		defaultMode(&s.Secret.DefaultMode)
	}
	if s.ConfigMap != nil {
		defaultMode(&s.ConfigMap.DefaultMode)
	}
	if s.Projected != nil {
		defaultMode(&s.Projected.DefaultMode)
		for i := range s.Projected.Sources {
			defaultProjection(&s.Projected.Sources[i])
		}
	}
	if s.DownwardAPI != nil {
		defaultMode(&s.DownwardAPI.DefaultMode)
		defaultItems(s.DownwardAPI.Items)
	}
	if s.HostPath != nil && s.HostPath.Type == nil {
		s.HostPath.Type = unsetHostPath
	}
	if s.Ephemeral != nil && s.Ephemeral.VolumeClaimTemplate != nil {
		defaultClaimSpec(&s.Ephemeral.VolumeClaimTemplate.Spec)
	}
	if s.Image != nil && s.Image.PullPolicy == "" {
		s.Image.PullPolicy = pullPolicy(s.Image.Reference)
	}
}

func defaultMode(mode **int32) {
	if *mode == nil {
		*mode = defaultFileMode
	}
}

func projectionIncomplete(p corev1.VolumeProjection) bool {
	if t := p.ServiceAccountToken; t != nil && t.ExpirationSeconds == nil {
		return true
	}
	return p.DownwardAPI != nil && slices.ContainsFunc(p.DownwardAPI.Items, itemIncomplete)
}

func defaultProjection(p *corev1.VolumeProjection) {
	if t := p.ServiceAccountToken; t != nil && t.ExpirationSeconds == nil {
		t.ExpirationSeconds = api.Ptr(int64(tokenSeconds))
	}
	if p.DownwardAPI != nil {
		defaultItems(p.DownwardAPI.Items)
	}
}

func itemIncomplete(f corev1.DownwardAPIVolumeFile) bool {
	return f.FieldRef != nil && f.FieldRef.APIVersion == ""
}

func defaultItems(items []corev1.DownwardAPIVolumeFile) {
	for i := range items {
		if itemIncomplete(items[i]) {
			items[i].FieldRef.APIVersion = "v1"
		}
	}
}

func defaultClaimSpec(s *corev1.PersistentVolumeClaimSpec) {
	if s.VolumeMode == nil {
		s.VolumeMode = filesystemMode
	}
	s.Resources.Limits = wholeMillis(s.Resources.Limits)
	s.Resources.Requests = wholeMillis(s.Resources.Requests)
}
