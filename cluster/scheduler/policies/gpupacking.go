package policies

import (
	"cmp"
	"slices"
)

// gpuPacking fills used GPUs first, then free GPUs of used nodes, then unused nodes.
type gpuPacking struct{}

func (gpuPacking) Score(n *Node, p *Pod) int64 {
	if p.GPUs == 0 {
		return 0
	}
	free := int64(n.fittingGPUs(GPUMilli))
	if free == int64(len(n.GPULeft)) {
		return max(maxNodeScore/3-free, free)
	}
	var fresh, leftPercent int64
	for _, i := range smallestLeft(n, p) {
		if n.GPULeft[i] == GPUMilli {
			fresh++
		}
		leftPercent += n.GPULeft[i] * 100 / GPUMilli
	}
	if fresh > 0 {
		return max(maxNodeScore/2-fresh, maxNodeScore/3)
	}
	return max(maxNodeScore-leftPercent/10, maxNodeScore/2)
}

func (gpuPacking) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }

// smallestLeft are the GPUs that fit, those with the least left first, as many as the pod asks for.
func smallestLeft(n *Node, p *Pod) []int {
	if p.GPUs == 0 {
		return nil
	}
	fitting := make([]int, 0, len(n.GPULeft))
	for i, left := range n.GPULeft {
		if left >= p.GPUMilli {
			fitting = append(fitting, i)
		}
	}
	slices.SortStableFunc(fitting, func(a, b int) int { return cmp.Compare(n.GPULeft[a], n.GPULeft[b]) })
	return fitting[:min(len(fitting), p.GPUs)]
}
