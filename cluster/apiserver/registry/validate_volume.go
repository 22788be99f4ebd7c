package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// validateVolumes returns the names that containers may mount.
func validateVolumes(volumes []corev1.Volume, path *field.Path) (map[string]bool, field.ErrorList) {
	if len(volumes) == 0 {
		return nil, nil
	}
	var errs field.ErrorList
	names := make(map[string]bool, len(volumes))
	for i := range volumes {
		v := &volumes[i]
		at := func() *field.Path { return path.Index(i) }
		switch {
		case v.Name == "":
			errs = append(errs, field.Required(at().Child("name"), ""))
		case names[v.Name]:
			errs = append(errs, field.Duplicate(at().Child("name"), v.Name))
		case !isLabel(v.Name):
			errs = append(errs, checkDNSLabel(v.Name, at().Child("name"))...)
		}
		names[v.Name] = true
		if v.Projected != tokenProjection { // ours is known to be right
			errs = append(errs, validateVolumeSource(&v.VolumeSource, at())...)
		}
	}
	return names, errs
}

// validateVolumeSource checks that there is exactly one source and that it names what it must.
func validateVolumeSource(s *corev1.VolumeSource, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	sources := 0
	has := func(set bool, child string) bool {
		if !set {
			return false
		}
		sources++
		if sources > 1 {
			errs = append(errs, field.Forbidden(at.Child(child), "may not specify more than 1 volume type"))
			return false
		}
		return true
	}
	need := func(value string, children ...string) {
		if value == "" {
			errs = append(errs, field.Required(at.Child(children[0], children[1:]...), ""))
		}
	}
	has(s.EmptyDir != nil, "emptyDir")
	if has(s.HostPath != nil, "hostPath") {
		need(s.HostPath.Path, "hostPath", "path")
		errs = append(errs, noBackstep(s.HostPath.Path, at.Child("hostPath", "path"))...)
	}
	if has(s.Secret != nil, "secret") {
		need(s.Secret.SecretName, "secret", "secretName")
		errs = append(errs, validateItems(s.Secret.Items, s.Secret.DefaultMode, at.Child("secret"))...)
	}
	if has(s.ConfigMap != nil, "configMap") {
		need(s.ConfigMap.Name, "configMap", "name")
		errs = append(errs, validateItems(s.ConfigMap.Items, s.ConfigMap.DefaultMode, at.Child("configMap"))...)
	}
	if has(s.PersistentVolumeClaim != nil, "persistentVolumeClaim") {
		need(s.PersistentVolumeClaim.ClaimName, "persistentVolumeClaim", "claimName")
	}
	if has(s.NFS != nil, "nfs") {
		need(s.NFS.Server, "nfs", "server")
		need(s.NFS.Path, "nfs", "path")
	}
	if has(s.Projected != nil, "projected") {
		errs = append(errs, validateMode(s.Projected.DefaultMode, at.Child("projected", "defaultMode"))...)
	}
	if has(s.DownwardAPI != nil, "downwardAPI") {
		errs = append(errs, validateMode(s.DownwardAPI.DefaultMode, at.Child("downwardAPI", "defaultMode"))...)
	}
	if has(s.CSI != nil, "csi") {
		need(s.CSI.Driver, "csi", "driver")
	}
	if has(s.Ephemeral != nil, "ephemeral") && s.Ephemeral.VolumeClaimTemplate == nil {
		errs = append(errs, field.Required(at.Child("ephemeral", "volumeClaimTemplate"), ""))
	}
	if sources == 0 && *s == (corev1.VolumeSource{}) {
		errs = append(errs, field.Required(at, "must specify a volume type"))
	}
	return errs
}

func validateItems(items []corev1.KeyToPath, mode *int32, at *field.Path) field.ErrorList {
	errs := validateMode(mode, at.Child("defaultMode"))
	for i, item := range items {
		path := at.Child("items").Index(i)
		if item.Key == "" {
			errs = append(errs, field.Required(path.Child("key"), ""))
		}
		if item.Path == "" {
			errs = append(errs, field.Required(path.Child("path"), ""))
		}
		errs = append(errs, relativeInside(item.Path, path.Child("path"))...)
	}
	return errs
}

// highestMode is the largest file mode: rwx for all.
const highestMode = 0o777

func validateMode(mode *int32, at *field.Path) field.ErrorList {
	if mode == nil || *mode >= 0 && *mode <= highestMode {
		return nil
	}
	return field.ErrorList{field.Invalid(at, *mode, "must be a number between 0 and 0777 (octal), both inclusive")}
}

var accessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany, corev1.ReadWriteMany, corev1.ReadWriteOnce, corev1.ReadWriteOncePod}

func validateAccessModes(modes []corev1.PersistentVolumeAccessMode, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, m := range modes {
		errs = append(errs, oneOf(m, accessModes, true, path)...)
		if m == corev1.ReadWriteOncePod && len(modes) > 1 && i == 0 {
			errs = append(errs, field.Forbidden(path, "may not use ReadWriteOncePod with other access modes"))
		}
	}
	return errs
}

var reclaimPolicies = []corev1.PersistentVolumeReclaimPolicy{corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRecycle, corev1.PersistentVolumeReclaimRetain}

