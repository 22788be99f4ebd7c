package metrics

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// exactValues is how many values a histogram keeps one by one: up to here percentiles are exact. 4096 are 32 KiB; the
// HDR histogram that follows takes 300 KiB, which is why it is made only when needed.
const exactValues = 4096

const (
	// maxNanos is the largest value the HDR histogram resolves, one day; larger ones count as one day there (buckets,
	// sum and maximum stay right).
	maxNanos = int64(24 * time.Hour)
	// significantDigits bounds the error of a quantile taken from the HDR histogram: below 0.1 %.
	significantDigits = 3
)

// Histogram is a stream of durations, or of counts, seen through upstream's buckets and through its quantiles.
type Histogram struct {
	layout  *layout
	buckets []int64 // values in (bound[i-1], bound[i]]; the last one is above all bounds
	count   int64
	sum     int64
	min     int64
	max     int64

	exact  []int64 // all values while count <= exactValues, then nil
	sorted bool    // exact is in order
	many   *hdrhistogram.Histogram
}

func newHistogram(l *layout) *Histogram {
	return &Histogram{layout: l, buckets: make([]int64, len(l.bounds)+1), min: math.MaxInt64}
}

// Observe records a duration. The family must be one of seconds.
func (h *Histogram) Observe(d time.Duration) { h.record(int64(d)) }

// ObserveCount records a dimensionless value. The family must be one of counts.
func (h *Histogram) ObserveCount(n int64) { h.record(n) }

func (h *Histogram) record(v int64) {
	if v < 0 {
		panic(fmt.Sprintf("metrics: negative observation %d", v))
	}
	h.buckets[h.layout.bucket(v)]++
	h.count++
	h.sum += v
	h.min = min(h.min, v)
	h.max = max(h.max, v)
	if h.many != nil {
		h.recordMany(v)
		return
	}
	h.exact = append(h.exact, v)
	h.sorted = false
	if len(h.exact) > exactValues {
		h.spill()
	}
}

// spill moves the exact values into an HDR histogram.
func (h *Histogram) spill() {
	h.many = hdrhistogram.New(1, maxNanos, significantDigits)
	for _, v := range h.exact {
		h.recordMany(v)
	}
	h.exact = nil
}

func (h *Histogram) recordMany(v int64) {
	if err := h.many.RecordValue(min(v, maxNanos)); err != nil {
		panic(fmt.Sprintf("metrics: %d: %v", v, err))
	}
}

// Count returns the number of values.
func (h *Histogram) Count() int64 { return h.count }

// Sum returns the sum of the values, in nanoseconds for durations.
func (h *Histogram) Sum() int64 { return h.sum }

// Min returns the smallest value, 0 if there is none.
func (h *Histogram) Min() int64 {
	if h.count == 0 {
		return 0
	}
	return h.min
}

// Max returns the largest value, 0 if there is none.
func (h *Histogram) Max() int64 { return h.max }

// Mean returns the integer mean, 0 if there is no value.
func (h *Histogram) Mean() int64 {
	if h.count == 0 {
		return 0
	}
	return h.sum / h.count
}

// Exact reports whether Quantile is exact rather than within 0.1 %.
func (h *Histogram) Exact() bool { return h.many == nil }

// Quantile returns the value at q in [0, 1] by nearest rank, in nanoseconds for durations; 0 if there is no value.
func (h *Histogram) Quantile(q float64) int64 {
	if h.count == 0 {
		return 0
	}
	rank := nearestRank(h.count, q)
	if h.many != nil {
		if rank == h.count {
			return h.max
		}
		// The middle of the rank's interval, so that the library's own rounding cannot land on a neighbour.
		percentile := (float64(rank) - 0.5) / float64(h.count) * 100
		return min(max(h.many.ValueAtPercentile(percentile), h.min), h.max)
	}
	if !h.sorted {
		slices.Sort(h.exact)
		h.sorted = true
	}
	return h.exact[rank-1]
}

// Percentile is Quantile for durations.
func (h *Histogram) Percentile(percent float64) time.Duration {
	return time.Duration(h.Quantile(percent / 100))
}

// Each visits the buckets in order with their upper bound (+Inf last), in the exported unit, and the number of
// values at or below it.
func (h *Histogram) Each(visit func(upperBound float64, cumulative int64)) {
	var cumulative int64
	for i, n := range h.buckets {
		cumulative += n
		bound := math.Inf(1)
		if i < len(h.layout.bounds) {
			bound = h.layout.exported[i]
		}
		visit(bound, cumulative)
	}
}

// IsDuration reports whether the values are nanoseconds.
func (h *Histogram) IsDuration() bool { return h.layout.duration }

// nearestRank returns ceil(n*q), at least 1. q is taken to nine decimals, in integers: in floating point 100*0.07 is more than 7.
func nearestRank(n int64, q float64) int64 {
	const scale = 1_000_000_000
	parts := int64(math.Round(float64(min(max(q, 0), 1) * scale)))
	whole, rest := n/scale*parts, n%scale*parts
	return max(1, whole+(rest+scale-1)/scale)
}
