package statistics

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Median of a sample that is not empty.
func Median(sample []float64) float64 { return medianOfSorted(slices.Sorted(slices.Values(sample))) }

func medianOfSorted(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// Mean of a sample that is not empty.
func Mean(sample []float64) float64 {
	sum := 0.0
	for _, x := range slices.Sorted(slices.Values(sample)) {
		sum += x
	}
	return sum / float64(len(sample))
}

// Deviation is the sample's standard deviation, 0 for a single value.
func Deviation(sample []float64) float64 {
	if len(sample) < 2 {
		return 0
	}
	mean, squares := Mean(sample), 0.0
	for _, x := range slices.Sorted(slices.Values(sample)) {
		squares += float64((x - mean) * (x - mean))
	}
	return math.Sqrt(squares / float64(len(sample)-1))
}

// Confidence is that of Interval.
const Confidence = .95

// resamples are enough for the ends of a 95 % interval to be steady to a percent of its width. The medians of large
// samples lie closer: fewer will do.
func resamples(size int) int { return max(1000, min(10_000, 1_000_000/size)) }

// Interval is the 95 % bootstrap interval of the median: the middle of the medians of samples drawn from this one with
// replacement (the percentile method). It draws from a source of its own that is always seeded alike.
func Interval(sample []float64) (low, high float64) {
	sorted := slices.Sorted(slices.Values(sample))
	if sorted[0] == sorted[len(sorted)-1] {
		return sorted[0], sorted[0]
	}
	r := rand.New(rand.NewPCG(1, uint64(len(sorted))))
	medians := make([]float64, resamples(len(sorted)))
	counts := make([]int, len(sorted))
	for i := range medians {
		clear(counts)
		for range sorted {
			counts[r.IntN(len(sorted))]++
		}
		medians[i] = medianOfCounts(sorted, counts)
	}
	slices.Sort(medians)
	tail := int(float64(len(medians)) * (1 - Confidence) / 2)
	return medians[tail-1], medians[len(medians)-tail]
}

// medianOfCounts is the median of a sample that holds sorted[i] counts[i] times, as many in all as there are values.
func medianOfCounts(sorted []float64, counts []int) float64 {
	at := func(rank int) float64 {
		for i, count := range counts {
			if rank -= count; rank < 0 {
				return sorted[i]
			}
		}
		panic("statistics: a rank beyond the sample")
	}
	n := len(sorted)
	if n%2 == 1 {
		return at(n / 2)
	}
	return (at(n/2-1) + at(n/2)) / 2
}