func validatePersistentVolume(pv *corev1.PersistentVolume) field.ErrorList {
	var errs field.ErrorList
	if len(pv.Spec.AccessModes) == 0 {
		errs = append(errs, field.Required(specPath.Child("accessModes"), ""))
	}
	errs = append(errs, validateAccessModes(pv.Spec.AccessModes, specPath.Child("accessModes"))...)
	capacity := specPath.Child("capacity")
	if len(pv.Spec.Capacity) == 0 {
		errs = append(errs, field.Required(capacity, ""))
	}
	if _, has := pv.Spec.Capacity[corev1.ResourceStorage]; !has || len(pv.Spec.Capacity) > 1 {
		errs = append(errs, field.NotSupported(capacity, pv.Spec.Capacity, []corev1.ResourceName{corev1.ResourceStorage}))
	}
	for _, name := range sortedKeys(pv.Spec.Capacity) {
		if q := pv.Spec.Capacity[name]; q.Sign() <= 0 {
			errs = append(errs, field.Invalid(capacity.Key(string(name)), q.String(), "must be greater than zero"))
		}
	}
	errs = append(errs, oneOf(pv.Spec.PersistentVolumeReclaimPolicy, reclaimPolicies, false, specPath.Child("persistentVolumeReclaimPolicy"))...)
	if pv.Spec.PersistentVolumeSource == (corev1.PersistentVolumeSource{}) {
		errs = append(errs, field.Required(specPath, "must specify a volume type"))
	}
	if pv.Spec.Local != nil && pv.Spec.NodeAffinity == nil {
		errs = append(errs, field.Required(specPath.Child("nodeAffinity"), "Local volume requires node affinity"))
	}
	return errs
}

func validatePersistentVolumeUpdate(pv, old *corev1.PersistentVolume) field.ErrorList {
	a := &corev1.PersistentVolumeSpec{PersistentVolumeSource: pv.Spec.PersistentVolumeSource}
	b := &corev1.PersistentVolumeSpec{PersistentVolumeSource: old.Spec.PersistentVolumeSource}
	if !api.Equal(a, b) {
		return field.ErrorList{field.Forbidden(specPath.Child("persistentvolumesource"), "spec.persistentvolumesource is immutable after creation")}
	}
	return nil
}

func validateClaim(c *corev1.PersistentVolumeClaim) field.ErrorList {
	var errs field.ErrorList
	if len(c.Spec.AccessModes) == 0 {
		errs = append(errs, field.Required(specPath.Child("accessModes"), "at least 1 access mode is required"))
	}
	errs = append(errs, checkSelector(c.Spec.Selector, specPath.Child("selector"))...)
	errs = append(errs, validateAccessModes(c.Spec.AccessModes, specPath.Child("accessModes"))...)
	at := specPath.Child("resources").Key(string(corev1.ResourceStorage))
	storage, has := c.Spec.Resources.Requests[corev1.ResourceStorage]
	switch {
	case !has:
		errs = append(errs, field.Required(at, ""))
	case storage.Sign() <= 0:
		errs = append(errs, field.Invalid(at, storage.String(), "must be greater than zero"))
	}
	if n := c.Spec.StorageClassName; n != nil && *n != "" {
		errs = append(errs, checkSubdomain(*n, specPath.Child("storageClassName"))...)
	}
	return errs
}

const claimImmutable = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"

// validateClaimUpdate lets a claim be bound once and then only grow.
func validateClaimUpdate(c, old *corev1.PersistentVolumeClaim) field.ErrorList {
	if api.Equal(&c.Spec, &old.Spec) {
		return nil
	}
	s := c.Spec.DeepCopy()
	if old.Spec.VolumeName == "" {
		s.VolumeName = old.Spec.VolumeName
	}
	if old.Spec.StorageClassName == nil && c.Spec.VolumeName == "" || old.Spec.StorageClassName == nil && old.Status.Phase != corev1.ClaimBound {
		s.StorageClassName = nil // assigning the default class after the fact
	}
	s.VolumeAttributesClassName = old.Spec.VolumeAttributesClassName
	grows := old.Status.Phase == corev1.ClaimBound
	if grows {
		s.Resources.Requests = old.Spec.Resources.Requests
	}
	if !api.Equal(s, &old.Spec) {
		return field.ErrorList{field.Forbidden(specPath, claimImmutable)}
	}
	now, was := c.Spec.Resources.Requests[corev1.ResourceStorage], old.Spec.Resources.Requests[corev1.ResourceStorage]
	if now.Cmp(was) < 0 {
		return field.ErrorList{field.Forbidden(specPath.Child("resources", "requests", "storage"), "field can not be less than status.capacity")}
	}
	return nil
}

func validateStorageClass(c *storagev1.StorageClass) field.ErrorList {
	if c.Provisioner == "" {
		return field.ErrorList{field.Required(field.NewPath("provisioner"), "")}
	}
	return oneOf(*c.VolumeBindingMode, []storagev1.VolumeBindingMode{storagev1.VolumeBindingImmediate, storagev1.VolumeBindingWaitForFirstConsumer}, true, field.NewPath("volumeBindingMode"))
}

func validateStorageClassUpdate(c, old *storagev1.StorageClass) field.ErrorList {
	var errs field.ErrorList
	forbid := func(changed bool, name string) {
		if changed {
			errs = append(errs, field.Forbidden(field.NewPath(name), "updates to "+name+" are forbidden."))
		}
	}
	forbid(!sameStrings(c.Parameters, old.Parameters), "parameters")
	forbid(c.Provisioner != old.Provisioner, "provisioner")
	forbid(*c.ReclaimPolicy != *old.ReclaimPolicy, "reclaimPolicy")
	errs = append(errs, immutable(*c.VolumeBindingMode == *old.VolumeBindingMode, c.VolumeBindingMode, field.NewPath("volumeBindingMode"))...)
	return errs
}
