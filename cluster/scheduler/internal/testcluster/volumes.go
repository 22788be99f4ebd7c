package testcluster

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	storagehelpers "k8s.io/component-helpers/storage/volume"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Volumes are a cluster's volumes without an API server: framework.Storage.
type Volumes struct {
	Claims      []*corev1.PersistentVolumeClaim
	PVs         []*corev1.PersistentVolume // by name
	Classes     []*storagev1.StorageClass
	CSINodes    []*storagev1.CSINode
	Drivers     []*storagev1.CSIDriver
	Attachments []*storagev1.VolumeAttachment
	// Wrote lists the writes, in order.
	Wrote []string
}

func find[T api.Object](in []T, namespace, name string) (none T) {
	for _, o := range in {
		if o.GetNamespace() == namespace && o.GetName() == name {
			return o
		}
	}
	return none
}

func (v *Volumes) PersistentVolumeClaim(namespace, name string) *corev1.PersistentVolumeClaim {
	return find(v.Claims, namespace, name)
}
func (v *Volumes) PersistentVolume(name string) *corev1.PersistentVolume {
	return find(v.PVs, "", name)
}
func (v *Volumes) StorageClass(name string) *storagev1.StorageClass { return find(v.Classes, "", name) }
func (v *Volumes) CSINode(name string) *storagev1.CSINode           { return find(v.CSINodes, "", name) }
func (v *Volumes) CSIDriver(name string) *storagev1.CSIDriver       { return find(v.Drivers, "", name) }

func (v *Volumes) PersistentVolumes(class string) []*corev1.PersistentVolume {
	var list []*corev1.PersistentVolume
	for _, pv := range v.PVs {
		if pv.Spec.StorageClassName == class {
			list = append(list, pv)
		}
	}
	return list
}

func (v *Volumes) VolumeAttachments(node string) []*storagev1.VolumeAttachment {
	var list []*storagev1.VolumeAttachment
	for _, a := range v.Attachments {
		if a.Spec.NodeName == node {
			list = append(list, a)
		}
	}
	return list
}

// UpdateVolume replaces a volume by its next version.
func (v *Volumes) UpdateVolume(pv *corev1.PersistentVolume, done func(*corev1.PersistentVolume, error)) {
	next := pv.DeepCopy()
	next.ResourceVersion = fmt.Sprint(api.ParseRV(pv.ResourceVersion) + 1)
	for i := range v.PVs {
		if v.PVs[i].Name == pv.Name {
			v.PVs[i] = next
		}
	}
	v.Wrote = append(v.Wrote, "volume "+pv.Name+" for "+pv.Spec.ClaimRef.Name)
	done(next, nil)
}

// UpdateClaim replaces a claim by its next version.
func (v *Volumes) UpdateClaim(pvc *corev1.PersistentVolumeClaim, done func(*corev1.PersistentVolumeClaim, error)) {
	next := pvc.DeepCopy()
	next.ResourceVersion = fmt.Sprint(api.ParseRV(pvc.ResourceVersion) + 1)
	for i := range v.Claims {
		if v.Claims[i].Name == pvc.Name && v.Claims[i].Namespace == pvc.Namespace {
			v.Claims[i] = next
		}
	}
	v.Wrote = append(v.Wrote, "claim "+pvc.Name+" on "+pvc.Annotations[storagehelpers.AnnSelectedNode])
	done(next, nil)
}

// Names of the classes that are drawn.
const (
	classNow       = "now"       // bound at once
	classProvision = "provision" // provisioned with the first pod
	classStatic    = "static"    // from existing volumes, with the first pod
	classHere      = "here"      // provisioned in zone a only
	classFull      = "full"      // its driver publishes its capacity, of which there is none
)

var drivers = []string{"disk.example.com", "full.example.com"}

// DrawVolumes draws volumes for the nodes n0 to n6 and claims in both namespaces.
func DrawVolumes(t *rapid.T) *Volumes {
	v := &Volumes{Classes: classes()}
	v.Drivers = []*storagev1.CSIDriver{{ObjectMeta: metav1.ObjectMeta{Name: drivers[1]}, Spec: storagev1.CSIDriverSpec{StorageCapacity: api.Ptr(true)}}}
	for i := range between(t, "volumes", 0, 6) {
		v.PVs = append(v.PVs, volume(t, fmt.Sprintf("pv%d", i)))
	}
	for _, namespace := range namespaces {
		for i := range between(t, "claims", 0, 5) {
			v.Claims = append(v.Claims, v.claim(t, namespace, fmt.Sprintf("c%d", i)))
		}
	}
	for i := range between(t, "CSI nodes", 0, 7) {
		n := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i)}}
		d := storagev1.CSINodeDriver{Name: drivers[0]}
		if chance(t, "limited", 70) {
			d.Allocatable = &storagev1.VolumeNodeResources{Count: api.Ptr(int32(between(t, "limit", 0, 2)))}
		}
		n.Spec.Drivers = append(n.Spec.Drivers, d)
		v.CSINodes = append(v.CSINodes, n)
	}
	for i := range between(t, "attachments", 0, 3) {
		a := &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("a%d", i)}}
		a.Spec.Attacher, a.Spec.NodeName = drivers[0], fmt.Sprintf("n%d", between(t, "attached to", 0, 6))
		a.Spec.Source.PersistentVolumeName = api.Ptr(fmt.Sprintf("pv%d", between(t, "attached", 0, 6)))
		v.Attachments = append(v.Attachments, a)
	}
	return v
}

