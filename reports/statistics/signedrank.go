package statistics

import (
	"cmp"
	"math"
	"slices"
)

// Test is the outcome of a signed-rank test.
type Test struct {
	// Up, Down and Equal count the differences above, below and at zero.
	Up, Down, Equal int
	// P is the probability, if neither direction were likelier, of ranks as uneven as these or more: two-sided.
	P float64
	// Effect is the matched-pairs rank-biserial correlation: the share of ranks that speaks for up minus that for down,
	// from -1 to 1 (Kerby 2014).
	Effect float64
}

// exactPairs is how many pairs the exact distribution is computed for; beyond, the normal one is as good.
const exactPairs = 100

// SignedRank is Wilcoxon's test of paired differences (Wilcoxon 1945). Differences of zero are left out; equal amounts
// share their mean rank, and the distribution is that of the ranks as shared.
func SignedRank(differences []float64) Test {
	var t Test
	var amounts []float64
	for _, d := range differences {
		switch {
		case d > 0:
			t.Up++
		case d < 0:
			t.Down++
		default:
			t.Equal++
			continue
		}
		amounts = append(amounts, d)
	}
	if len(amounts) == 0 {
		t.P = 1
		return t
	}
	slices.SortFunc(amounts, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	ranks := doubledRanks(amounts)
	up, total := 0, 0
	for i, d := range amounts {
		total += ranks[i]
		if d > 0 {
			up += ranks[i]
		}
	}
	t.Effect = float64(2*up-total) / float64(total)
	t.P = twoSided(ranks, min(up, total-up), total)
	return t
}

// doubledRanks are twice the ranks of amounts sorted by size: whole numbers also where ranks are shared.
func doubledRanks(sorted []float64) []int {
	ranks := make([]int, len(sorted))
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && math.Abs(sorted[to]) == math.Abs(sorted[from]) {
			to++
		}
		for i := from; i < to; i++ {
			ranks[i] = from + 1 + to
		}
		from = to
	}
	return ranks
}

// twoSided is the probability that random signs give a sum of ranks at most low or at least total-low.
func twoSided(ranks []int, low, total int) float64 {
	if len(ranks) > exactPairs {
		variance := 0.0
		for _, r := range ranks {
			variance += float64(float64(r*r) / 4)
		}
		// 1 is half of the least step between sums: the correction for continuity.
		z := (float64(float64(total)/2) - float64(low) - 1) / math.Sqrt(variance)
		return min(1, math.Erfc(z/math.Sqrt2))
	}
	// probability[s] is that of a sum s over the ranks so far.
	probability := make([]float64, total+1)
	probability[0] = 1
	for _, r := range ranks {
		for s := total; s >= 0; s-- {
			p := float64(probability[s] / 2)
			if s >= r {
				p += float64(probability[s-r] / 2)
			}
			probability[s] = p
		}
	}
	sum := 0.0
	for s := 0; s <= low; s++ {
		sum += probability[s]
	}
	return min(1, 2*sum)
}

// LeastP is the least p-value that so many pairs can lead to.
func LeastP(pairs int) float64 { return math.Ldexp(1, 1-max(pairs, 1)) }

// Holm adjusts the p-values of several questions asked of the same data, so that the chance of any wrong answer among
// them stays what it would be for one (Holm 1979). The order is kept.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted, highest := make([]float64, len(p)), 0.0
	for i, at := range order {
		highest = max(highest, min(1, p[at]*float64(len(p)-i)))
		adjusted[at] = highest
	}
	return adjusted
}
