package generators

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
)

// oracle is a distribution of gonum's.
type oracle interface {
	Quantile(p float64) float64
	Mean() float64
}

// draw draws count values from 64 bits of no pattern.
func draw(d Distribution, count int) []int64 {
	values := make([]int64, count)
	for i := range values {
		values[i] = d.Sample(sim.Mix(uint64(i), 77))
	}
	slices.Sort(values)
	return values
}

// z99 is the standard normal's 99th percentile.
const z99 = 2.3263478740408408

// Every quantile up to the 99.9th is gonum's, and the mean where the tail leaves it one.
func TestDistributionsAreGonums(t *testing.T) {
	const count = 200_000
	for _, test := range []struct {
		d    Distribution
		want oracle
		mean bool
	}{
		{Exponential(1_000_000), distuv.Exponential{Rate: 1e-6}, true},
		{Uniform(0, 1_000_000), distuv.Uniform{Min: 0, Max: 1e6}, true},
		{Normal(1_000_000, 100_000), distuv.Normal{Mu: 1e6, Sigma: 1e5}, true},
		{LogNormal(1_000_000, 9_000_000), distuv.LogNormal{Mu: math.Log(1e6), Sigma: math.Log(9) / z99}, true},
		{Pareto(1_000_000, 2.5), distuv.Pareto{Xm: 1e6, Alpha: 2.5}, true},
		{Pareto(1_000_000, 1), distuv.Pareto{Xm: 1e6, Alpha: 1}, false},
		{Weibull(1_000_000, .6), distuv.Weibull{K: .6, Lambda: 1e6}, true},
		{Weibull(1_000_000, 3), distuv.Weibull{K: 3, Lambda: 1e6}, true},
		{Gamma(1_000_000, .7), distuv.Gamma{Alpha: .7, Beta: .7e-6}, true},
		{Gamma(1_000_000, 5), distuv.Gamma{Alpha: 5, Beta: 5e-6}, true},
	} {
		values := draw(test.d, count)
		for _, p := range []float64{.01, .1, .25, .5, .75, .9, .99, .999} {
			got, want := float64(values[int(p*count)]), test.want.Quantile(p)
			// Five deviations of the sample quantile: sqrt(p(1-p)/n) of probability on either side, and the table's step.
			step := 5*math.Sqrt(p*(1-p)/count) + 1e-4
			low, high := test.want.Quantile(max(1e-9, p-step)), test.want.Quantile(min(1-1e-9, p+step))
			if got < low-2 || got > high+2 {
				t.Errorf("%v: quantile %v is %.0f, gonum's is %.0f (%.0f to %.0f)", test.d, p, got, want, low, high)
			}
		}
		if got, want := float64(Mean(test.d)), test.want.Mean(); test.mean && math.Abs(got-want) > .02*want {
			t.Errorf("%v: mean %.0f, gonum's is %.0f", test.d, got, want)
		}
	}
}

func TestEmpiricalGivesItsValuesByWeight(t *testing.T) {
	counts := map[int64]int{}
	for _, v := range draw(Empirical([]Point{{100, 1}, {200, 0}, {300, 3}}), 100_000) {
		counts[v]++
	}
	if len(counts) != 2 || math.Abs(float64(counts[300])-75_000) > 1000 {
		t.Errorf("%v, want a quarter of 100 and the rest of 300", counts)
	}
}

func TestQuantilesRunThroughTheirPoints(t *testing.T) {
	values := draw(Quantiles([]Point{{10, 0}, {100, .5}, {10_000, 1}}), 100_000)
	for p, want := range map[float64]float64{.25: math.Sqrt(1000), .5: 100, .75: 1000} {
		if got := float64(values[int(p*100_000)]); math.Abs(got-want) > .03*want {
			t.Errorf("quantile %v is %v, want %.0f", p, got, want)
		}
	}
	if values[0] < 10 || values[len(values)-1] > 10_000 {
		t.Errorf("from %d to %d", values[0], values[len(values)-1])
	}
}

func TestMixturesAndLimits(t *testing.T) {
	m := Mixture([]float64{3, 1}, []Distribution{Uniform(0, 9), Limited(Fixed(5000), 0, 1000)})
	values := draw(m, 100_000)
	large := len(values) - slices.IndexFunc(values, func(v int64) bool { return v > 9 })
	if values[len(values)-1] != 1000 || math.Abs(float64(large)-25_000) > 800 {
		t.Errorf("%d of 100000 are large, the largest %d", large, values[len(values)-1])
	}
	// Which component it is says nothing of the value drawn from it.
	var sum int64
	for _, v := range values[:len(values)-large] {
		sum += v
	}
	if mean := float64(sum) / float64(len(values)-large); math.Abs(mean-4.5) > .1 {
		t.Errorf("the small ones have a mean of %.2f, want 4.5", mean)
	}
}

// A dumb twin of Choice adds up weights until it gets there.
func TestChoiceIsByWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, 2.5, 1e-3, 40}), 1, 12).Draw(t, "weights")
		total := 0.0
		for _, w := range weights {
			total += w
		}
		if total == 0 {
			return
		}
		u := rapid.Uint64().Draw(t, "u")
		got, left := NewChoice(weights).Pick(u), float64(u)/math.MaxUint64*total
		if weights[got] == 0 {
			t.Fatalf("%v picks %d, which has no weight", weights, got)
		}
		for i, w := range weights {
			if left < w-1e-9 || i == len(weights)-1 {
				if got != i && weights[i] > 0 && left < w-1e-6 && left > 1e-6 {
					t.Fatalf("%v of %x: %d, want %d", weights, u, got, i)
				}
				return
			}
			left -= w
		}
	})
	if c := NewChoice([]float64{1, 1, 0}); c.Pick(math.MaxUint64) != 1 || c.Pick(0) != 0 {
		t.Error("the ends of the bits belong to the first and the last that have weight")
	}
}

// What is drawn becomes simulated time: the same on every processor and in every release.
func TestDrawsAreTheSameEverywhere(t *testing.T) {
	var got []int64
	for _, d := range []Distribution{
		Exponential(1e9), LogNormal(1e9, 1e11), Normal(1e9, 1e8), Pareto(1e9, 1.2), Weibull(1e9, .7), Gamma(1e9, 2),
		Quantiles([]Point{{1e9, 0}, {5e9, .9}, {1e12, 1}}), Empirical([]Point{{1, .3}, {2, .7}}),
		Mixture([]float64{1, 2}, []Distribution{Fixed(7), Uniform(0, 1e6)}),
	} {
		got = append(got, d.Sample(0x9e3779b97f4a7c15), Mean(d))
	}
	if text := fmt.Sprint(got); text != everywhere {
		t.Errorf("drew\n%s, want\n%s", text, everywhere)
	}
}
