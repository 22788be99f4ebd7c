// Package nodevolumelimits keeps nodes from getting more volumes of a CSI driver than the driver can attach there. In-tree volumes that a
// driver has taken over are not translated and don't count.
package nodevolumelimits

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/component-helpers/storage/ephemeral"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// NodeVolumeLimits is a PreFilter and Filter plugin.
type NodeVolumeLimits struct {
	helper.SignedByVolumes
	storage framework.Storage
}

// New returns the plugin.
func New(h *framework.Handle) *NodeVolumeLimits { return &NodeVolumeLimits{storage: h.Storage} }

func (*NodeVolumeLimits) Name() string { return names.NodeVolumeLimits }

var (
	skip    = framework.NewStatus(framework.Skip)
	errFull = framework.Rejection(names.NodeVolumeLimits, framework.Unschedulable, "node(s) exceed max volume count")
)

// PreFilter leaves out pods without claims and without volumes that a driver may have taken over.
func (*NodeVolumeLimits) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	if helper.HasClaims(c.Pod.Pod) || slices.ContainsFunc(c.Pod.Pod.Spec.Volumes, isMigratable) {
		return nil, nil
	}
	return nil, skip
}

// isMigratable reports whether an in-tree volume has a driver (k8s.io/csi-translation-lib/plugins).
func isMigratable(v corev1.Volume) bool {
	return v.AWSElasticBlockStore != nil || v.GCEPersistentDisk != nil || v.AzureDisk != nil || v.AzureFile != nil || v.Cinder != nil ||
		v.VsphereVolume != nil || v.PortworxVolume != nil
}

// volume is a volume that a driver attaches.
type volume struct{ driver, handle string }

// Filter counts, driver by driver, what the pod would add to what is attached or used on the node.
func (p *NodeVolumeLimits) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	wanted := map[volume]bool{}
	if missing, err := p.collect(c.Pod.Pod, true, wanted); missing {
		return framework.Rejection(names.NodeVolumeLimits, framework.UnschedulableAndUnresolvable, err.Error())
	} else if err != nil {
		return framework.AsStatus(err)
	}
	limits := limitsOf(p.storage.CSINode(node.Name()))
	if len(wanted) == 0 || len(limits) == 0 {
		return nil
	}
	attached := map[volume]bool{}
	for _, other := range node.Pods {
		if _, err := p.collect(other.Pod, false, attached); err != nil {
			return framework.AsStatus(err)
		}
	}
	p.collectAttachments(node.Name(), attached, wanted)
	counts := map[string]int64{}
	//sim:unordered a sum by driver
	for v := range attached {
		counts[v.driver]++
	}
	added := map[string]int64{}
	//sim:unordered a sum by driver
	for v := range wanted {
		added[v.driver]++
	}
	//sim:unordered the same answer whichever driver is full
	for driver, n := range added {
		if limit, limited := limits[driver]; limited && counts[driver]+n > limit {
			return errFull
		}
	}
	return nil
}

// limitsOf reads what a node's drivers can attach.
func limitsOf(node *storagev1.CSINode) map[string]int64 {
	if node == nil {
		return nil
	}
	limits := map[string]int64{}
	for _, d := range node.Spec.Drivers {
		if d.Allocatable != nil && d.Allocatable.Count != nil {
			limits[d.Name] = int64(*d.Allocatable.Count)
		}
	}
	return limits
}

// collect adds the volumes of a pod. missing says that the error is a claim that doesn't exist, without which a new pod can't run.
func (p *NodeVolumeLimits) collect(pod *corev1.Pod, isNew bool, into map[volume]bool) (missing bool, err error) {
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		if v.PersistentVolumeClaim == nil && v.Ephemeral == nil {
			continue
		}
		name, isEphemeral := helper.ClaimOf(pod, v)
		if name == "" {
			return false, errors.New("PersistentVolumeClaim had no name")
		}
		pvc := p.storage.PersistentVolumeClaim(pod.Namespace, name)
		if pvc == nil {
			if isNew {
				return true, fmt.Errorf("looking up PVC %s/%s: %s", pod.Namespace, name, helper.NotFound("persistentvolumeclaim", name))
			}
			continue
		}
		if isEphemeral {
			if err := ephemeral.VolumeIsForPod(pod, pvc); err != nil {
				return false, err
			}
		}
		if found := p.volumeOf(pvc); found.driver != "" && found.handle != "" {
			into[found] = true
		}
	}
	return false, nil
}

// volumeOf returns the volume that a claim is bound to, or one of a name nobody else has that its class will provide.
func (p *NodeVolumeLimits) volumeOf(pvc *corev1.PersistentVolumeClaim) volume {
	if name := pvc.Spec.VolumeName; name != "" {
		if pv := p.storage.PersistentVolume(name); pv != nil {
			if pv.Spec.CSI == nil {
				return volume{}
			}
			return volume{pv.Spec.CSI.Driver, pv.Spec.CSI.VolumeHandle}
		}
	}
	class := p.storage.StorageClass(storagehelpers.GetPersistentVolumeClaimClass(pvc))
	if class == nil {
		return volume{}
	}
	return volume{class.Provisioner, "to be provisioned/" + pvc.Namespace + "/" + pvc.Name}
}

// collectAttachments adds what is attached to a node, whether a pod uses it or not. Wanted volumes that pods there use don't count again;
// those that are only attached do, as upstream.
func (p *NodeVolumeLimits) collectAttachments(node string, attached, wanted map[volume]bool) {
	//sim:unordered deletes
	for v := range attached {
		delete(wanted, v)
	}
	for _, a := range p.storage.VolumeAttachments(node) {
		if a.Spec.Attacher == "" || a.Spec.Source.PersistentVolumeName == nil {
			continue
		}
		if pv := p.storage.PersistentVolume(*a.Spec.Source.PersistentVolumeName); pv != nil && pv.Spec.CSI != nil {
			attached[volume{a.Spec.Attacher, pv.Spec.CSI.VolumeHandle}] = true
		}
	}
}
