package nodevolumelimits

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
)

// EventsToRegister: limits may come or grow, pods and attachments may go, the claim may come.
func (*NodeVolumeLimits) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.CSINode, Action: framework.Add}},
		{Event: framework.ClusterEvent{Resource: framework.CSINode, Action: framework.Update}, Hint: afterCSINode},
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Delete}, Hint: afterPodDeleted},
		{Event: framework.ClusterEvent{Resource: framework.PersistentVolumeClaim, Action: framework.Add}, Hint: afterClaimAdded},
		{Event: framework.ClusterEvent{Resource: framework.VolumeAttachment, Action: framework.Delete}, Hint: afterDetached},
	}
}

func afterCSINode(_ *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[storagev1.CSINode](before, after)
	if err != nil {
		return framework.Queue, err
	}
	old := limitsOf(was)
	//sim:unordered true if any driver has more
	for driver, limit := range limitsOf(is) {
		if limit > old[driver] {
			return framework.Queue, nil
		}
	}
	return framework.QueueSkip, nil
}

func afterPodDeleted(_ *corev1.Pod, before, after any) (framework.Hint, error) {
	deleted, _, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if deleted.Spec.NodeName == "" && deleted.Status.NominatedNodeName == "" || !helper.HasClaims(deleted) {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}

func afterClaimAdded(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, added, err := helper.As[corev1.PersistentVolumeClaim](before, after)
	if err != nil || helper.MountsClaim(pod, added) {
		return framework.Queue, err
	}
	return framework.QueueSkip, nil
}

func afterDetached(pod *corev1.Pod, _, _ any) (framework.Hint, error) {
	for i := range pod.Spec.Volumes {
		if pod.Spec.Volumes[i].PersistentVolumeClaim != nil {
			return framework.Queue, nil
		}
	}
	return framework.QueueSkip, nil
}
