package openb

import "math"

// Percentages is how many bins of arrived demand there are: 0 to 130 % of the GPU capacity.
const Percentages = 131

// Result is what one run of the protocol leads to.
type Result struct {
	// Allocated and Fragmented are in percent of the GPU capacity, by the percentage of it that has been asked for. What
	// no pod's arrival comes near is NaN.
	Allocated, Fragmented [Percentages]float64
	EndState
}

// EndState is the cluster after the last arrival.
type EndState struct {
	Pods, Failed    int
	UsedGPUMilli    int64
	UsedCPUMilli    int64
	UsedMemoryBytes int64
}

// tally collects measures by arrived percentage.
type tally struct {
	capacity int64
	bins     [Percentages]struct {
		count                 int
		allocated, fragmented float64
	}
}

// add takes the measures after one pod's arrival, all in thousandths of GPUs.
func (t *tally) add(arrived, used int64, fragmented float64) {
	bin := roundHalfEven(100*arrived, t.capacity)
	if bin >= Percentages {
		return
	}
	b := &t.bins[bin]
	b.count++
	b.allocated += float64(roundHalfEven(10_000*used, t.capacity)) / 100
	b.fragmented += 100 * fragmented / float64(t.capacity)
}

// curves are the means over the bins, to two decimals as published. An empty bin takes the mean over its
// neighbours.
func (t *tally) curves() (allocated, fragmented [Percentages]float64) {
	for i := range t.bins {
		from, to := i, i
		if t.bins[i].count == 0 {
			from, to = max(i-1, 0), min(i+1, Percentages-1)
		}
		count, sumAllocated, sumFragmented := 0, 0.0, 0.0
		for j := from; j <= to; j++ {
			count += t.bins[j].count
			sumAllocated += t.bins[j].allocated
			sumFragmented += t.bins[j].fragmented
		}
		allocated[i] = math.RoundToEven(100*(sumAllocated/float64(count))) / 100
		fragmented[i] = math.RoundToEven(100*(sumFragmented/float64(count))) / 100
	}
	return allocated, fragmented
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