func classes() []*storagev1.StorageClass {
	class := func(name, provisioner string, mode storagev1.VolumeBindingMode) *storagev1.StorageClass {
		return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, VolumeBindingMode: &mode}
	}
	here := class(classHere, drivers[0], storagev1.VolumeBindingWaitForFirstConsumer)
	here.AllowedTopologies = []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyZone, Values: []string{"a"}}}}}
	return []*storagev1.StorageClass{
		class(classNow, drivers[0], storagev1.VolumeBindingImmediate), class(classProvision, drivers[0], storagev1.VolumeBindingWaitForFirstConsumer),
		class(classStatic, storagehelpers.NotSupportedProvisioner, storagev1.VolumeBindingWaitForFirstConsumer), here,
		class(classFull, drivers[1], storagev1.VolumeBindingWaitForFirstConsumer),
	}
}

func volume(t *rapid.T, name string) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), ResourceVersion: "1", Labels: map[string]string{}}}
	pv.Spec.Capacity = api.Quantities("storage", pick(t, "capacity", []string{"1Gi", "2Gi", "5Gi"}))
	pv.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadWriteOncePod}
	pv.Spec.StorageClassName = pick(t, "class", []string{classStatic, classNow, classProvision})
	pv.Spec.VolumeMode = api.Ptr(corev1.PersistentVolumeFilesystem)
	pv.Status.Phase = corev1.VolumeAvailable
	if chance(t, "by a driver", 70) {
		pv.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: drivers[0], VolumeHandle: name}
	} else {
		pv.Spec.Local = &corev1.LocalVolumeSource{Path: "/data"}
	}
	if chance(t, "zone label", 30) {
		pv.Labels[pick(t, "label", []string{corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone, corev1.LabelTopologyRegion})] =
			pick(t, "zones", []string{"a", "b", "a__b", "a__"})
	}
	if chance(t, "node affinity", 40) {
		pv.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{pick(t, "in", []string{"a", "b"})}}},
		}}}}
	}
	return pv
}

// claim draws a claim that waits, is bound, or is in a state in which no pod can use it.
func (v *Volumes) claim(t *rapid.T, namespace, name string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + name), ResourceVersion: "1", Annotations: map[string]string{},
	}}
	c.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{Pick(t, "mode", []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadWriteOncePod})}
	c.Spec.Resources.Requests = api.Quantities("storage", pick(t, "size", []string{"1Gi", "3Gi", "9Gi"}))
	c.Spec.VolumeMode = api.Ptr(corev1.PersistentVolumeFilesystem)
	class := pick(t, "class", []string{classStatic, classStatic, classProvision, classProvision, classHere, classFull, classNow, "gone", ""})
	c.Spec.StorageClassName = &class
	c.Status.Phase = corev1.ClaimPending
	switch between(t, "state", 0, 11) {
	case 0, 1, 2, 3, 4:
		v.bind(c, fmt.Sprintf("pv%d", between(t, "bound to", 0, 6)))
	case 5:
		c.Status.Phase = corev1.ClaimLost
	case 6:
		c.Annotations[storagehelpers.AnnSelectedNode] = fmt.Sprintf("n%d", between(t, "promised", 0, 6))
	case 7:
		c.DeletionTimestamp = &metav1.Time{Time: Now}
	}
	return c
}

func (v *Volumes) bind(c *corev1.PersistentVolumeClaim, volume string) {
	c.Spec.VolumeName, c.Status.Phase = volume, corev1.ClaimBound
	c.Annotations[storagehelpers.AnnBindCompleted] = "yes"
	if pv := v.PersistentVolume(volume); pv != nil && pv.Spec.ClaimRef == nil {
		pv.Spec.ClaimRef = &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID}
		pv.Status.Phase = corev1.VolumeBound
	}
}

// Mount gives a pod volumes: claims, disks, and such as mean nothing to a scheduler.
func Mount(t *rapid.T, p *corev1.Pod) {
	for i := range Pick(t, "mounts", []int{0, 1, 1, 2}) {
		v := corev1.Volume{Name: fmt.Sprintf("v%d", i)}
		switch between(t, "kind of volume", 0, 9) {
		case 0:
			v.GCEPersistentDisk = &corev1.GCEPersistentDiskVolumeSource{PDName: pick(t, "disk", []string{"x", "y"}), ReadOnly: rapid.Bool().Draw(t, "read only")}
		case 1:
			v.ISCSI = &corev1.ISCSIVolumeSource{IQN: pick(t, "disk", []string{"x", "y"}), ReadOnly: rapid.Bool().Draw(t, "read only")}
		case 2:
			v.RBD = &corev1.RBDVolumeSource{CephMonitors: []string{pick(t, "monitor", []string{"a", "b"}), "c"}, RBDImage: pick(t, "image", []string{"x", "y"}), ReadOnly: rapid.Bool().Draw(t, "read only")}
		case 3:
			v.EmptyDir = &corev1.EmptyDirVolumeSource{}
		case 4:
			v.Ephemeral = &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{}}
		default:
			v.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: fmt.Sprintf("c%d", between(t, "claim", 0, 5))}
		}
		p.Spec.Volumes = append(p.Spec.Volumes, v)
	}
}
