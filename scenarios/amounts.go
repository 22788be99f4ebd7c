package scenarios

import (
	"errors"
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/workloads/generators"
)

// unit is what the values of a distribution mean.
type unit struct {
	parse func(text string) (int64, error)
}

// The units: nanoseconds, thousandths, bytes, and plain numbers.
var (
	durations = &unit{func(text string) (int64, error) {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration: write it as 500ms, 90s, 1m30s or 2h", text)
		}
		return int64(d), nil
	}}
	cpus = &unit{func(text string) (int64, error) {
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return 0, fmt.Errorf("%q is no amount of CPU: write it as 500m or 2", text)
		}
		return q.MilliValue(), nil
	}}
	memories = &unit{func(text string) (int64, error) {
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return 0, fmt.Errorf("%q is no amount of memory: write it as 256Mi or 2Gi", text)
		}
		return q.Value(), nil
	}}
	numbers = &unit{func(text string) (int64, error) {
		q, err := resource.ParseQuantity(text)
		if n, whole := q.AsInt64(); err == nil && whole {
			return n, nil
		}
		return 0, fmt.Errorf("%q is not a whole number", text)
	}}
)

// sane bounds values: nothing is longer than nine years or larger than 256 pebibytes.
const sane = math.MaxInt64 / 32

// amounts reads the values of one distribution and keeps the first thing wrong.
type amounts struct {
	unit *unit
	err  error
}

// value reads one that may be 0.
func (a *amounts) value(what, text string) int64 {
	n, err := a.unit.parse(text)
	switch {
	case text == "":
		err = errors.New("is missing")
	case err == nil && n < 0:
		err = fmt.Errorf("%s is below 0", text)
	case err == nil && n > sane:
		err = fmt.Errorf("%s is out of all proportion", text)
	}
	a.fail(what, err)
	return n
}

// above reads one above 0.
func (a *amounts) above(what, text string) int64 {
	n := a.value(what, text)
	if n <= 0 {
		a.fail(what, fmt.Errorf("%s: want more than 0", text))
	}
	return n
}

// shape checks a number that has no unit.
func (a *amounts) shape(what string, x float64) float64 {
	if !(x >= .05 && x <= 1000) {
		a.fail(what, fmt.Errorf("%g is out of range: 0.05 to 1000", x))
	}
	return x
}

func (a *amounts) fail(what string, err error) {
	if a.err == nil && err != nil {
		a.err = fmt.Errorf("%s: %w", what, err)
	}
}

// distributionOf makes a distribution of what a file says.
func distributionOf(f *format.Amounts, u *unit) (generators.Distribution, error) {
	a := &amounts{unit: u}
	given := shapes(f, a)
	if len(given) != 1 {
		return nil, fmt.Errorf("has %d of fixed, uniform, exponential, lognormal, normal, pareto, weibull, gamma, values, quantiles and mixture: want exactly one", len(given))
	}
	d := given[0]()
	if a.err != nil {
		return nil, a.err
	}
	made := d()
	if f.AtLeast == "" && f.AtMost == "" {
		return made, nil
	}
	low, high := int64(0), int64(sane)
	if f.AtLeast != "" {
		low = a.value("atLeast", f.AtLeast)
	}
	if f.AtMost != "" {
		high = a.value("atMost", f.AtMost)
	}
	if low > high {
		a.fail("atLeast", fmt.Errorf("%s is above atMost, %s", f.AtLeast, f.AtMost))
	}
	return generators.Limited(made, low, high), a.err
}

// shape reads a distribution's values; what it returns makes it, once all of them are good.
type shape func() func() generators.Distribution

