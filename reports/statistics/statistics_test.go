package statistics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

func TestDescriptions(t *testing.T) {
	for _, test := range []struct {
		sample                  []float64
		median, mean, deviation float64
	}{
		{[]float64{7}, 7, 7, 0},
		{[]float64{4, 1}, 2.5, 2.5, 2.1213203435596424},
		{[]float64{9, 1, 2}, 2, 4, 4.358898943540674},
		{[]float64{2, 4, 4, 4, 5, 5, 7, 9}, 4.5, 5, 2.138089935299395},
	} {
		if m, a, d := Median(test.sample), Mean(test.sample), Deviation(test.sample); !near(m, test.median) || !near(a, test.mean) || !near(d, test.deviation) {
			t.Errorf("%v: median %v, mean %v, deviation %v, want %v, %v, %v", test.sample, m, a, d, test.median, test.mean, test.deviation)
		}
	}
}

// The p-values of R's wilcox.test and of SciPy's wilcoxon(mode="exact").
func TestSignedRankOfKnownSamples(t *testing.T) {
	for _, test := range []struct {
		name        string
		differences []float64
		p, effect   float64
	}{
		{"one pair says nothing", []float64{3}, 1, 1},
		{"five pairs cannot reach .05", []float64{1, 2, 3, 4, 5}, .0625, 1},
		{"six can", []float64{1, 2, 3, 4, 5, 6}, .03125, 1},
		{"ten in one direction", []float64{-1, -2, -3, -4, -5, -6, -7, -8, -9, -10}, .001953125, -1},
		{"zeros are left out", []float64{0, 0, 1, 2, 3, 4, 5, 6}, .03125, 1},
		{"nothing differs", []float64{0, 0, 0}, 1, 0},
		{"even", []float64{1, -1}, 1, 0},
		// Depression scores of nine patients (Hollander and Wolfe 1973), R's example(wilcox.test): V = 40, p = .03906.
		{"textbook", []float64{.952, -.147, 1.022, .430, .620, .590, .490, -.080, .010}, .0390625, 35.0 / 45},
		// Cross- and self-fertilised plants (Darwin 1876), the example of scipy.stats.wilcoxon: V = 24 against, p = .04126.
		{"Darwin", []float64{6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}, .04125976562, 72.0 / 120},
	} {
		got := SignedRank(test.differences)
		if !near(math.Round(got.P*1e8), math.Round(test.p*1e8)) || !near(got.Effect, test.effect) {
			t.Errorf("%s: p %.10f, effect %v, want %v and %v", test.name, got.P, got.Effect, test.p, test.effect)
		}
	}
}

// The twin tries all 2^n signs.
func TestSignedRankCountsAllSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.SliceOfN(rapid.IntRange(-4, 4), 1, 10).Draw(t, "differences")
		differences, nonzero := make([]float64, len(small)), []float64{}
		for i, d := range small {
			differences[i] = float64(d)
			if d != 0 {
				nonzero = append(nonzero, math.Abs(float64(d)))
			}
		}
		// rank is the mean rank among the amounts, by counting.
		rank := func(amount float64) float64 {
			below, equal := 0, 0
			for _, other := range nonzero {
				if other < amount {
					below++
				} else if other == amount {
					equal++
				}
			}
			return float64(below) + float64(equal+1)/2
		}
		total, up := 0.0, 0.0
		for _, d := range differences {
			if d != 0 {
				total += rank(math.Abs(d))
			}
			if d > 0 {
				up += rank(d)
			}
		}
		asUneven := 0
		for signs := range 1 << len(nonzero) {
			sum := 0.0
			for i, amount := range nonzero {
				if signs>>i&1 == 1 {
					sum += rank(amount)
				}
			}
			if math.Abs(sum-total/2) >= math.Abs(up-total/2) {
				asUneven++
			}
		}
		want := float64(asUneven) / math.Ldexp(1, len(nonzero))
		if got := SignedRank(differences); !near(got.P, want) {
			t.Errorf("%v: p %v, all signs tried give %v", small, got.P, want)
		}
	})
}

func TestNormalApproximationMeetsTheExactTest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var differences []float64
		for range exactPairs {
			differences = append(differences, r.NormFloat64()+.15)
		}
		exact := SignedRank(differences)
		ranks := make([]int, exactPairs)
		for i := range ranks {
			ranks[i] = 2 * (i + 1)
		}
		total := exactPairs * (exactPairs + 1)
		up := int(math.Round(float64(total) * (1 + exact.Effect) / 2))
		// One rank of nothing makes it a case for the approximation.
		if got := twoSided(append(ranks, 0), min(up, total-up), total); math.Abs(got-exact.P) > .002 {
			t.Errorf("p %v, exact %v", got, exact.P)
		}
	}
}

func TestLeastP(t *testing.T) {
	for n := 1; n < 20; n++ {
		var differences []float64
		for i := range n {
			differences = append(differences, float64(i+1))
		}
		if got, want := LeastP(n), SignedRank(differences).P; !near(got, want) {
			t.Errorf("%d pairs: %v, the test gives %v", n, got, want)
		}
	}
}

// R's p.adjust(method = "holm").
func TestHolm(t *testing.T) {
	got := fmt.Sprintf("%.3f", Holm([]float64{.01, .04, .03, .005, .6}))
	if want := "[0.040 0.090 0.090 0.025 0.600]"; got != want {
		t.Errorf("adjusted %s, want %s", got, want)
	}
	if got := Holm(nil); len(got) != 0 {
		t.Errorf("nothing adjusted: %v", got)
	}
}

// Of many samples from a known distribution about 95 % have the true median inside. The percentile method is a little
// narrow for samples as small as these.
func TestIntervalCoversTheMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const samples = 400
	covered := 0
	for range samples {
		var sample []float64
		for range 15 {
			sample = append(sample, r.ExpFloat64())
		}
		if low, high := Interval(sample); low <= math.Ln2 && math.Ln2 <= high {
			covered++
		}
	}
	if share := float64(covered) / samples; share < .90 || share > .99 {
		t.Errorf("%.1f %% of the intervals hold the true median", 100*share)
	}
}

func TestIntervalDependsOnTheValuesOnly(t *testing.T) {
	a1, b1 := Interval([]float64{3, 1, 4, 1, 5, 9, 2, 6})
	a2, b2 := Interval([]float64{9, 6, 5, 4, 3, 2, 1, 1})
	if a1 != a2 || b1 != b2 || a1 >= b1 || a1 < 1 || b1 > 9 {
		t.Errorf("%v to %v, in another order %v to %v", a1, b1, a2, b2)
	}
	if low, high := Interval([]float64{5}); low != 5 || high != 5 {
		t.Errorf("a single value: %v to %v", low, high)
	}
}
