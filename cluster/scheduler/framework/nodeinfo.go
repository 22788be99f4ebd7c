package framework

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// NodeInfo is a node with what is on it, assumed pods included. The cache changes its own; a Snapshot's are copies that
// nobody changes; dry runs change Clones.
type NodeInfo struct {
	Slot int32
	Node *corev1.Node // nil while only pods of the node are known

	Pods                         []*PodInfo
	PodsWithAffinity             []*PodInfo
	PodsWithRequiredAntiAffinity []*PodInfo

	Allocatable   Vector
	Requested     Vector
	NonZeroCPU    int64 // millicores, with DefaultMilliCPURequest for containers that ask for none
	NonZeroMemory int64 // bytes, with DefaultMemoryRequest for containers that ask for none
	AllowedPods   int64

	Ports PortSet
	// Images are those that the node reports, by number; filled in snapshots.
	Images []ImageSummary
	// Claims counts the pods on the node by the claims they mount, "namespace/name".
	Claims map[string]int

	// Generation grows whenever anything above changes.
	Generation int64
	// ObjectVersion changes only when labels, taints, spec.unschedulable or declared features do.
	ObjectVersion int64

	// shared says that a snapshot holds the pod slices too, so that removal must copy them first. Appending is safe: the
	// snapshot's slices end before.
	shared bool
}

// ImageSummary is what the scheduler knew of an image on a node when the node was last copied into the snapshot.
type ImageSummary struct {
	ID       ImageID
	Size     int64 // bytes, as first reported
	NumNodes int32 // nodes that had the image at that moment
}

// Name returns the node's name; empty while the node object is unknown.
func (n *NodeInfo) Name() string {
	if n.Node == nil {
		return ""
	}
	return n.Node.Name
}

// SetNode sets the node object.
func (n *NodeInfo) SetNode(s *Symbols, node *corev1.Node) {
	if n.Node != nil && sameList(n.Node.Status.Allocatable, node.Status.Allocatable) {
		n.Node = node
		return
	}
	n.Node = node
	n.Allocatable, n.AllowedPods = s.Vector(node.Status.Allocatable)
}

// Bare returns the node as an extender sent it back: without pods and images. Upstream scores such nodes as they are.
func (n *NodeInfo) Bare(sent *corev1.Node) *NodeInfo {
	return &NodeInfo{Slot: n.Slot, Node: sent, Allocatable: n.Allocatable, AllowedPods: n.AllowedPods, Generation: n.Generation, ObjectVersion: n.ObjectVersion}
}

// AddPod counts a pod in.
func (n *NodeInfo) AddPod(p *PodInfo) {
	n.Pods = append(n.Pods, p)
	if p.HasAffinity() {
		n.PodsWithAffinity = append(n.PodsWithAffinity, p)
	}
	if p.HasRequiredAntiAffinity() {
		n.PodsWithRequiredAntiAffinity = append(n.PodsWithRequiredAntiAffinity, p)
	}
	n.count(p, 1)
	if len(p.Ports) > 0 {
		n.Ports = n.Ports.with(p.Ports)
	}
}

// RemovePod counts a pod out; the pod is found by UID. The amounts counted in are counted out, whatever the pod says now.
func (n *NodeInfo) RemovePod(pod *corev1.Pod) (*PodInfo, error) {
	i := slices.IndexFunc(n.Pods, func(p *PodInfo) bool { return p.Pod.UID == pod.UID })
	if i < 0 {
		return nil, fmt.Errorf("no corresponding pod %s in pods of node %s", pod.Name, n.Name())
	}
	removed := n.Pods[i]
	n.RemovePodInfo(removed)
	return removed, nil
}

// RemovePodInfo counts out what was counted in; false if it was not.
func (n *NodeInfo) RemovePodInfo(p *PodInfo) bool {
	i := lastIndex(n.Pods, p)
	if i < 0 {
		return false
	}
	n.unshare()
	n.Pods = swapRemove(n.Pods, i)
	if p.HasAffinity() {
		n.PodsWithAffinity = swapRemove(n.PodsWithAffinity, lastIndex(n.PodsWithAffinity, p))
	}
	if p.HasRequiredAntiAffinity() {
		n.PodsWithRequiredAntiAffinity = swapRemove(n.PodsWithRequiredAntiAffinity, lastIndex(n.PodsWithRequiredAntiAffinity, p))
	}
	n.count(p, -1)
	if len(p.Ports) > 0 {
		n.Ports = n.Ports.without(p.Ports)
	}
	return true
}

// lastIndex looks from the end: most pods that leave have come lately, assumed ones when they are confirmed.
func lastIndex(pods []*PodInfo, p *PodInfo) int {
	for i := len(pods) - 1; i >= 0; i-- {
		if pods[i] == p {
			return i
		}
	}
	return -1
}

func (n *NodeInfo) count(p *PodInfo, sign int64) {
	n.Requested.Add(p.Amounts, sign)
	n.NonZeroCPU += sign * p.NonZeroCPU
	n.NonZeroMemory += sign * p.NonZeroMemory
	for i := range p.Pod.Spec.Volumes {
		if claim := p.Pod.Spec.Volumes[i].PersistentVolumeClaim; claim != nil {
			n.countClaim(p.Pod.Namespace+"/"+claim.ClaimName, int(sign))
		}
	}
}

func (n *NodeInfo) countClaim(key string, sign int) {
	if n.Claims == nil {
		n.Claims = map[string]int{}
	}
	if n.Claims[key] += sign; n.Claims[key] <= 0 {
		delete(n.Claims, key)
	}
}

// swapRemove puts the last pod in the removed one's place: upstream's order, which victim selection sees.
func swapRemove(pods []*PodInfo, i int) []*PodInfo {
	last := len(pods) - 1
	pods[i] = pods[last]
	pods[last] = nil
	return pods[:last]
}

func (n *NodeInfo) unshare() {
	if !n.shared {
		return
	}
	n.Pods = slices.Clone(n.Pods)
	n.PodsWithAffinity = slices.Clone(n.PodsWithAffinity)
	n.PodsWithRequiredAntiAffinity = slices.Clone(n.PodsWithRequiredAntiAffinity)
	n.shared = false
}

// Clone returns a copy to be changed in a dry run.
func (n *NodeInfo) Clone() *NodeInfo {
	c := *n
	c.Pods = slices.Clone(n.Pods)
	c.PodsWithAffinity = slices.Clone(n.PodsWithAffinity)
	c.PodsWithRequiredAntiAffinity = slices.Clone(n.PodsWithRequiredAntiAffinity)
	c.Requested = slices.Clone(n.Requested)
	c.Claims = cloneClaims(n.Claims)
	c.shared = false
	return &c
}

// CopyTo copies n into a snapshot's copy, keeping the copy's buffers. Pod slices are shared until n removes a pod.
func (n *NodeInfo) CopyTo(dst *NodeInfo) {
	requested, images := dst.Requested, dst.Images
	n.shared = true
	*dst = *n
	dst.Requested = append(requested[:0], n.Requested...)
	dst.Images = images[:0]
	dst.Pods = slices.Clip(n.Pods)
	dst.PodsWithAffinity = slices.Clip(n.PodsWithAffinity)
	dst.PodsWithRequiredAntiAffinity = slices.Clip(n.PodsWithRequiredAntiAffinity)
	dst.Claims = cloneClaims(n.Claims)
}

func cloneClaims(claims map[string]int) map[string]int {
	if len(claims) == 0 {
		return nil
	}
	c := make(map[string]int, len(claims))
	//sim:unordered copies into another map
	for k, v := range claims {
		c[k] = v
	}
	return c
}
