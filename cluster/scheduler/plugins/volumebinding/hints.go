package volumebinding

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
)

// EventsToRegister: classes, claims, volumes, nodes and drivers may come or change.
func (*VolumeBinding) EventsToRegister() []framework.ClusterEventWithHint {
	const addOrUpdate = framework.Add | framework.Update
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.StorageClass, Action: addOrUpdate}, Hint: afterClass},
		{Event: framework.ClusterEvent{Resource: framework.PersistentVolumeClaim, Action: addOrUpdate}, Hint: afterClaim},
		{Event: framework.ClusterEvent{Resource: framework.PersistentVolume, Action: addOrUpdate}},
		{Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeLabel}},
		{Event: framework.ClusterEvent{Resource: framework.CSINode, Action: addOrUpdate}, Hint: afterCSINode},
		{Event: framework.ClusterEvent{Resource: framework.CSIDriver, Action: framework.Update}, Hint: afterCSIDriver},
	}
}

func afterClass(_ *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[storagev1.StorageClass](before, after)
	if err != nil || was == nil || !equality.Semantic.DeepEqual(was.AllowedTopologies, is.AllowedTopologies) {
		return framework.Queue, err
	}
	return framework.QueueSkip, nil
}

func afterClaim(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, pvc, err := helper.As[corev1.PersistentVolumeClaim](before, after)
	if err != nil || helper.MountsClaim(pod, pvc) {
		return framework.Queue, err
	}
	return framework.QueueSkip, nil
}

func afterCSINode(_ *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[storagev1.CSINode](before, after)
	if err != nil || was == nil || was.Annotations[corev1.MigratedPluginsAnnotationKey] != is.Annotations[corev1.MigratedPluginsAnnotationKey] {
		return framework.Queue, err
	}
	return framework.QueueSkip, nil
}

func afterCSIDriver(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[storagev1.CSIDriver](before, after)
	if err != nil {
		return framework.Queue, err
	}
	limited := func(d *storagev1.CSIDriver) bool { return d.Spec.StorageCapacity != nil && *d.Spec.StorageCapacity }
	for i := range pod.Spec.Volumes {
		if csi := pod.Spec.Volumes[i].CSI; csi != nil && csi.Driver == is.Name && limited(was) && !limited(is) {
			return framework.Queue, nil
		}
	}
	return framework.QueueSkip, nil
}
