package generators

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// everywhere is what TestDrawsAreTheSameEverywhere draws.
const everywhere = "[962424027 1000073803 1812141206 7093162508 1030032149 999938809 2230041698 5351266552 946755645 1266059328 1045439812 1000036796 3019853509 21020359710 2 1 64122 332385]"

// arrive runs processes side by side, each with the stream of its name, and returns when their arrivals come.
func arrive(t *testing.T, seed uint64, until time.Duration, processes map[string]Process) map[string][]time.Duration {
	t.Helper()
	s := sim.New(sim.Config{Seed: seed, NoWatchdog: true})
	defer s.Close()
	times := map[string][]time.Duration{}
	for name, p := range processes {
		draws := s.Stream(name)
		var next func()
		next = func() {
			now := s.Now().Duration()
			gap := p.Gap(draws, now)
			draws.Uint64(FreePurpose) // As sizes are drawn.
			s.After(gap, func() {
				times[name] = append(times[name], s.Now().Duration())
				next()
			})
		}
		s.After(0, next)
	}
	if err := s.Run(sim.Time(until)); err != nil {
		t.Fatal(err)
	}
	return times
}

// count counts arrivals in equal stretches of time.
func count(times []time.Duration, stretch, until time.Duration) []float64 {
	counts := make([]float64, until/stretch)
	for _, at := range times {
		if i := int(at / stretch); i < len(counts) {
			counts[i]++
		}
	}
	return counts
}

// dispersion is the variance of counts over their mean: 1 for Poisson arrivals, 0 for regular ones, above 1 for bursts.
func dispersion(counts []float64) float64 {
	mean, variance := 0.0, 0.0
	for _, c := range counts {
		mean += c / float64(len(counts))
	}
	for _, c := range counts {
		variance += (c - mean) * (c - mean) / float64(len(counts))
	}
	return variance / mean
}

func TestRatesAndDispersion(t *testing.T) {
	const until, stretch = 200 * time.Hour, 10 * time.Minute
	processes := map[string]Process{
		"poisson": Poisson(20 * time.Second),
		"regular": Regular(20 * time.Second),
		"renewal": Renewal(Weibull(int64(20*time.Second), 1)),
		"bursty":  Bursty(Phase{Mean: 40 * time.Second, For: 30 * time.Minute}, Phase{Mean: 5 * time.Second, For: 5 * time.Minute}),
		"on-off":  Bursty(Phase{For: 10 * time.Minute}, Phase{Mean: 10 * time.Second, For: 10 * time.Minute}),
		"diurnal": Diurnal(20*time.Second, 24*time.Hour, []int64{1, 3}),
	}
	times := arrive(t, 11, until, processes)
	for name, want := range map[string]struct{ perHour, dispersionLow, dispersionHigh float64 }{
		"poisson": {180, .85, 1.15},
		"regular": {180, 0, .1},
		"renewal": {180, .85, 1.15},
		// Six sevenths of the time 90 an hour, one seventh 720.
		"bursty": {90*6./7 + 720./7, 5, 40},
		"on-off": {180, 5, 40},
		// 90 and 270 an hour in turn: per ten minutes 15 and 45, a variance of 15² above Poisson's 30.
		"diurnal": {180, 6, 11},
	} {
		perHour := float64(len(times[name])) / until.Hours()
		// Bursts make counts uncertain: their deviation is that of Poisson's times the root of the dispersion.
		d := dispersion(count(times[name], stretch, until))
		within := 5 * math.Sqrt(max(1, d)*want.perHour/until.Hours())
		if math.Abs(perHour-want.perHour) > within {
			t.Errorf("%s: %.1f arrivals an hour, want %.1f within %.1f", name, perHour, want.perHour, within)
		}
		if d < want.dispersionLow || d > want.dispersionHigh {
			t.Errorf("%s: dispersion %.2f, want %v to %v", name, d, want.dispersionLow, want.dispersionHigh)
		}
	}
}

// Arrivals by the time of day are as the weights.
func TestDiurnalFollowsItsWeights(t *testing.T) {
	weights := []int64{1, 0, 4, 2, 3, 10}
	const until = 400 * 6 * time.Hour
	times := arrive(t, 3, until, map[string]Process{"d": Diurnal(time.Minute, 6*time.Hour, weights)})["d"]
	counts := make([]float64, len(weights))
	for _, at := range times {
		counts[int(at%(6*time.Hour)/time.Hour)]++
	}
	for i, w := range weights {
		want := float64(w) / 20 * 400 * 6 * 60
		if math.Abs(counts[i]-want) > 5*math.Sqrt(want)+1 {
			t.Errorf("hour %d of the period has %.0f arrivals, want %.0f", i, counts[i], want)
		}
	}
}