// shapes are those that are given.
func shapes(f *format.Amounts, a *amounts) (given []shape) {
	add := func(is bool, s shape) {
		if is {
			given = append(given, s)
		}
	}
	add(f.Fixed != "", func() func() generators.Distribution {
		n := a.value("fixed", f.Fixed)
		return func() generators.Distribution { return generators.Fixed(n) }
	})
	add(f.Uniform != nil, func() func() generators.Distribution {
		low, high := a.value("uniform.min", f.Uniform.Min), a.value("uniform.max", f.Uniform.Max)
		if low > high {
			a.fail("uniform", fmt.Errorf("min %s is above max %s", f.Uniform.Min, f.Uniform.Max))
		}
		return func() generators.Distribution { return generators.Uniform(low, high) }
	})
	add(f.Exponential != nil, func() func() generators.Distribution {
		mean := a.above("exponential.mean", f.Exponential.Mean)
		return func() generators.Distribution { return generators.Exponential(mean) }
	})
	add(f.LogNormal != nil, func() func() generators.Distribution {
		median, p99 := a.above("lognormal.median", f.LogNormal.Median), a.above("lognormal.p99", f.LogNormal.P99)
		if median > p99 {
			a.fail("lognormal", fmt.Errorf("median %s is above p99 %s", f.LogNormal.Median, f.LogNormal.P99))
		}
		return func() generators.Distribution { return generators.LogNormal(median, p99) }
	})
	add(f.Normal != nil, func() func() generators.Distribution {
		mean, deviation := a.value("normal.mean", f.Normal.Mean), a.value("normal.deviation", f.Normal.Deviation)
		return func() generators.Distribution { return generators.Normal(mean, deviation) }
	})
	add(f.Pareto != nil, func() func() generators.Distribution {
		least, alpha := a.above("pareto.min", f.Pareto.Min), a.shape("pareto.alpha", f.Pareto.Alpha)
		return func() generators.Distribution { return generators.Pareto(least, alpha) }
	})
	add(f.Weibull != nil, func() func() generators.Distribution {
		scale, x := a.above("weibull.scale", f.Weibull.Scale), a.shape("weibull.shape", f.Weibull.Shape)
		return func() generators.Distribution { return generators.Weibull(scale, x) }
	})
	add(f.Gamma != nil, func() func() generators.Distribution {
		mean, x := a.above("gamma.mean", f.Gamma.Mean), a.shape("gamma.shape", f.Gamma.Shape)
		return func() generators.Distribution { return generators.Gamma(mean, x) }
	})
	add(len(f.Values) > 0, func() func() generators.Distribution { return a.values(f.Values) })
	add(len(f.Quantiles) > 0, func() func() generators.Distribution { return a.quantiles(f.Quantiles) })
	add(len(f.Mixture) > 0, func() func() generators.Distribution { return a.mixture(f.Mixture) })
	return given
}

func (a *amounts) values(all []format.Weighted) func() generators.Distribution {
	var points []generators.Point
	total := 0.0
	for i, v := range all {
		weight := a.weight(fmt.Sprintf("values[%d].weight", i), v.Weight, v.HasWeight)
		total += weight
		points = append(points, generators.Point{Value: a.value(fmt.Sprintf("values[%d].value", i), v.Value), Weight: weight})
	}
	if total == 0 {
		a.fail("values", errors.New("nothing has weight"))
	}
	return func() generators.Distribution { return generators.Empirical(points) }
}

func (a *amounts) weight(what string, w float64, given bool) float64 {
	switch {
	case !given:
		return 1
	case !(w >= 0 && w <= 1e9):
		a.fail(what, fmt.Errorf("%g is out of range: 0 to 1000000000", w))
	}
	return w
}

func (a *amounts) quantiles(all []format.Quantile) func() generators.Distribution {
	var points []generators.Point
	for i, q := range all {
		points = append(points, generators.Point{Value: a.above(fmt.Sprintf("quantiles[%d].value", i), q.Value), Weight: q.At})
		if i > 0 && (q.At <= all[i-1].At || points[i].Value < points[i-1].Value) {
			a.fail(fmt.Sprintf("quantiles[%d]", i), errors.New("at and value must rise from one to the next"))
		}
	}
	if all[0].At != 0 || all[len(all)-1].At != 1 {
		a.fail("quantiles", errors.New("want points from at: 0 to at: 1"))
	}
	return func() generators.Distribution { return generators.Quantiles(points) }
}

func (a *amounts) mixture(all []format.Component) func() generators.Distribution {
	var weights []float64
	var of []generators.Distribution
	total := 0.0
	for i := range all {
		c := &all[i]
		weights = append(weights, a.weight(fmt.Sprintf("mixture[%d].weight", i), c.Weight, c.HasWeight))
		total += weights[i]
		d, err := distributionOf(&c.Of, a.unit)
		a.fail(fmt.Sprintf("mixture[%d].of", i), err)
		of = append(of, d)
	}
	if total == 0 {
		a.fail("mixture", errors.New("nothing has weight"))
	}
	return func() generators.Distribution { return generators.Mixture(weights, of) }
}
