package policies

import "math"

// TypicalPod is a part of the workload that a cluster is to be kept fit for.
type TypicalPod struct {
	Pod
	// Share of the workload, from 0 to 1.
	Share float64
}

// fgd places a pod where the fragmentation that the typical workload suffers from grows least.
type fgd struct{ typical []TypicalPod }

func (f *fgd) Score(n *Node, p *Pod) int64 {
	score, _ := f.best(n, p)
	return score
}

func (f *fgd) GPUs(n *Node, p *Pod) []int {
	_, gpus := f.best(n, p)
	return gpus
}

// best is the score of a node with the GPUs that it rests on: for a pod that shares a GPU the best over those that fit,
// otherwise those with the least left.
func (f *fgd) best(n *Node, p *Pod) (int64, []int) {
	before := Fragmentation(n, f.typical)
	left := make([]int64, len(n.GPULeft))
	after := Node{CPULeft: n.CPULeft - p.CPUMilli, GPULeft: left, Model: n.Model}
	scoreOf := func(gpus []int) int64 {
		copy(left, n.GPULeft)
		for _, i := range gpus {
			left[i] -= p.GPUMilli
		}
		return int64(maxNodeScore * sigmoid((before-Fragmentation(&after, f.typical))/GPUMilli))
	}
	if !p.Shared() {
		gpus := smallestLeft(n, p)
		return scoreOf(gpus), gpus
	}
	best, chosen := int64(-1), -1
	for i := range n.GPULeft {
		if n.GPULeft[i] < p.GPUMilli {
			continue
		}
		if score := scoreOf([]int{i}); score > best {
			best, chosen = score, i
		}
	}
	return best, []int{chosen}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// The ways in which a node cannot serve a typical pod. Their sums are kept apart and added in this order: another
// order changes last digits, and with them ties.
const (
	lacksBoth = iota
	lacksGPU
	satisfied
	lacksCPU
	asksNoGPU
	mismatched
	categories
)

// Fragmentation is the expected amount of a node's free GPUs, in thousandths, that the typical pods cannot use.
func Fragmentation(n *Node, typical []TypicalPod) float64 {
	var sums [categories]float64
	total := n.gpuLeft()
	for i := range typical {
		m := &typical[i]
		category, amount := fragment(n, &m.Pod, total)
		sums[category] += float64(m.Share * float64(amount))
	}
	sum := 0.0
	for _, part := range sums {
		sum += part
	}
	return sum
}

// fragment is how much of the free GPUs one typical pod cannot use, and why.
func fragment(n *Node, m *Pod, total int64) (category int, amount int64) {
	if m.GPUs == 0 {
		return asksNoGPU, total
	}
	if !m.accepts(n.Model) {
		return mismatched, total
	}
	gpu, cpu := n.fittingGPUs(m.GPUMilli) >= m.GPUs, n.CPULeft >= m.CPUMilli
	switch {
	case !gpu && !cpu:
		return lacksBoth, total
	case !gpu:
		return lacksGPU, total
	case !cpu:
		return lacksCPU, total
	}
	for _, left := range n.GPULeft {
		if left < m.GPUMilli {
			amount += left
		}
	}
	return satisfied, amount
}
