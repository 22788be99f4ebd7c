package volumebinding

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Why a node can't be used, in the order in which reasons are listed.
const (
	reasonNodeConflict   = "node(s) didn't match PersistentVolume's node affinity"
	reasonBindConflict   = "node(s) didn't find available persistent volumes to bind"
	reasonNotEnoughSpace = "node(s) did not have enough free storage"
	reasonNoVolume       = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
)

// Filter looks for volumes on a node, and remembers what it found for Reserve.
func (p *VolumeBinding) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	s := framework.StateOf[state](c, p.key)
	reasons := p.reach(s.bound, node.Node)
	found, more, err := p.choose(s, node.Node)
	if err != nil {
		return framework.AsStatus(err)
	}
	if reasons = append(reasons, more...); len(reasons) > 0 {
		// A volume that is gone is named last.
		if reasons[0] == reasonNoVolume {
			reasons = append(reasons[1:], reasonNoVolume)
		}
		return refuse(reasons...)
	}
	s.byNode[node.Name()] = found
	return nil
}

// reach says why the node can't reach the volumes of the bound claims. The first problem is the only one named.
func (p *VolumeBinding) reach(bound []*corev1.PersistentVolumeClaim, node *corev1.Node) []string {
	for _, pvc := range bound {
		pv := p.assumed.volume(pvc.Spec.VolumeName)
		if pv == nil {
			return []string{reasonNoVolume}
		}
		if storagehelpers.CheckNodeAffinity(pv, node.Labels) != nil {
			return []string{reasonNodeConflict}
		}
	}
	return nil
}

// choose finds volumes for the waiting claims, the smallest claims first, and checks that the others can be provisioned. A claim that was
// promised to a node can be provisioned only there.
func (p *VolumeBinding) choose(s *state, node *corev1.Node) (*choice, []string, error) {
	found := &choice{}
	var search, provision []*corev1.PersistentVolumeClaim
	for _, pvc := range s.waiting {
		selected, ok := pvc.Annotations[storagehelpers.AnnSelectedNode]
		switch {
		case ok && selected != node.Name:
			return nil, []string{reasonBindConflict}, nil
		case ok:
			provision = append(provision, pvc)
		default:
			search = append(search, pvc)
		}
	}
	slices.SortStableFunc(search, bySize)
	taken := map[string]*corev1.PersistentVolume{}
	for _, pvc := range search {
		candidates := s.candidates[storagehelpers.GetPersistentVolumeClaimClass(pvc)]
		pv, err := storagehelpers.FindMatchingVolume(pvc, candidates, node, taken, true, true)
		if err != nil {
			return nil, nil, err
		}
		if pv == nil {
			provision = append(provision, pvc)
			continue
		}
		taken[pv.Name] = pv
		found.bindings = append(found.bindings, binding{pvc, pv})
	}
	found.provisions = provision
	reason, err := p.cannotProvision(provision, node)
	if reason != "" || err != nil {
		return nil, []string{reason}, err
	}
	return found, nil, nil
}

func bySize(a, b *corev1.PersistentVolumeClaim) int {
	x, y := a.Spec.Resources.Requests[corev1.ResourceStorage], b.Spec.Resources.Requests[corev1.ResourceStorage]
	return x.Cmp(y)
}

// cannotProvision says why claims can't be provisioned on a node; empty if they can.
func (p *VolumeBinding) cannotProvision(claims []*corev1.PersistentVolumeClaim, node *corev1.Node) (string, error) {
	for _, pvc := range claims {
		name := storagehelpers.GetPersistentVolumeClaimClass(pvc)
		if name == "" {
			return "", fmt.Errorf("no class for claim %q", keyOf(pvc))
		}
		class := p.handle.Storage.StorageClass(name)
		if class == nil {
			return "", fmt.Errorf("failed to find storage class %q", name)
		}
		if class.Provisioner == "" || class.Provisioner == storagehelpers.NotSupportedProvisioner ||
			!allows(class.AllowedTopologies, node.Labels) {
			return reasonBindConflict, nil
		}
		if !p.hasSpace(class.Provisioner, pvc) {
			return reasonNotEnoughSpace, nil
		}
	}
	return "", nil
}

// allows reports whether a class provisions volumes on nodes with these labels: some term must match, if there are any. A term without
// expressions matches nothing.
func allows(terms []corev1.TopologySelectorTerm, labels map[string]string) bool {
	return len(terms) == 0 || slices.ContainsFunc(terms, func(t corev1.TopologySelectorTerm) bool {
		for _, e := range t.MatchLabelExpressions {
			if value, ok := labels[e.Key]; !ok || !slices.Contains(e.Values, value) {
				return false
			}
		}
		return len(t.MatchLabelExpressions) > 0
	})
}

// hasSpace reports whether a driver has room. One that says how much it has does so in CSIStorageCapacity objects, of which there are none.
func (p *VolumeBinding) hasSpace(provisioner string, pvc *corev1.PersistentVolumeClaim) bool {
	if _, asks := pvc.Spec.Resources.Requests[corev1.ResourceStorage]; !asks {
		return true
	}
	driver := p.handle.Storage.CSIDriver(provisioner)
	return driver == nil || driver.Spec.StorageCapacity == nil || !*driver.Spec.StorageCapacity
}
