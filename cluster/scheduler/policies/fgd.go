package policies

import (
	"math"
	"slices"
	"sort"
)

// fgd places a pod where the fragmentation that the workload suffers from grows least.
type fgd struct {
	workload *Workload
	// left is the buffer for a node's GPUs after the pod.
	left []int64
}

func (f *fgd) Score(n *Node, p *Pod) int64 {
	if !p.Shared() {
		return f.after(n, p, smallestLeft(n, p))
	}
	score, _ := f.bestGPU(n, p)
	return score
}

func (f *fgd) GPUs(n *Node, p *Pod) []int {
	if !p.Shared() {
		return defaultGPUs(n, p)
	}
	_, gpu := f.bestGPU(n, p)
	return []int{gpu}
}

// bestGPU is the GPU that is best for a pod that shares one, with its score. Of equals it is the first; one that has as
// much left as one before it need not be looked at.
func (f *fgd) bestGPU(n *Node, p *Pod) (score int64, gpu int) {
	score, gpu = -1, -1
	for i, left := range n.GPULeft {
		if left < p.GPUMilli || slices.Contains(n.GPULeft[:i], left) {
			continue
		}
		if s := f.after(n, p, []int{i}); s > score {
			score, gpu = s, i
		}
	}
	return score, gpu
}

// after is the score of placing the pod on those GPUs.
func (f *fgd) after(n *Node, p *Pod, gpus []int) int64 {
	demands := f.workload.demands(n.Model)
	f.left = append(f.left[:0], n.GPULeft...)
	for _, i := range gpus {
		f.left[i] -= p.GPUMilli
	}
	before := fragmentation(demands, n.CPULeft, n.GPULeft)
	return gradientScore((before - fragmentation(demands, n.CPULeft-p.CPUMilli, f.left)) / GPUMilli)
}

// gradientScore is 100 times the logistic function of x, cut to an integer: the number of thresholds up to x. Its twin in
// the tests computes 100/(1+e^-x); exponentials differ between processors, comparisons do not.
func gradientScore(x float64) int64 {
	return int64(sort.Search(len(thresholds), func(i int) bool { return x < thresholds[i] }))
}

// thresholds holds, at i, the least x whose score is i+1: the logarithm of odds of i+1 to 99-i.
var thresholds = func() (t [maxNodeScore - 1]float64) {
	for i := range t {
		k := float64(i + 1)
		t[i] = logOdds(2*k/maxNodeScore - 1)
	}
	// One half is the one score that a difference of rounding errors decides. In double precision 1/(1+e^-x) is still
	// exactly one half where e^-x rounds to 1 + 2^-52, which it does while x is above -1.5 * 2^-52.
	t[maxNodeScore/2-1] = math.Nextafter(-1.5*0x1p-52, 0)
	return t
}()

// logOdds is ln((1+z)/(1-z)) by its series, every product rounded, so that all processors agree on the last digit.
func logOdds(z float64) float64 {
	const terms = 1500 // .98, the largest z, to the power of 3000 is below 1e-26.
	square, sum := float64(z*z), 0.0
	for j := terms; j >= 0; j-- {
		sum = 1/float64(2*j+1) + float64(square*sum)
	}
	return float64(2 * float64(z*sum))
}
