package policies

import "strings"

// GPUMilli is a whole GPU.
const GPUMilli = 1000

// The largest node of the published trace: what the published scores are relative to.
const (
	maxCPUMilli  = 128_000
	maxGPUMilli  = 8 * GPUMilli
	sharedTag    = "share-gpu"
	maxNodeScore = 100
)

// Pod is what a pod asks for.
type Pod struct {
	Name        string
	CPUMilli    int64
	MemoryBytes int64
	// GPUs is how many GPUs it asks for, GPUMilli how much of each.
	GPUs     int
	GPUMilli int64
	// Models are the acceptable GPU models separated by |; empty accepts all.
	Models string
	// Type numbers pods that ask for the same, so that scores can be kept; Types gives the numbers out.
	Type int
}

// TotalGPUMilli is what the pod asks for over all its GPUs.
func (p *Pod) TotalGPUMilli() int64 { return int64(p.GPUs) * p.GPUMilli }

// Shared reports whether the pod asks for a part of one GPU.
func (p *Pod) Shared() bool { return p.GPUs == 1 && p.GPUMilli < GPUMilli }

// tag groups pods for GpuClustering: those that share a GPU, and those of each number of GPUs.
func (p *Pod) tag() int {
	if p.Shared() {
		return 0
	}
	return p.GPUs
}

// accepts reports whether the pod can run on GPUs of a model.
func (p *Pod) accepts(model string) bool {
	if p.Models == "" {
		return true
	}
	for m := range strings.SplitSeq(p.Models, "|") {
		if m == model {
			return true
		}
	}
	return false
}

// Node is what a node has left.
type Node struct {
	Name string
	// CPULeft in thousandths, MemoryLeft in bytes, GPULeft in thousandths of each GPU.
	CPULeft, MemoryLeft int64
	GPULeft             []int64
	Model               string

	// tags counts the GPU pods on the node by their tag.
	tags map[int]int
	// version counts changes, so that scores can be kept.
	version uint32
}

// gpuLeft is the sum over the GPUs.
func (n *Node) gpuLeft() (sum int64) {
	for _, left := range n.GPULeft {
		sum += left
	}
	return sum
}

// Fits is the filter: CPU, memory, and enough GPUs of an acceptable model with enough left.
func (n *Node) Fits(p *Pod) bool {
	if n.CPULeft < p.CPUMilli || n.MemoryLeft < p.MemoryBytes {
		return false
	}
	return p.GPUs == 0 || p.accepts(n.Model) && n.fittingGPUs(p.GPUMilli) >= p.GPUs
}

// fittingGPUs counts the GPUs that have at least so much left.
func (n *Node) fittingGPUs(milli int64) (count int) {
	for _, left := range n.GPULeft {
		if left >= milli {
			count++
		}
	}
	return count
}

// Place puts a pod on the node, on the GPUs of the given indices.
func (n *Node) Place(p *Pod, gpus []int) { n.change(p, gpus, 1) }

// Remove takes a placed pod away.
func (n *Node) Remove(p *Pod, gpus []int) { n.change(p, gpus, -1) }

func (n *Node) change(p *Pod, gpus []int, sign int64) {
	n.version++
	n.CPULeft -= sign * p.CPUMilli
	n.MemoryLeft -= sign * p.MemoryBytes
	for _, i := range gpus {
		n.GPULeft[i] -= sign * p.GPUMilli
	}
	if p.GPUs > 0 {
		if n.tags == nil {
			n.tags = map[int]int{}
		}
		n.tags[p.tag()] += int(sign)
		if n.tags[p.tag()] == 0 {
			delete(n.tags, p.tag())
		}
	}
}

// tightest is the GPU with the least left that is enough; -1 if none is.
func (n *Node) tightest(milli int64) int {
	best := -1
	for i, left := range n.GPULeft {
		if left >= milli && (best < 0 || left < n.GPULeft[best]) {
			best = i
		}
	}
	return best
}

// defaultGPUs is the usual choice: the tightest GPU for a pod that shares, otherwise the first that fit.
func defaultGPUs(n *Node, p *Pod) []int {
	if p.GPUs == 0 {
		return nil
	}
	if p.Shared() {
		return []int{n.tightest(p.GPUMilli)}
	}
	chosen := make([]int, 0, p.GPUs)
	for i, left := range n.GPULeft {
		if left >= p.GPUMilli && len(chosen) < p.GPUs {
			chosen = append(chosen, i)
		}
	}
	return chosen
}
