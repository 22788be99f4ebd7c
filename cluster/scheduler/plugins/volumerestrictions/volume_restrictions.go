// Package volumerestrictions keeps pods apart that can't mount the same volume: disks that one node at a time may write, and claims with the
// access mode ReadWriteOncePod.
package volumerestrictions

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// VolumeRestrictions is a PreFilter and Filter plugin.
type VolumeRestrictions struct {
	helper.SignedByVolumes
	storage framework.Storage
	key     framework.StateKey
}

// New returns the plugin.
func New(h *framework.Handle) *VolumeRestrictions {
	return &VolumeRestrictions{storage: h.Storage, key: h.NewStateKey()}
}

func (*VolumeRestrictions) Name() string { return names.VolumeRestrictions }

var (
	skip         = framework.NewStatus(framework.Skip)
	errDisk      = framework.Rejection(names.VolumeRestrictions, framework.Unschedulable, "node(s) had no available disk")
	errExclusive = framework.Rejection(names.VolumeRestrictions, framework.Unschedulable,
		"node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod")
)

// state counts who uses the claims that the pod wants for itself.
type state struct {
	exclusive []string
	users     int
}

// CloneState implements framework.Cloner.
func (s *state) CloneState() any { c := *s; return &c }

// PreFilter finds the exclusive claims and whether anybody uses them. Pods without such claims in use, and without disks, skip.
func (p *VolumeRestrictions) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	pod := c.Pod.Pod
	if len(pod.Spec.Volumes) == 0 {
		return nil, skip
	}
	var s state
	for i := range pod.Spec.Volumes {
		claim := pod.Spec.Volumes[i].PersistentVolumeClaim
		if claim == nil {
			continue
		}
		pvc := p.storage.PersistentVolumeClaim(pod.Namespace, claim.ClaimName)
		if pvc == nil {
			return nil, framework.Rejection(names.VolumeRestrictions, framework.UnschedulableAndUnresolvable, helper.NotFound("persistentvolumeclaim", claim.ClaimName))
		}
		if slices.Contains(pvc.Spec.AccessModes, corev1.ReadWriteOncePod) && !slices.Contains(s.exclusive, pvc.Name) {
			s.exclusive = append(s.exclusive, pvc.Name)
		}
	}
	for _, name := range s.exclusive {
		if isUsed(c.Snapshot, pod.Namespace+"/"+name) {
			s.users++
		}
	}
	if s.users == 0 && !slices.ContainsFunc(pod.Spec.Volumes, isDisk) {
		return nil, skip
	}
	c.Write(p.key, &s)
	return nil, nil
}

// isUsed reports whether any pod on a node mounts the claim.
func isUsed(s *framework.Snapshot, claim string) bool {
	for _, slot := range s.Order {
		if s.Nodes[slot].Claims[claim] > 0 {
			return true
		}
	}
	return false
}

// AddPod implements framework.PreFilterExtensions. As upstream, a claim counts by its name in any namespace.
func (p *VolumeRestrictions) AddPod(c *framework.Cycle, added *framework.PodInfo, _ *framework.NodeInfo) *framework.Status {
	s := framework.StateOf[state](c, p.key)
	s.users += s.uses(added.Pod)
	return nil
}

// RemovePod implements framework.PreFilterExtensions.
func (p *VolumeRestrictions) RemovePod(c *framework.Cycle, removed *framework.PodInfo, _ *framework.NodeInfo) *framework.Status {
	s := framework.StateOf[state](c, p.key)
	s.users -= s.uses(removed.Pod)
	return nil
}

func (s *state) uses(pod *corev1.Pod) int {
	n := 0
	for i := range pod.Spec.Volumes {
		if claim := pod.Spec.Volumes[i].PersistentVolumeClaim; claim != nil && slices.Contains(s.exclusive, claim.ClaimName) {
			n++
		}
	}
	return n
}

// Filter refuses nodes where another pod has a disk mounted, and every node while an exclusive claim is in use.
func (p *VolumeRestrictions) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	for _, other := range node.Pods {
		if conflict(c.Pod.Pod, other.Pod) {
			return errDisk
		}
	}
	if framework.StateOf[state](c, p.key).users > 0 {
		return errExclusive
	}
	return nil
}

// conflict reports whether two pods want the same disk on one node.
func conflict(pod, other *corev1.Pod) bool {
	for i := range pod.Spec.Volumes {
		if !isDisk(pod.Spec.Volumes[i]) {
			continue
		}
		for k := range other.Spec.Volumes {
			if sameDisk(&pod.Spec.Volumes[i], &other.Spec.Volumes[k]) {
				return true
			}
		}
	}
	return false
}

func isDisk(v corev1.Volume) bool {
	return v.GCEPersistentDisk != nil || v.AWSElasticBlockStore != nil || v.RBD != nil || v.ISCSI != nil
}

// sameDisk reports whether two volumes are one disk that they can't share: except for AWS, readers can.
func sameDisk(a, b *corev1.Volume) bool {
	switch {
	case a.GCEPersistentDisk != nil && b.GCEPersistentDisk != nil && a.GCEPersistentDisk.PDName == b.GCEPersistentDisk.PDName &&
		!(a.GCEPersistentDisk.ReadOnly && b.GCEPersistentDisk.ReadOnly):
		return true
	case a.AWSElasticBlockStore != nil && b.AWSElasticBlockStore != nil && a.AWSElasticBlockStore.VolumeID == b.AWSElasticBlockStore.VolumeID:
		return true
	case a.ISCSI != nil && b.ISCSI != nil && a.ISCSI.IQN == b.ISCSI.IQN && !(a.ISCSI.ReadOnly && b.ISCSI.ReadOnly):
		return true
	case a.RBD != nil && b.RBD != nil && a.RBD.RBDPool == b.RBD.RBDPool && a.RBD.RBDImage == b.RBD.RBDImage &&
		slices.ContainsFunc(a.RBD.CephMonitors, func(m string) bool { return slices.Contains(b.RBD.CephMonitors, m) }) &&
		!(a.RBD.ReadOnly && b.RBD.ReadOnly):
		return true
	}
	return false
}

// EventsToRegister: a pod may release the volume, a node or the claim may come.
func (*VolumeRestrictions) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Delete}, Hint: afterPodDeleted},
		{Event: framework.EventNodeAdd},
		{Event: framework.ClusterEvent{Resource: framework.PersistentVolumeClaim, Action: framework.Add}, Hint: afterClaimAdded},
	}
}

func afterPodDeleted(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	deleted, _, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if deleted.Namespace != pod.Namespace {
		return framework.QueueSkip, nil
	}
	if conflict(pod, deleted) {
		return framework.Queue, nil
	}
	// Whether the claim is exclusive isn't asked, as upstream.
	if slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && slices.ContainsFunc(deleted.Spec.Volumes, func(d corev1.Volume) bool {
			return d.PersistentVolumeClaim != nil && d.PersistentVolumeClaim.ClaimName == v.PersistentVolumeClaim.ClaimName
		})
	}) {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}

func afterClaimAdded(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, added, err := helper.As[corev1.PersistentVolumeClaim](before, after)
	if err != nil || helper.MountsClaim(pod, added) {
		return framework.Queue, err
	}
	return framework.QueueSkip, nil
}
