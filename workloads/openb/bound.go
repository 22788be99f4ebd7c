package openb

import (
	"cmp"
	"maps"
	"math"
	"math/rand"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// UpperBound is a percentage of the GPU capacity that no scheduler can have allocated when pods have asked for percent of
// it, not even one that knows all pods beforehand: the optimum of a linear program over how many pods of each type go to
// each class of nodes.
//
// The program lets go of what would make it hard, each time to the benefit of the scheduler: pods may be split over the
// nodes of a class, memory is without limit, pods without GPU need not be placed. It holds on to each class's CPU and
// GPUs, to what a pod fits on at all, and to the fact that a GPU cannot be shared by pods of more than a half, or by
// three of more than a third: see shareOfGPU.
//
// The result is rounded up to two decimals. That also hides the last digits, in which processors may differ here: a
// bound takes part in no decision.
func UpperBound(t *Trace, seed int64, percent int) float64 {
	p := newProgram(t, inOrder(t, rand.New(rand.NewSource(seed))), percent)
	allocated := p.solve()
	return math.Ceil(1e4*allocated/float64(t.GPUCapacity())-1e-6) / 100
}

// program is a linear program: the most GPU that can be allocated.
type program struct {
	types   []policies.Pod
	counts  map[policies.Pod]int
	classes []nodeClass
	nodes   map[nodeClass]int
	demand  int64
}

// nodeClass are nodes alike in what the program looks at.
type nodeClass struct {
	cpuMilli int64
	gpus     int
	model    string
}

// newProgram collects the pods up to that percentage, and the nodes.
func newProgram(t *Trace, pods []policies.Pod, percent int) *program {
	p := &program{counts: map[policies.Pod]int{}, nodes: map[nodeClass]int{}}
	var arrived int64
	anyModel := true
	last := lastPercent(t, pods, percent)
	for i := range pods {
		arrived += pods[i].TotalGPUMilli()
		if roundHalfEven(100*arrived, t.GPUCapacity()) > last {
			break
		}
		p.demand = arrived
		if pods[i].GPUs > 0 {
			p.counts[policies.Pod{CPUMilli: pods[i].CPUMilli, GPUs: pods[i].GPUs, GPUMilli: pods[i].GPUMilli, Models: pods[i].Models}]++
			anyModel = anyModel && pods[i].Models == ""
		}
	}
	for i := range t.Nodes {
		c := nodeClass{t.Nodes[i].CPULeft, len(t.Nodes[i].GPULeft), t.Nodes[i].Model}
		if anyModel {
			c.model = ""
		}
		p.nodes[c]++
	}
	p.types = slices.SortedFunc(maps.Keys(p.counts), func(a, b policies.Pod) int {
		return cmp.Or(cmp.Compare(a.GPUs, b.GPUs), cmp.Compare(a.GPUMilli, b.GPUMilli), cmp.Compare(a.CPUMilli, b.CPUMilli), cmp.Compare(a.Models, b.Models))
	})
	p.classes = slices.SortedFunc(maps.Keys(p.nodes), func(a, b nodeClass) int {
		return cmp.Or(cmp.Compare(a.gpus, b.gpus), cmp.Compare(a.cpuMilli, b.cpuMilli), cmp.Compare(a.model, b.model))
	})
	return p
}

// lastPercent is that of the last pods that a curve's value at percent takes in: a bin without pods borrows from the next.
func lastPercent(t *Trace, pods []policies.Pod, percent int) int64 {
	var arrived int64
	for i := range pods {
		arrived += pods[i].TotalGPUMilli()
		if roundHalfEven(100*arrived, t.GPUCapacity()) == int64(percent) {
			return int64(percent)
		}
	}
	return int64(percent) + 1
}

// sharings are the k for which shareOfGPU makes a row of its own.
var sharings = []int64{1, 2, 3, 4}

// shareOfGPU is a function whose sum over the pods on one GPU never exceeds 1 although it counts many of them as larger
// than they are (Fekete and Schepers 2001): for k = 1 everything above a half counts whole, for k = 2 everything above a
// third counts a half at least, and so on.
func shareOfGPU(k, milli int64) float64 {
	if (k+1)*milli%policies.GPUMilli == 0 {
		return float64(milli) / policies.GPUMilli
	}
	return float64((k+1)*milli/policies.GPUMilli) / float64(k)
}

// solve is the most GPU, in thousandths. Where the solver gives up it is the weaker bound that is known without it.
func (p *program) solve() float64 {
	known := 0.0
	for _, c := range p.classes {
		known += float64(p.nodes[c] * c.gpus * policies.GPUMilli)
	}
	known = min(known, float64(p.demand))
	objective, constraints, limits, slack := p.standardForm()
	optimum, _, err := lp.Simplex(objective, constraints, limits, 1e-7, slack)
	if err != nil {
		return known
	}
	return min(known, -optimum*policies.GPUMilli)
}

// standardForm is the program as least c·x with Ax = b and x at or above 0: a row for each type (no more pods than there
// are) and, for each class, rows for CPU, GPU and each sharing; a slack variable for each row, which together are where
// the search begins.
func (p *program) standardForm() (c []float64, a *mat.Dense, b []float64, slack []int) {
	perClass := 2 + len(sharings)
	rows := len(p.types) + perClass*len(p.classes)
	type placement struct{ kind, class int }
	var columns []placement
	for i := range p.types {
		for j, class := range p.classes {
			if p.fits(&p.types[i], class) {
				columns = append(columns, placement{i, j})
			}
		}
	}
	c, b, slack = make([]float64, len(columns)+rows), make([]float64, rows), make([]int, rows)
	a = mat.NewDense(rows, len(columns)+rows, nil)
	for i := range p.types {
		b[i] = float64(p.counts[p.types[i]])
	}
	for j, class := range p.classes {
		limits := b[len(p.types)+perClass*j:][:perClass]
		for i := range limits {
			limits[i] = float64(p.nodes[class] * class.gpus)
		}
		limits[0] = float64(int64(p.nodes[class])*class.cpuMilli) / 1000
	}
	for column, at := range columns {
		pod, row := &p.types[at.kind], len(p.types)+perClass*at.class
		gpu := float64(pod.TotalGPUMilli()) / policies.GPUMilli
		c[column] = -gpu
		a.Set(at.kind, column, 1)
		a.Set(row, column, float64(pod.CPUMilli)/1000)
		a.Set(row+1, column, gpu)
		for i, k := range sharings {
			a.Set(row+2+i, column, float64(shareOfGPU(k, pod.GPUMilli)*float64(pod.GPUs)))
		}
	}
	for row := range rows {
		slack[row] = len(columns) + row
		a.Set(row, slack[row], 1)
	}
	return c, a, b, slack
}

// fits reports whether a node of the class could take the pod if it were empty.
func (p *program) fits(pod *policies.Pod, class nodeClass) bool {
	n := policies.Node{CPULeft: class.cpuMilli, GPULeft: make([]int64, class.gpus), Model: class.model}
	for i := range n.GPULeft {
		n.GPULeft[i] = policies.GPUMilli
	}
	return n.Fits(pod)
}
