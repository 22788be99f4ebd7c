package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func volumeEntries() []*Entry {
	return []*Entry{{
		Resource:      api.PersistentVolumes,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultPersistentVolume),
		admit:         []admission{inUseProtection(volumeProtection)},
		prepareCreate: on(preparePersistentVolume),
		prepareUpdate: pair(func(_ *Context, pv, old *corev1.PersistentVolume) { pv.Status = old.Status }),
		prepareStatus: pair(preparePersistentVolumeStatus),
		validate:      with(validatePersistentVolume),
		update:        both(validatePersistentVolumeUpdate),
		columns:       volumeColumns,
	}, {
		Resource: api.PersistentVolumeClaims,
		deep:     true,
		name:     subdomainName,
		defaults: fill(func(c *corev1.PersistentVolumeClaim) {
			if c.Status.Phase == "" {
				c.Status.Phase = corev1.ClaimPending
			}
			defaultClaimSpec(&c.Spec)
		}),
		admit: []admission{limitRanger, defaultStorageClass, inUseProtection(claimProtection)},
		prepareCreate: on(func(_ *Context, c *corev1.PersistentVolumeClaim) {
			c.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}
			syncDataSource(&c.Spec)
		}),
		prepareUpdate: pair(func(_ *Context, c, old *corev1.PersistentVolumeClaim) { c.Status = old.Status }),
		prepareStatus: pair(func(_ *Context, c, old *corev1.PersistentVolumeClaim) { c.Spec = old.Spec }),
		validate:      with(validateClaim),
		update:        both(validateClaimUpdate),
		columns:       claimColumns,
	}}
}

// storageEntries are the classes and drivers behind volumes.
func storageEntries() []*Entry {
	return []*Entry{{
		Resource: api.StorageClasses,
		deep:     true,
		name:     subdomainName,
		defaults: fill(func(c *storagev1.StorageClass) {
			if c.ReclaimPolicy == nil {
				c.ReclaimPolicy = api.Ptr(corev1.PersistentVolumeReclaimDelete)
			}
			if c.VolumeBindingMode == nil {
				c.VolumeBindingMode = api.Ptr(storagev1.VolumeBindingImmediate)
			}
		}),
		validate: with(validateStorageClass),
		update:   both(validateStorageClassUpdate),
		columns:  storageClassColumns,
	}, {
		Resource:      api.CSIDrivers,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultCSIDriver),
		prepareCreate: on(func(_ *Context, d *storagev1.CSIDriver) { d.Generation = 1 }),
		prepareUpdate: pair(func(_ *Context, d, old *storagev1.CSIDriver) {
			if !api.Equal(&d.Spec, &old.Spec) {
				d.Generation++
			}
		}),
		columns: nameAndAge,
	}, {
		Resource: api.CSINodes,
		deep:     true,
		name:     subdomainName,
		columns:  nameAndAge,
	}, {
		Resource: api.VolumeAttachments,
		deep:     true,
		name:     subdomainName,
		prepareCreate: on(func(_ *Context, a *storagev1.VolumeAttachment) {
			a.Status = storagev1.VolumeAttachmentStatus{}
		}),
		prepareUpdate: pair(func(_ *Context, a, old *storagev1.VolumeAttachment) { a.Status = old.Status }),
		prepareStatus: pair(func(_ *Context, a, old *storagev1.VolumeAttachment) { a.Spec = old.Spec }),
		update: both(func(a, old *storagev1.VolumeAttachment) field.ErrorList {
			if api.Equal(&a.Spec, &old.Spec) {
				return nil
			}
			return field.ErrorList{field.Invalid(field.NewPath("spec"), a.Spec, "field is immutable")}
		}),
		columns: attachmentColumns,
	}}
}

func defaultPersistentVolume(pv *corev1.PersistentVolume) {
	if pv.Status.Phase == "" {
		pv.Status.Phase = corev1.VolumePending
	}
	if pv.Spec.PersistentVolumeReclaimPolicy == "" {
		pv.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	}
	if pv.Spec.VolumeMode == nil {
		pv.Spec.VolumeMode = filesystemMode
	}
	if h := pv.Spec.HostPath; h != nil && h.Type == nil {
		h.Type = unsetHostPath
	}
	pv.Spec.Capacity = wholeMillis(pv.Spec.Capacity)
}

func preparePersistentVolume(ctx *Context, pv *corev1.PersistentVolume) {
	now := ctx.time()
	pv.Status = corev1.PersistentVolumeStatus{Phase: corev1.VolumePending, LastPhaseTransitionTime: &now}
}

// preparePersistentVolumeStatus stamps a change of phase that the client has not stamped itself.
func preparePersistentVolumeStatus(ctx *Context, pv, old *corev1.PersistentVolume) {
	pv.Spec = old.Spec
	stamp, was := pv.Status.LastPhaseTransitionTime, old.Status.LastPhaseTransitionTime
	switch {
	case old.Status.Phase == pv.Status.Phase:
		if stamp == nil {
			pv.Status.LastPhaseTransitionTime = was
		}
	case stamp == nil || stamp.Equal(was):
		now := ctx.time()
		pv.Status.LastPhaseTransitionTime = &now
	}
}

// syncDataSource keeps the two ways of naming a claim's source equal.
func syncDataSource(s *corev1.PersistentVolumeClaimSpec) {
	switch {
	case s.DataSource != nil && s.DataSourceRef == nil:
		s.DataSourceRef = &corev1.TypedObjectReference{APIGroup: s.DataSource.APIGroup, Kind: s.DataSource.Kind, Name: s.DataSource.Name}
	case s.DataSourceRef != nil && s.DataSource == nil && s.DataSourceRef.Namespace == nil:
		s.DataSource = &corev1.TypedLocalObjectReference{APIGroup: s.DataSourceRef.APIGroup, Kind: s.DataSourceRef.Kind, Name: s.DataSourceRef.Name}
	}
}

func defaultCSIDriver(d *storagev1.CSIDriver) {
	unset := func(p **bool, v bool) {
		if *p == nil {
			*p = &v
		}
	}
	unset(&d.Spec.AttachRequired, true)
	unset(&d.Spec.PodInfoOnMount, false)
	unset(&d.Spec.StorageCapacity, false)
	unset(&d.Spec.RequiresRepublish, false)
	unset(&d.Spec.SELinuxMount, false)
	if d.Spec.FSGroupPolicy == nil {
		d.Spec.FSGroupPolicy = api.Ptr(storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy)
	}
	if len(d.Spec.VolumeLifecycleModes) == 0 {
		d.Spec.VolumeLifecycleModes = []storagev1.VolumeLifecycleMode{storagev1.VolumeLifecyclePersistent}
	}
}
