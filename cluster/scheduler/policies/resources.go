package policies

import (
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api/gpu"
)

// GPUMilli is a whole GPU.
const GPUMilli = gpu.Whole

// The largest node of the published trace, which the published scores are relative to, and the scale of scores.
const (
	maxCPUMilli  = 128_000
	maxGPUMilli  = 8 * GPUMilli
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
	// Type is one number for all pods that ask for the same.
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

// Accepts reports whether the pod can run on GPUs of a model.
func (p *Pod) Accepts(model string) bool {
	if strings.Trim(p.Models, "|") == "" {
		return true
	}
	for m := range strings.SplitSeq(p.Models, "|") {
		if m == model && m != "" {
			return true
		}
	}
	return false
}

// Types numbers what pods ask for.
type Types map[Pod]int

// Number gives a pod its type.
func (t Types) Number(p *Pod) {
	key := *p
	key.Name, key.Type = "", 0
	number, ok := t[key]
	if !ok {
		number = len(t)
		t[key] = number
	}
	p.Type = number
}

// NumberTypes gives pods that ask for the same the same type.
func NumberTypes(pods []Pod) {
	types := Types{}
	for i := range pods {
		types.Number(&pods[i])
	}
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
}

// Copy is a node of its own in the same state.
func (n *Node) Copy() *Node {
	c := *n
	c.GPULeft = append([]int64(nil), n.GPULeft...)
	c.tags = nil
	for tag, count := range n.tags { //sim:unordered builds another map
		c.addTag(tag, count)
	}
	return &c
}

// TotalGPULeft is the sum over the GPUs.
func (n *Node) TotalGPULeft() (sum int64) {
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
	return n.Holds(p)
}

// Holds is Fits without CPU and memory.
func (n *Node) Holds(p *Pod) bool {
	return p.GPUs == 0 || n.fittingGPUs(p.GPUMilli) >= p.GPUs && p.Accepts(n.Model)
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

func (n *Node) change(p *Pod, gpus []int, sign int) {
	n.CPULeft -= int64(sign) * p.CPUMilli
	n.MemoryLeft -= int64(sign) * p.MemoryBytes
	for _, i := range gpus {
		n.GPULeft[i] -= int64(sign) * p.GPUMilli
	}
	if p.GPUs > 0 {
		n.addTag(p.tag(), sign)
	}
}

func (n *Node) addTag(tag, count int) {
	if n.tags == nil {
		n.tags = map[int]int{}
	}
	n.tags[tag] += count
	if n.tags[tag] == 0 {
		delete(n.tags, tag)
	}
}

// defaultGPUs is the usual choice: the tightest GPU for a pod that shares, otherwise the first that fit.
func defaultGPUs(n *Node, p *Pod) []int {
	return gpu.Choose(n.GPULeft, gpu.Request{GPUs: p.GPUs, Milli: p.GPUMilli})
}
