package policies

// firstFit takes the first node by name.
type firstFit struct{}

func (firstFit) Score(*Node, *Pod) int64    { return 0 }
func (firstFit) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }

// random takes one of the nodes that fit, and one of their GPUs, uniformly.
type random struct{ draw Draw }

func (*random) Score(*Node, *Pod) int64 { return 0 }

func (r *random) choose(feasible []*Node) *Node { return feasible[r.draw(len(feasible))] }

func (r *random) GPUs(n *Node, p *Pod) []int {
	if !p.Shared() {
		return defaultGPUs(n, p)
	}
	var fitting []int
	for i, left := range n.GPULeft {
		if left >= p.GPUMilli {
			fitting = append(fitting, i)
		}
	}
	return []int{fitting[r.draw(len(fitting))]}
}

// dotProd prefers nodes whose leftovers are least in the direction of the request.
type dotProd struct{}

func (dotProd) Score(n *Node, p *Pod) int64 {
	cpu := float64(n.CPULeft) / maxCPUMilli * float64(p.CPUMilli) / maxCPUMilli
	gpu := float64(n.gpuLeft()) / maxGPUMilli * float64(p.TotalGPUMilli()) / maxGPUMilli
	return int64(100 * (1 - (cpu+gpu)/2))
}

func (dotProd) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }

// bestFit prefers the node with the least left after the pod.
type bestFit struct{}

func (bestFit) Score(n *Node, p *Pod) int64 {
	cpu := float64(.5*float64(n.CPULeft-p.CPUMilli)) / maxCPUMilli
	gpu := float64(.5*float64(n.gpuLeft()-p.TotalGPUMilli())) / maxGPUMilli
	return int64(100 * (1 - cpu - gpu))
}

func (bestFit) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }

func (bestFit) normalise() {}

// gpuClustering keeps pods of one sort together: those that share GPUs, and those of each number of GPUs.
type gpuClustering struct{}

func (gpuClustering) Score(n *Node, p *Pod) int64 {
	if p.GPUs == 0 {
		return 0
	}
	base := 25 * (maxGPUMilli - n.gpuLeft()) / maxGPUMilli
	own := n.tags[p.tag()] > 0
	switch {
	case own && len(n.tags) == 1:
		return base + 75
	case own:
		return base + 50
	case len(n.tags) == 0:
		return base + 25
	}
	return base
}

func (gpuClustering) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }
