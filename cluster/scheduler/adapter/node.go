package adapter

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	ndf "k8s.io/component-helpers/nodedeclaredfeatures"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// nodeInfo shows a node through the real interface.
type nodeInfo struct {
	*framework.NodeInfo
	symbols *framework.Symbols
	claims  map[types.NamespacedName]*fwk.NodeAllocatableDRAClaimState
}

func (n *nodeInfo) Node() *corev1.Node { return n.NodeInfo.Node }

func (n *nodeInfo) pods(list []*framework.PodInfo) []fwk.PodInfo {
	infos := make([]fwk.PodInfo, len(list))
	for i, p := range list {
		infos[i] = podInfo{p, n.symbols}
	}
	return infos
}

func (n *nodeInfo) GetPods() []fwk.PodInfo             { return n.pods(n.Pods) }
func (n *nodeInfo) GetPodsWithAffinity() []fwk.PodInfo { return n.pods(n.PodsWithAffinity) }
func (n *nodeInfo) GetPodsWithRequiredAntiAffinity() []fwk.PodInfo {
	return n.pods(n.PodsWithRequiredAntiAffinity)
}

func (n *nodeInfo) GetUsedPorts() fwk.HostPortInfo {
	used := fwk.HostPortInfo{}
	for _, p := range n.Ports {
		used.Add(p.IP, string(p.Protocol), p.Port)
	}
	return used
}

func (n *nodeInfo) GetRequested() fwk.Resource {
	return &resource{vector: n.Requested, symbols: n.symbols}
}

func (n *nodeInfo) GetNonZeroRequested() fwk.Resource {
	return &resource{vector: framework.Vector{n.NonZeroCPU, n.NonZeroMemory}, symbols: n.symbols}
}

func (n *nodeInfo) GetAllocatable() fwk.Resource {
	return &resource{vector: n.Allocatable, pods: n.AllowedPods, symbols: n.symbols}
}

// GetImageStates lists the images that the node reports, by the names that it reports.
func (n *nodeInfo) GetImageStates() map[string]*fwk.ImageStateSummary {
	known := map[framework.ImageID]framework.ImageSummary{}
	for _, image := range n.Images {
		known[image.ID] = image
	}
	states := map[string]*fwk.ImageStateSummary{}
	for _, image := range n.NodeInfo.Node.Status.Images {
		for _, name := range image.Names {
			if s, ok := known[n.symbols.LookupImage(name)]; ok {
				states[name] = &fwk.ImageStateSummary{Size: s.Size, NumNodes: int(s.NumNodes)}
			}
		}
	}
	return states
}

func (n *nodeInfo) GetPVCRefCounts() map[string]int { return n.Claims }
func (n *nodeInfo) GetGeneration() int64            { return n.Generation }
func (n *nodeInfo) GetNodeDeclaredFeatures() ndf.FeatureSet {
	return ndf.DefaultFramework.TryMap(n.NodeInfo.Node.Status.DeclaredFeatures)
}
func (n *nodeInfo) Snapshot() fwk.NodeInfo { return &nodeInfo{NodeInfo: n.Clone(), symbols: n.symbols} }
func (n *nodeInfo) String() string         { return "&NodeInfo{" + n.Name() + "}" }
func (n *nodeInfo) GetNodeAllocatableDRAClaimState() map[types.NamespacedName]*fwk.NodeAllocatableDRAClaimState {
	return n.claims
}

// AddPodInfo, RemovePod and SetNode change a Snapshot() that a plugin made for itself.
func (n *nodeInfo) AddPodInfo(p fwk.PodInfo) { n.AddPod(n.symbols.NewPodInfo(p.GetPod())) }

func (n *nodeInfo) RemovePod(_ klog.Logger, pod *corev1.Pod) error {
	_, err := n.NodeInfo.RemovePod(pod)
	return err
}

func (n *nodeInfo) SetNode(node *corev1.Node) { n.NodeInfo.SetNode(n.symbols, node) }

// resource shows a vector of amounts.
type resource struct {
	vector  framework.Vector
	pods    int64
	symbols *framework.Symbols
}

func (r *resource) GetMilliCPU() int64         { return r.vector.At(framework.ColumnCPU) }
func (r *resource) GetMemory() int64           { return r.vector.At(framework.ColumnMemory) }
func (r *resource) GetEphemeralStorage() int64 { return r.vector.At(framework.ColumnEphemeralStorage) }
func (r *resource) GetAllowedPodNumber() int   { return int(r.pods) }

// GetScalarResources lists those that are not zero.
func (r *resource) GetScalarResources() map[corev1.ResourceName]int64 {
	scalars := map[corev1.ResourceName]int64{}
	for column := framework.ColumnEphemeralStorage + 1; column < len(r.vector); column++ {
		if amount := r.vector[column]; amount != 0 {
			scalars[r.symbols.ResourceName(column)] = amount
		}
	}
	return scalars
}

// SetMaxResource raises amounts to those of a list.
func (r *resource) SetMaxResource(list corev1.ResourceList) {
	other, pods := r.symbols.Vector(list)
	raised := append(framework.Vector(nil), r.vector...)
	raised.Add(make(framework.Vector, len(other)), 1)
	for i := range other {
		raised[i] = max(raised[i], other[i])
	}
	r.vector, r.pods = raised, max(r.pods, pods)
}

// podInfo shows a pod.
type podInfo struct {
	*framework.PodInfo
	symbols *framework.Symbols
}

func (p podInfo) GetPod() *corev1.Pod { return p.Pod }

func (p podInfo) GetRequiredAffinityTerms() []fwk.AffinityTerm { return termsOf(p.RequiredAffinity) }
func (p podInfo) GetRequiredAntiAffinityTerms() []fwk.AffinityTerm {
	return termsOf(p.RequiredAntiAffinity)
}
func (p podInfo) GetPreferredAffinityTerms() []fwk.WeightedAffinityTerm {
	return weightedTermsOf(p.PreferredAffinity)
}
func (p podInfo) GetPreferredAntiAffinityTerms() []fwk.WeightedAffinityTerm {
	return weightedTermsOf(p.PreferredAntiAffinity)
}

func (p podInfo) CalculateResource() fwk.PodResource {
	return fwk.PodResource{Resource: &resource{vector: p.Amounts, symbols: p.symbols}, Non0CPU: p.NonZeroCPU, Non0Mem: p.NonZeroMemory}
}

func termOf(t *framework.AffinityTerm) fwk.AffinityTerm {
	return fwk.AffinityTerm{Namespaces: sets.New(t.Namespaces...), Selector: t.Selector, TopologyKey: t.TopologyKey, NamespaceSelector: t.NamespaceSelector}
}

func termsOf(terms []framework.AffinityTerm) []fwk.AffinityTerm {
	var list []fwk.AffinityTerm
	for i := range terms {
		list = append(list, termOf(&terms[i]))
	}
	return list
}

func weightedTermsOf(terms []framework.WeightedAffinityTerm) []fwk.WeightedAffinityTerm {
	var list []fwk.WeightedAffinityTerm
	for i := range terms {
		list = append(list, fwk.WeightedAffinityTerm{AffinityTerm: termOf(&terms[i].AffinityTerm), Weight: terms[i].Weight})
	}
	return list
}
