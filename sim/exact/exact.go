// Package exact holds mathematical functions that give the same bits on every processor. The standard library's differ
// in last digits, as it has assembly for some processors and lets others fuse multiplications with additions; where a
// number becomes a simulated time or a decision, that would make another run. The functions here use only operations
// that IEEE 754 defines exactly, and round every product before it is added. Their last digit or two may be wrong: it is
// the same wrong digit everywhere.
package exact

import "math"

// Exp is e^x for |x| < 700.
func Exp(x float64) float64 {
	const ln2 = 0.6931471805599453
	k := math.Floor(x/ln2 + 0.5)
	r := x - float64(k*ln2)
	sum := 1.0
	for i := 18; i >= 1; i-- {
		sum = 1 + float64(r*sum)/float64(i)
	}
	return math.Ldexp(sum, int(k))
}

// Log is the natural logarithm of a positive x.
func Log(x float64) float64 {
	const ln2 = 0.6931471805599453
	fraction, power := math.Frexp(x)
	y := (fraction - 1) / (fraction + 1)
	square := float64(y * y)
	sum := 0.0
	for i := 41; i >= 1; i -= 2 {
		sum = 1/float64(i) + float64(square*sum)
	}
	return float64(float64(power)*ln2) + float64(2*float64(y*sum))
}

// NormalQuantile is the standard normal's quantile for 0 < p < 1, by bisection of the distribution function.
func NormalQuantile(p float64) float64 {
	if p < 0.5 {
		return -NormalQuantile(1 - p)
	}
	low, high := 0.0, 10.0
	for range 60 {
		middle := (low + high) / 2
		if normalTail(middle) > 1-p {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// normalTail is the probability that a standard normal exceeds x >= 0: a series near 0, a continued fraction beyond
// (Abramowitz and Stegun 26.2.11 and 26.2.14).
func normalTail(x float64) float64 {
	density := Exp(-float64(x*x)/2) * 0.3989422804014327
	if x < 2.5 {
		term, sum := x, x
		for k := 1; k < 60; k++ {
			term = float64(term*float64(x*x)) / float64(2*k+1)
			sum += term
		}
		return 0.5 - float64(density*sum)
	}
	fraction := x
	for k := 80; k >= 1; k-- {
		fraction = x + float64(k)/fraction
	}
	return density / fraction
}