// Gaps of Poisson arrivals are exponential: a Kolmogorov-Smirnov distance that one in ten thousand such samples exceeds.
func TestPoissonGapsAreExponential(t *testing.T) {
	times := arrive(t, 5, 100*time.Hour, map[string]Process{"p": Poisson(10 * time.Second)})["p"]
	gaps := make([]float64, len(times)-1)
	for i := range gaps {
		gaps[i] = (times[i+1] - times[i]).Seconds()
	}
	slices.Sort(gaps)
	distance := 0.0
	for i, g := range gaps {
		distance = max(distance, math.Abs(float64(i+1)/float64(len(gaps))-(1-math.Exp(-g/10))))
	}
	if limit := 2.23 / math.Sqrt(float64(len(gaps))); distance > limit {
		t.Errorf("distance %.4f from the exponential, want below %.4f", distance, limit)
	}
}

// A generator's arrivals do not know of other generators.
func TestGeneratorsDoNotDisturbEachOther(t *testing.T) {
	one := func() Process {
		return Bursty(Phase{Mean: time.Minute, For: time.Hour}, Phase{Mean: time.Second, For: time.Minute})
	}
	alone := arrive(t, 9, 20*time.Hour, map[string]Process{"one": one()})["one"]
	together := arrive(t, 9, 20*time.Hour, map[string]Process{"one": one(), "two": Regular(time.Second), "three": Poisson(time.Minute)})
	if !slices.Equal(alone, together["one"]) {
		t.Error("another generator moved arrivals")
	}
	if slices.Equal(alone, arrive(t, 10, 20*time.Hour, map[string]Process{"one": one()})["one"]) {
		t.Error("another seed has the same arrivals")
	}
	// Streams that differ in name only are independent: their counts do not rise and fall together.
	times := arrive(t, 4, 500*time.Hour, map[string]Process{"a": Poisson(time.Minute), "b": Poisson(time.Minute)})
	a, b := count(times["a"], time.Hour, 500*time.Hour), count(times["b"], time.Hour, 500*time.Hour)
	if c := correlation(a, b); math.Abs(c) > 4/math.Sqrt(500) {
		t.Errorf("counts of two streams correlate by %.3f", c)
	}
}

func correlation(a, b []float64) float64 {
	n := float64(len(a))
	var ma, mb, ab, aa, bb float64
	for i := range a {
		ma, mb = ma+a[i]/n, mb+b[i]/n
	}
	for i := range a {
		ab, aa, bb = ab+(a[i]-ma)*(b[i]-mb), aa+(a[i]-ma)*(a[i]-ma), bb+(b[i]-mb)*(b[i]-mb)
	}
	return ab / math.Sqrt(aa*bb)
}

// A dumb twin of the bursty process steps through time by milliseconds.
func TestBurstyIsAsIfStepped(t *testing.T) {
	calm, burst := Phase{Mean: 3 * time.Second, For: 20 * time.Second}, Phase{Mean: 200 * time.Millisecond, For: 4 * time.Second}
	const until = 4 * time.Hour
	got := count(arrive(t, 21, until, map[string]Process{"b": Bursty(calm, burst)})["b"], 5*time.Second, until)
	s := sim.New(sim.Config{Seed: 99, NoWatchdog: true})
	defer s.Close()
	draws := s.Stream("twin")
	var stepped []time.Duration
	phases, state := []Phase{calm, burst}, 0
	for at := time.Duration(0); at < until; at += time.Millisecond {
		if draws.Float64(0) < float64(time.Millisecond)/float64(phases[state].Mean) {
			stepped = append(stepped, at)
		}
		if draws.Float64(1) < float64(time.Millisecond)/float64(phases[state].For) {
			state = 1 - state
		}
	}
	want := count(stepped, 5*time.Second, until)
	if a, b := dispersion(got), dispersion(want); math.Abs(a-b) > .2*b {
		t.Errorf("dispersion %.2f, stepped %.2f", a, b)
	}
	slices.Sort(got)
	slices.Sort(want)
	var report []string
	for _, percent := range []int{50, 75, 90, 97} {
		i := len(got) * percent / 100
		if math.Abs(got[i]-want[i]) > 2+.15*want[i] {
			report = append(report, fmt.Sprintf("%d %%: %.0f, stepped %.0f", percent, got[i], want[i]))
		}
	}
	if len(report) > 0 {
		t.Errorf("arrivals in five seconds: %v", report)
	}
}
