// Package volumezone keeps pods in the zones and regions that their bound volumes are labelled with.
package volumezone

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// VolumeZone is a PreFilter and Filter plugin.
type VolumeZone struct {
	helper.SignedByVolumes
	storage framework.Storage
	key     framework.StateKey
}

// New returns the plugin.
func New(h *framework.Handle) *VolumeZone {
	return &VolumeZone{storage: h.Storage, key: h.NewStateKey()}
}

func (*VolumeZone) Name() string { return names.VolumeZone }

var (
	skip    = framework.NewStatus(framework.Skip)
	errZone = refuse(framework.UnschedulableAndUnresolvable, "node(s) had no available volume zone")
)

func refuse(code framework.Code, reason string) *framework.Status {
	return framework.Rejection(names.VolumeZone, code, reason)
}

// topologyLabels are the labels that are compared; the first two are names of old.
var topologyLabels = []string{corev1.LabelFailureDomainBetaZone, corev1.LabelFailureDomainBetaRegion, corev1.LabelTopologyZone, corev1.LabelTopologyRegion}

// successor is the present name of a label.
var successor = map[string]string{
	corev1.LabelFailureDomainBetaZone: corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaRegion: corev1.LabelTopologyRegion,
}

// topology is a label of a volume, and the values with which nodes can reach it.
type topology struct {
	label  string
	values []string
}

type state struct{ topologies []topology }

// PreFilter collects the labels of the pod's volumes.
func (p *VolumeZone) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	pod := c.Pod.Pod
	var s state
	for i := range pod.Spec.Volumes {
		claim := pod.Spec.Volumes[i].PersistentVolumeClaim
		if claim == nil {
			continue
		}
		pv, status := p.volumeOf(pod.Namespace, claim.ClaimName)
		if status != nil {
			return nil, status
		}
		if pv != nil {
			s.topologies = append(s.topologies, topologiesOf(pv)...)
		}
	}
	if len(s.topologies) == 0 {
		return nil, skip
	}
	c.Write(p.key, &s)
	return nil, nil
}

// volumeOf returns the volume that a claim is bound to; nil if it waits for its first pod.
func (p *VolumeZone) volumeOf(namespace, name string) (*corev1.PersistentVolume, *framework.Status) {
	const never = framework.UnschedulableAndUnresolvable
	if name == "" {
		return nil, refuse(never, "PersistentVolumeClaim had no name")
	}
	pvc := p.storage.PersistentVolumeClaim(namespace, name)
	if pvc == nil {
		return nil, refuse(never, helper.NotFound("persistentvolumeclaim", name))
	}
	if pvc.Spec.VolumeName == "" {
		return nil, p.unbound(pvc)
	}
	pv := p.storage.PersistentVolume(pvc.Spec.VolumeName)
	if pv == nil {
		return nil, refuse(never, helper.NotFound("persistentvolume", pvc.Spec.VolumeName))
	}
	return pv, nil
}

// unbound says what is wrong with a claim that has no volume yet; nil if nothing is.
func (p *VolumeZone) unbound(pvc *corev1.PersistentVolumeClaim) *framework.Status {
	const never = framework.UnschedulableAndUnresolvable
	name := storagehelpers.GetPersistentVolumeClaimClass(pvc)
	if name == "" {
		return refuse(never, "PersistentVolumeClaim had no pv name and storageClass name")
	}
	class := p.storage.StorageClass(name)
	switch {
	case class == nil:
		return refuse(never, helper.NotFound("storageclass.storage.k8s.io", name))
	case class.VolumeBindingMode == nil:
		return refuse(never, "VolumeBindingMode not set for StorageClass \""+name+"\"")
	case *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer:
		return refuse(never, "PersistentVolume had no name")
	}
	return nil
}

// topologiesOf reads a volume's labels. Several values are separated by two underscores; a label with an empty one counts for nothing.
func topologiesOf(pv *corev1.PersistentVolume) []topology {
	var list []topology
	for _, label := range topologyLabels {
		value, ok := pv.Labels[label]
		if !ok {
			continue
		}
		values := strings.Split(value, "__")
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		if !slices.Contains(values, "") {
			list = append(list, topology{label, values})
		}
	}
	return list
}

// Filter refuses nodes elsewhere. A node without any of the labels may be anywhere.
func (p *VolumeZone) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	labels := node.Node.Labels
	if !slices.ContainsFunc(topologyLabels, func(l string) bool { _, ok := labels[l]; return ok }) {
		return nil
	}
	for _, t := range framework.StateOf[state](c, p.key).topologies {
		value, ok := labels[t.label]
		if !ok {
			if now, old := successor[t.label]; old {
				value, ok = labels[now]
			}
		}
		if !ok || !slices.Contains(t.values, value) {
			return errZone
		}
	}
	return nil
}

// EventsToRegister: classes, nodes, claims and volumes may come; nodes, claims and volumes may change.
func (*VolumeZone) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.StorageClass, Action: framework.Add}, Hint: afterClassAdded},
		{Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeLabel}},
		{Event: framework.ClusterEvent{Resource: framework.PersistentVolumeClaim, Action: framework.Add | framework.Update}, Hint: afterClaim},
		{Event: framework.ClusterEvent{Resource: framework.PersistentVolume, Action: framework.Add | framework.Update}, Hint: afterVolume},
	}
}

func afterClassAdded(_ *corev1.Pod, _, after any) (framework.Hint, error) {
	_, class, err := helper.As[storagev1.StorageClass](nil, after)
	if err != nil {
		return framework.Queue, err
	}
	if class.VolumeBindingMode == nil || *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}

func afterClaim(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, pvc, err := helper.As[corev1.PersistentVolumeClaim](before, after)
	if err != nil {
		return framework.Queue, err
	}
	for i := range pod.Spec.Volumes {
		if claim := pod.Spec.Volumes[i].PersistentVolumeClaim; claim != nil && claim.ClaimName == pvc.Name && pod.Namespace == pvc.Namespace {
			return framework.Queue, nil
		}
	}
	return framework.QueueSkip, nil
}

func afterVolume(_ *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.PersistentVolume](before, after)
	if err != nil || was == nil {
		return framework.Queue, err
	}
	same := func(a, b topology) bool { return a.label == b.label && slices.Equal(a.values, b.values) }
	if slices.EqualFunc(topologiesOf(was), topologiesOf(is), same) {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}
