package generators

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/exact"
)

// Distribution turns 64 uniform bits into a whole number that is not negative.
type Distribution interface {
	Sample(u uint64) int64
	String() string
}

// most is the largest number that a distribution may give: 2^60, 36 years in nanoseconds or a million terabytes.
const most = 1 << 60

// kernel is a distribution of the kernel's, whatever its unit.
type kernel struct {
	sim.Distribution
	name string
}

func (k kernel) Sample(u uint64) int64 { return int64(k.Distribution.Sample(u)) }
func (k kernel) String() string        { return k.name }

// tabulated is a quantile function as a table. Values below 0 become 0.
func tabulated(name string, quantile func(p float64) float64) Distribution {
	return kernel{sim.Tabulate(name, func(p float64) float64 { return max(0, min(quantile(p), most)) }), name}
}

// Fixed is always n.
func Fixed(n int64) Distribution { return kernel{sim.Fixed(duration(n)), fmt.Sprintf("fixed(%d)", n)} }

// Uniform is spread evenly from low to high, both included.
func Uniform(low, high int64) Distribution {
	return kernel{sim.Uniform(duration(low), duration(high)), fmt.Sprintf("uniform(%d, %d)", low, high)}
}

// Exponential has the given mean.
func Exponential(mean int64) Distribution {
	return kernel{sim.Exponential(duration(mean)), fmt.Sprintf("exponential(mean %d)", mean)}
}

// LogNormal has the given median and 99th percentile.
func LogNormal(median, p99 int64) Distribution {
	return kernel{sim.LogNormal(duration(median), duration(p99)), fmt.Sprintf("lognormal(median %d, p99 %d)", median, p99)}
}

// Normal has the given mean and standard deviation; what would be negative is 0.
func Normal(mean, deviation int64) Distribution {
	return tabulated(fmt.Sprintf("normal(mean %d, deviation %d)", mean, deviation), func(p float64) float64 {
		return float64(mean) + float64(float64(deviation)*exact.NormalQuantile(p))
	})
}

// Pareto begins at least, and falls with the given exponent: the smaller, the heavier the tail. Below 2 it has no
// variance, at 1 and below no mean, but for what Limited cuts.
func Pareto(least int64, alpha float64) Distribution {
	return tabulated(fmt.Sprintf("pareto(min %d, alpha %g)", least, alpha), func(p float64) float64 {
		return float64(float64(least) * exact.Exp(-exact.Log(1-p)/alpha))
	})
}

// Weibull has the given scale and shape: shape 1 is exponential, below 1 the tail is heavier.
func Weibull(scale int64, shape float64) Distribution {
	return tabulated(fmt.Sprintf("weibull(scale %d, shape %g)", scale, shape), func(p float64) float64 {
		return float64(float64(scale) * exact.Exp(exact.Log(-exact.Log(1-p))/shape))
	})
}

// significantBits is what Gamma keeps of gonum's quantiles.
const significantBits = 24

// Gamma has the given mean and shape: shape 1 is exponential, above 1 it has a hump.
func Gamma(mean int64, shape float64) Distribution {
	g := distuv.Gamma{Alpha: shape, Beta: shape / float64(mean)}
	return tabulated(fmt.Sprintf("gamma(mean %d, shape %g)", mean, shape), func(p float64) float64 {
		fraction, power := math.Frexp(g.Quantile(p))
		return math.Ldexp(math.RoundToEven(math.Ldexp(fraction, significantBits)), power-significantBits)
	})
}

// Point is a value with what it weighs, or with the probability of being at or below it.
type Point struct {
	Value  int64
	Weight float64
}

// Empirical gives one of the values, by weight.
func Empirical(points []Point) Distribution {
	e := &empirical{}
	var names []string
	weights := make([]float64, len(points))
	for i, p := range points {
		e.values = append(e.values, p.Value)
		weights[i] = p.Weight
		names = append(names, fmt.Sprintf("%d: %g", p.Value, p.Weight))
	}
	e.choice, e.name = NewChoice(weights), "values("+strings.Join(names, ", ")+")"
	return e
}

type empirical struct {
	values []int64
	choice *Choice
	name   string
}

func (e *empirical) Sample(u uint64) int64 { return e.values[e.choice.Pick(u)] }
func (e *empirical) String() string        { return e.name }

// Quantiles runs straight, on a logarithmic scale, between points whose weights are probabilities that rise from 0 to 1 as
// the values do. A value below 1 counts as 1.
func Quantiles(points []Point) Distribution {
	var names []string
	for _, p := range points {
		names = append(names, fmt.Sprintf("%g: %d", p.Weight, p.Value))
	}
	return tabulated("quantiles("+strings.Join(names, ", ")+")", func(p float64) float64 {
		i := max(1, min(slices.IndexFunc(points, func(x Point) bool { return x.Weight >= p }), len(points)-1))
		low, high := points[i-1], points[i]
		part := (p - low.Weight) / (high.Weight - low.Weight)
		least := float64(max(1, low.Value))
		return float64(least * exact.Exp(float64(part*exact.Log(float64(max(1, high.Value))/least))))
	})
}

// Mixture draws from one of several distributions, chosen by weight.
func Mixture(weights []float64, of []Distribution) Distribution {
	var names []string
	for i := range of {
		names = append(names, fmt.Sprintf("%g of %v", weights[i], of[i]))
	}
	return &mixture{NewChoice(weights), of, "mixture(" + strings.Join(names, ", ") + ")"}
}

type mixture struct {
	choice *Choice
	of     []Distribution
	name   string
}

func (m *mixture) Sample(u uint64) int64 {
	return m.of[m.choice.Pick(u)].Sample(sim.Mix(u, mixtureSalt))
}
func (m *mixture) String() string { return m.name }

// mixtureSalt makes the bits that decide which apart from those that decide how much.
const mixtureSalt = 0x6d697874757265

// Limited brings what is outside of low to high to the nearer of the two.
func Limited(d Distribution, low, high int64) Distribution { return &limited{d, low, high} }

type limited struct {
	of        Distribution
	low, high int64
}

func (l *limited) Sample(u uint64) int64 { return max(l.low, min(l.of.Sample(u), l.high)) }
func (l *limited) String() string        { return fmt.Sprintf("%v from %d to %d", l.of, l.low, l.high) }

// Mean is the mean of a distribution, from a fixed set of draws: a whole number, the same everywhere.
func Mean(d Distribution) int64 {
	const draws = 1 << 16
	var whole, rest int64
	for i := range uint64(draws) {
		x := d.Sample(i<<48 | 1<<47)
		whole, rest = whole+x/draws, rest+x%draws
	}
	return whole + rest/draws
}
