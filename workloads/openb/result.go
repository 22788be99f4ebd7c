package openb

import "math"

// Percentages is how many bins of arrived demand there are: 0 to 130 % of the GPU capacity.
const Percentages = 131

// Curve is a value by the percentage of the GPU capacity that has been asked for; NaN before the first pod.
type Curve [Percentages]float64

// Result is what one run of the protocol leads to.
type Result struct {
	// Allocated and Fragmented are in percent of the GPU capacity, Nodes is how many nodes have pods.
	Allocated, Fragmented, Nodes Curve
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

type bin struct{ count, allocated, fragmented, nodes float64 }

// add takes the measures after one pod's arrival. Arrived and fragmented are in thousandths of GPUs.
func (t *tally) add(arrived int64, now *EndState, fragmented float64) {
	percent := roundHalfEven(100*arrived, t.capacity)
	if percent >= Percentages {
		return
	}
	b := &t.bins[percent]
	b.count++
	b.allocated += float64(roundHalfEven(10_000*now.UsedGPUMilli, t.capacity)) / 100
	b.fragmented += 100 * fragmented / float64(t.capacity)
	b.nodes += float64(now.UsedNodes)
}

// curves are the means over the bins, to two decimals as published. An empty bin takes the mean over its neighbours, as
// published, and where they are empty as well, what the bin before it has: on small clusters one pod steps over several.
func (t *tally) curves() *Result {
	r := &Result{}
	for i := range t.bins {
		from, to := i, i
		if t.bins[i].count == 0 {
			from, to = max(i-1, 0), min(i+1, Percentages-1)
		}
		var sum bin
		for _, b := range t.bins[from : to+1] {
			sum.count += b.count
			sum.allocated += b.allocated
			sum.fragmented += b.fragmented
			sum.nodes += b.nodes
		}
		if sum.count == 0 && i > 0 {
			r.Allocated[i], r.Fragmented[i], r.Nodes[i] = r.Allocated[i-1], r.Fragmented[i-1], r.Nodes[i-1]
			continue
		}
		r.Allocated[i] = twoDecimals(sum.allocated / sum.count)
		r.Fragmented[i] = twoDecimals(sum.fragmented / sum.count)
		r.Nodes[i] = twoDecimals(sum.nodes / sum.count)
	}
	return r
}

func twoDecimals(x float64) float64 { return math.RoundToEven(100*x) / 100 }

// roundHalfEven is a/b to the nearest whole number, an exact half to the even one, as Python rounds in the published
// analysis. Both are above or at 0, b above.
func roundHalfEven(a, b int64) int64 {
	quotient, rest := a/b, a%b
	if 2*rest > b || 2*rest == b && quotient%2 == 1 {
		quotient++
	}
	return quotient
}
