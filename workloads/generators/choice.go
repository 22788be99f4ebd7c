package generators

import (
	"math"
	"sort"
	"time"
)

func duration(n int64) time.Duration { return time.Duration(n) }

// Choice picks one of several things by weight.
type Choice struct {
	// upTo is where each thing's share of the 64 bits ends.
	upTo []uint64
}

// NewChoice prepares weights, which are not negative and not all 0.
func NewChoice(weights []float64) *Choice {
	total, last := 0.0, 0
	for i, w := range weights {
		if w < 0 || math.IsInf(w, 0) || math.IsNaN(w) {
			panic("generators: a weight is not a number at or above 0")
		}
		if w > 0 {
			last = i
		}
		total += w
	}
	if total == 0 {
		panic("generators: nothing has weight")
	}
	c := &Choice{upTo: make([]uint64, len(weights))}
	sum := 0.0
	for i, w := range weights {
		sum += w
		if i >= last {
			c.upTo[i] = math.MaxUint64
			continue
		}
		c.upTo[i] = uint64(math.Ldexp(sum/total, 53)) << 11
	}
	return c
}

// Pick is the index that 64 uniform bits stand for.
func (c *Choice) Pick(u uint64) int {
	return min(sort.Search(len(c.upTo), func(i int) bool { return u < c.upTo[i] }), c.last())
}

// last is the last index with weight: all bits set belong to it.
func (c *Choice) last() int {
	return sort.Search(len(c.upTo), func(i int) bool { return c.upTo[i] == math.MaxUint64 })
}
