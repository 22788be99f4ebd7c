package sim

import (
	"fmt"
	"math"
	"math/bits"
	"sync"
	"time"

	"github.com/fauxkube/fauxkube/sim/exact"
)

// Distribution turns 64 uniform bits into a duration. Implementations give the same result on every processor.
type Distribution interface {
	Sample(u uint64) time.Duration
	String() string
}

// Fixed is always d.
func Fixed(d time.Duration) Distribution { return fixed(d) }

type fixed time.Duration

func (f fixed) Sample(uint64) time.Duration { return time.Duration(f) }
func (f fixed) String() string              { return time.Duration(f).String() }

// Uniform is spread evenly from low to high, both included.
func Uniform(low, high time.Duration) Distribution {
	if high < low {
		panic("sim: Uniform with high below low")
	}
	return uniform{low, high}
}

type uniform struct{ low, high time.Duration }

func (d uniform) Sample(u uint64) time.Duration {
	n, _ := bits.Mul64(u, uint64(d.high-d.low)+1)
	return d.low + time.Duration(n)
}

func (d uniform) String() string { return fmt.Sprintf("uniform(%v, %v)", d.low, d.high) }

// Exponential has the given mean, cut at 20 times it.
func Exponential(mean time.Duration) Distribution {
	return Tabulate(fmt.Sprintf("exponential(mean %v)", mean), func(p float64) float64 {
		return min(-exact.Log(1-p), 20) * float64(mean)
	})
}

// LogNormal has the given median and 99th percentile. It panics unless 0 < p50 <= p99.
func LogNormal(p50, p99 time.Duration) Distribution {
	if p50 <= 0 || p99 < p50 {
		panic(fmt.Sprintf("sim: LogNormal needs 0 < p50 <= p99, got %v and %v", p50, p99))
	}
	const z99 = 2.3263478740408408 // The standard normal's 99th percentile.
	sigma := exact.Log(float64(p99)/float64(p50)) / z99
	t := &table{name: fmt.Sprintf("lognormal(p50 %v, p99 %v)", p50, p99)}
	normal := standardNormal()
	for i := range t.quantiles {
		t.quantiles[i] = round(float64(p50) * exact.Exp(float64(sigma*normal.quantiles[i])))
		t.tail[i] = round(float64(p50) * exact.Exp(float64(sigma*normal.tail[i])))
	}
	return t
}

// standardNormal holds the standard normal's quantiles at the table's points. They are computed once per program,
// since the bisections take some 10 ms; nothing changes them afterwards.
var standardNormal = sync.OnceValue(func() (n struct{ quantiles, tail [tableSteps + 1]float64 }) {
	for i := range n.quantiles {
		n.quantiles[i], n.tail[i] = exact.NormalQuantile(tablePoint(i)), exact.NormalQuantile(tailPoint(i))
	}
	return n
})

// HeavyTail is a Pareto distribution with exponent 1 from least, cut at most.
func HeavyTail(least, most time.Duration) Distribution { return heavyTail{least, most} }

type heavyTail struct{ least, most time.Duration }

func (d heavyTail) Sample(u uint64) time.Duration {
	// least/p for a uniform p in (0, 1], in integers: p = (u>>40 + 1) / 2^24.
	return min(d.least*(1<<24)/time.Duration(u>>40+1), d.most)
}

func (d heavyTail) String() string { return fmt.Sprintf("heavytail(%v, %v)", d.least, d.most) }

// WithTail draws from body, but in partsPerMillion of a million cases from tail.
func WithTail(body Distribution, partsPerMillion uint32, tail Distribution) Distribution {
	return withTail{body, tail, uint64(partsPerMillion)}
}

type withTail struct {
	body, tail      Distribution
	partsPerMillion uint64
}

func (d withTail) Sample(u uint64) time.Duration {
	n, _ := bits.Mul64(u, million)
	rest := mix(u, seedSalt)
	if n < d.partsPerMillion {
		return d.tail.Sample(rest)
	}
	return d.body.Sample(rest)
}

func (d withTail) String() string {
	return fmt.Sprintf("%v, in %d of a million %v", d.body, d.partsPerMillion, d.tail)
}

// table is a quantile function sampled at tableSteps points and interpolated in integers: a draw costs a few
// nanoseconds and needs no floating point.
type table struct {
	name      string
	quantiles [tableSteps + 1]int64
	// The outermost cells are finer: the last 1/tableSteps of probability is split again.
	tail [tableSteps + 1]int64
}

const (
	tableBits  = 10
	tableSteps = 1 << tableBits
)

// Tabulate makes a distribution of a quantile function, which is asked at some two thousand probabilities between 0 and
// 1 and interpolated between them. Where it gives the same values on every processor, so does the distribution.
func Tabulate(name string, quantile func(p float64) float64) Distribution {
	t := &table{name: name}
	for i := range t.quantiles {
		t.quantiles[i], t.tail[i] = round(quantile(tablePoint(i))), round(quantile(tailPoint(i)))
	}
	return t
}

// leastProbability keeps the ends of the tables away from the infinite.
const leastProbability = 1.0 / (tableSteps * tableSteps * 2)

// tablePoint is the probability of the i-th entry of a table.
func tablePoint(i int) float64 {
	return clamp(float64(i)/tableSteps, leastProbability, 1-leastProbability)
}

// tailPoint is the probability of the i-th entry of a table's tail.
func tailPoint(i int) float64 {
	return clamp(1-1.0/tableSteps+float64(i)/(tableSteps*tableSteps), leastProbability, 1-leastProbability)
}

func (t *table) Sample(u uint64) time.Duration {
	cells, i := &t.quantiles, u>>(64-tableBits)
	rest := u << tableBits
	if i == tableSteps-1 {
		cells, i = &t.tail, rest>>(64-tableBits)
		rest <<= tableBits
	}
	low, high := cells[i], cells[i+1]
	between, _ := bits.Mul64(rest, uint64(high-low))
	return time.Duration(low + int64(between))
}

func (t *table) String() string { return t.name }

func clamp(x, low, high float64) float64 { return max(low, min(x, high)) }

// longest is the largest sample, 146 years: what a very heavy tail would have beyond it is cut.
const longest = 1 << 62

func round(x float64) int64 { return int64(math.Floor(min(x, longest) + 0.5)) }
