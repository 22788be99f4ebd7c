package policies

// firstFit takes the first node by name.
type firstFit struct{}

func (firstFit) Score(*Node, *Pod) int64    { return 0 }
func (firstFit) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }

// random takes one of the nodes that fit, and one of their GPUs, uniformly.
type random struct{ uniform Draw }

func (*random) Score(*Node, *Pod) int64 { return 0 }
func (r *random) draw(count int) int    { return r.uniform(count) }
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
	return []int{fitting[r.uniform(len(fitting))]}
}

// dotProd prefers nodes whose leftovers lie least in the direction of the request.
type dotProd struct{}

func (dotProd) Score(n *Node, p *Pod) int64 {
	cpu := float64(float64(n.CPULeft) / maxCPUMilli * (float64(p.CPUMilli) / maxCPUMilli))
	gpu := float64(float64(n.TotalGPULeft()) / maxGPUMilli * (float64(p.TotalGPUMilli()) / maxGPUMilli))
	return int64(maxNodeScore * (1 - float64((cpu+gpu)/2)))
}

func (dotProd) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }

// bestFit prefers the node with the least left after the pod.
type bestFit struct{}

func (bestFit) Score(n *Node, p *Pod) int64 {
	cpu := float64(n.CPULeft-p.CPUMilli) / maxCPUMilli * .5
	gpu := float64(n.TotalGPULeft()-p.TotalGPUMilli()) / maxGPUMilli * .5
	return int64((1 - (float64(cpu) + float64(gpu))) * maxNodeScore)
}

func (bestFit) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }

func (bestFit) normalise() {}

// gpuClustering keeps pods of one sort together: those that share GPUs, and those of each number of GPUs.
type gpuClustering struct{}

func (gpuClustering) Score(n *Node, p *Pod) int64 {
	if p.GPUs == 0 {
		return 0
	}
	used := maxNodeScore / 4 * (maxGPUMilli - n.TotalGPULeft()) / maxGPUMilli
	own := n.tags[p.tag()] > 0
	switch {
	case own && len(n.tags) == 1:
		return used + maxNodeScore*3/4
	case own:
		return used + maxNodeScore*2/4
	case len(n.tags) == 0:
		return used + maxNodeScore/4
	}
	return used
}

func (gpuClustering) GPUs(n *Node, p *Pod) []int { return defaultGPUs(n, p) }
