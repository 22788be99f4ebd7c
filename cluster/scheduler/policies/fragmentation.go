package policies

// TypicalPod is a part of the workload that a cluster is to be kept fit for.
type TypicalPod struct {
	Pod
	// Share of the workload, from 0 to 1.
	Share float64
}

// Workload is a target workload, prepared for looking at many nodes.
type Workload struct {
	typical []TypicalPod
	// byModel holds, for each model of GPU met so far, what the typical pods ask of it.
	byModel map[string][]demand
}

// demand is what a typical pod asks of the nodes of one model.
type demand struct {
	cpuMilli, gpuMilli int64
	gpus               int
	share              float64
	mismatched         bool
}

// NewWorkload prepares the typical pods. Their order is that of the sums, and so decides last digits.
func NewWorkload(typical []TypicalPod) *Workload {
	return &Workload{typical: typical, byModel: map[string][]demand{}}
}

// Learn replaces the typical pods. Scores given before are of another workload.
func (w *Workload) Learn(typical []TypicalPod) {
	w.typical = typical
	clear(w.byModel)
}

// Typical are the pods that the workload consists of.
func (w *Workload) Typical() []TypicalPod { return w.typical }

func (w *Workload) demands(model string) []demand {
	demands, ok := w.byModel[model]
	if !ok {
		for i := range w.typical {
			m := &w.typical[i]
			demands = append(demands, demand{
				cpuMilli: m.CPUMilli, gpuMilli: m.GPUMilli, gpus: m.GPUs, share: m.Share,
				mismatched: m.GPUs > 0 && !m.Accepts(model),
			})
		}
		w.byModel[model] = demands
	}
	return demands
}

// The ways in which a node's free GPUs are of no use to a typical pod. Sums are kept apart by them and added in this
// order: another order changes last digits, and with them ties. GPUs with too little left for a pod that fits on others
// count as lacking GPU.
const (
	lacksBoth = iota
	lacksGPU
	lacksCPU
	asksNoGPU
	asksNoGPUAndLacksCPU
	mismatched
	categories
)

// Fragmentation is the expected amount of a node's free GPUs, in thousandths, that a pod of the workload cannot use.
func (w *Workload) Fragmentation(n *Node) float64 {
	return fragmentation(w.demands(n.Model), n.CPULeft, n.GPULeft)
}

func fragmentation(demands []demand, cpuLeft int64, gpuLeft []int64) float64 {
	var total int64
	for _, left := range gpuLeft {
		total += left
	}
	if total == 0 {
		return 0
	}
	var sums [categories]float64
	for i := range demands {
		d := &demands[i]
		category, amount := d.unusable(cpuLeft, gpuLeft, total)
		sums[category] += float64(d.share * float64(amount))
	}
	sum := 0.0
	for _, part := range sums {
		sum += part
	}
	return sum
}

// unusable is how much of the free GPUs the pod cannot use, and why.
func (d *demand) unusable(cpuLeft int64, gpuLeft []int64, total int64) (category int, milli int64) {
	lackingCPU := cpuLeft < d.cpuMilli
	if d.gpus == 0 {
		if lackingCPU {
			return asksNoGPUAndLacksCPU, total
		}
		return asksNoGPU, total
	}
	if d.mismatched {
		return mismatched, total
	}
	var fitting int
	var tooSmall int64
	for _, left := range gpuLeft {
		if left < d.gpuMilli {
			tooSmall += left
		} else {
			fitting++
		}
	}
	switch lackingGPU := fitting < d.gpus; {
	case lackingGPU && lackingCPU:
		return lacksBoth, total
	case lackingGPU:
		return lacksGPU, total
	case lackingCPU:
		return lacksCPU, total
	}
	return lacksGPU, tooSmall
}
