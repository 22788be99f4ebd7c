package openb

import (
	"math"
	"strconv"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/workloads/gauges"
)

// Percentages is how many bins of arrived demand there are: 0 to 130 % of the GPU capacity.
const Percentages = 131

// Curve is a value by the percentage of the GPU capacity that has been asked for; NaN before the first pod.
type Curve [Percentages]float64

// Result is what one run of the protocol leads to.
type Result struct {
	// Allocated and Fragmented are in percent of the GPU capacity, Nodes is how many nodes have pods.
	Allocated, Fragmented, Nodes Curve
	// Density is the used percentage of the GPUs of nodes in use, Imbalance the standard deviation of the nodes' used
	// percentages, Kilowatts and DollarsPerHour what nodes in use draw and cost: see package gauges.
	Density, Imbalance, Kilowatts, DollarsPerHour Curve
	EndState
}

// EndState is the cluster after the last arrival.
type EndState struct {
	Pods, Failed    int
	UsedGPUMilli    int64
	UsedCPUMilli    int64
	UsedMemoryBytes int64
	UsedNodes       int
}

// tally collects measures by arrived percentage.
type tally struct {
	capacity int64
	bins     [Percentages]bin
}

// The curves, in the order in which a reading has them.
const (
	curveAllocated = iota
	curveFragmented
	curveNodes
	curveDensity
	curveImbalance
	curveKilowatts
	curveDollarsPerHour
	curveCount
)

// reading is what the gauges show at one time, bin what they showed while one percentage had arrived, in order.
type (
	reading [curveCount]float64
	bin     [curveCount][]float64
)

// read cuts used and fragmented GPU to the digits that the published logs have.
func read(g *gauges.Gauges) reading {
	return reading{
		decimals2(float64(g.UsedGPUMilli()) / float64(g.GPUCapacity()/policies.GPUMilli) / 10), decimals2(g.Fragmented()), float64(g.UsedNodes()),
		g.PackingDensity(), g.Imbalance(), g.Kilowatts(), g.DollarsPerHour(),
	}
}

// add takes a reading after one pod's arrival; arrived is in thousandths of GPUs.
func (t *tally) add(arrived int64, now reading) {
	percent := roundHalfEven(100*arrived, t.capacity)
	if percent >= Percentages {
		return
	}
	for curve, value := range now {
		t.bins[percent][curve] = append(t.bins[percent][curve], value)
	}
}

// curves are the means over the bins, to two decimals as published. An empty bin takes the mean over its neighbours, as
// published, and where they are empty as well, what the bin before it has: on small clusters one pod steps over several.
func (t *tally) curves() *Result {
	r := &Result{}
	for curve, to := range [curveCount]*Curve{&r.Allocated, &r.Fragmented, &r.Nodes, &r.Density, &r.Imbalance, &r.Kilowatts, &r.DollarsPerHour} {
		for i := range t.bins {
			values := t.bins[i][curve]
			if len(values) == 0 {
				values = t.around(i, curve)
			}
			switch {
			case len(values) == 0 && i > 0:
				to[i] = to[i-1]
			case curve == curveFragmented:
				to[i] = twoDecimals(100 * mean(values) / float64(t.capacity))
			default:
				to[i] = twoDecimals(mean(values))
			}
		}
	}
	return r
}

// around is the bins before and after an empty one.
func (t *tally) around(i, curve int) (all []float64) {
	for _, b := range t.bins[max(i-1, 0):min(i+2, Percentages)] {
		all = append(all, b[curve]...)
	}
	return all
}

// mean is that of NumPy, to the last bit: with another order of additions one published value in 500 rounds otherwise.
func mean(values []float64) float64 { return sum(values) / float64(len(values)) }

// sum adds in NumPy's order: eight sums side by side up to 128 values, beyond that each half by itself.
func sum(values []float64) (total float64) {
	const lanes, block = 8, 128
	n := len(values)
	if n > block {
		half := n / 2 / lanes * lanes
		return sum(values[:half]) + sum(values[half:])
	}
	i := 0
	if n >= lanes {
		var r [lanes]float64
		for ; i+lanes <= n; i += lanes {
			for j := range r {
				r[j] += values[i+j]
			}
		}
		total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	}
	for ; i < n; i++ {
		total += values[i]
	}
	return total
}

// twoDecimals rounds as NumPy does, decimals2 as Python does: the nearest by the number's exact value.
func twoDecimals(x float64) float64 { return math.RoundToEven(100*x) / 100 }

func decimals2(x float64) float64 {
	const tie = 1e-6
	if whole, part := math.Modf(100 * x); math.Abs(part-.5) > tie {
		if part > .5 {
			whole++
		}
		return whole / 100 // Of whole numbers, so it is the one nearest to the decimal.
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 2, 64), 64)
	if err != nil {
		panic(err)
	}
	return rounded
}

// roundHalfEven is a/b to the nearest whole number, an exact half to the even one, as Python rounds in the published
// analysis. Both are above or at 0, b above.
func roundHalfEven(a, b int64) int64 {
	quotient, rest := a/b, a%b
	if 2*rest > b || 2*rest == b && quotient%2 == 1 {
		quotient++
	}
	return quotient
}
