package generators

import (
	"fmt"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// Process says when things arrive. It may keep state: each generator has one of its own.
type Process interface {
	// Gap is the time from now to the next arrival, and from the generator's beginning to now is at.
	Gap(draws *sim.Stream, at time.Duration) time.Duration
	String() string
}

// What processes draw for, and the first purpose that is left to the generator's owner.
const (
	purposeGap sim.Purpose = iota
	purposeSwitch
	purposeThin
	FreePurpose
)

// never is a gap that does not end: 73 years.
const never = 1 << 61

// Poisson arrivals do not know of each other, on average one in each mean.
func Poisson(mean time.Duration) Process { return &poisson{sim.Exponential(mean), mean} }

type poisson struct {
	gap  sim.Distribution
	mean time.Duration
}

func (p *poisson) Gap(draws *sim.Stream, _ time.Duration) time.Duration {
	return draws.Duration(purposeGap, p.gap)
}
func (p *poisson) String() string { return fmt.Sprintf("poisson(one in %v)", p.mean) }

// Regular arrivals come one in each interval.
func Regular(every time.Duration) Process { return regular(every) }

type regular time.Duration

func (r regular) Gap(*sim.Stream, time.Duration) time.Duration { return time.Duration(r) }
func (r regular) String() string                               { return fmt.Sprintf("regular(one in %v)", time.Duration(r)) }

// Renewal arrivals have independent gaps, in nanoseconds.
func Renewal(gaps Distribution) Process { return renewal{gaps} }

type renewal struct{ gaps Distribution }

func (r renewal) Gap(draws *sim.Stream, _ time.Duration) time.Duration {
	return duration(r.gaps.Sample(draws.Uint64(purposeGap)))
}
func (r renewal) String() string { return fmt.Sprintf("renewal(%v)", r.gaps) }

// Phase is a stretch of a bursty process.
type Phase struct {
	// Mean is the time between arrivals; 0 for none at all.
	Mean time.Duration
	// For is how long the phase lasts on average.
	For time.Duration
}

// Bursty is a Poisson process that switches between two rates (a Markov-modulated Poisson process of two states). It
// begins calm.
func Bursty(calm, burst Phase) Process {
	b := &bursty{name: fmt.Sprintf("bursty(calm %v, burst %v)", calm, burst)}
	for i, p := range []Phase{calm, burst} {
		if p.Mean > 0 {
			b.gap[i] = sim.Exponential(p.Mean)
		}
		b.stay[i] = sim.Exponential(p.For)
	}
	return b
}

func (p Phase) String() string {
	if p.Mean == 0 {
		return fmt.Sprintf("none for %v", p.For)
	}
	return fmt.Sprintf("one in %v for %v", p.Mean, p.For)
}

type bursty struct {
	name      string
	gap, stay [2]sim.Distribution
	state     int
	// until is when the phase ends, since the beginning.
	until time.Duration
	begun bool
}

func (b *bursty) Gap(draws *sim.Stream, at time.Duration) time.Duration {
	if !b.begun {
		b.begun, b.until = true, at+draws.Duration(purposeSwitch, b.stay[0])
	}
	for now := at; ; {
		if gap := b.gap[b.state]; gap != nil {
			// What is left of a gap is as long as a new one, so it is drawn anew in each phase.
			if next := now + draws.Duration(purposeGap, gap); next <= b.until {
				return next - at
			}
		}
		now = b.until
		b.state = 1 - b.state
		b.until = now + max(1, draws.Duration(purposeSwitch, b.stay[b.state]))
	}
}

func (b *bursty) String() string { return b.name }

// Diurnal is a Poisson process whose rate follows weights over a period, each for an equal part of it: 24 weights for the
// hours of a day. Over a period it has one arrival in each mean.
func Diurnal(mean, period time.Duration, weights []int64) Process {
	var sum int64
	for _, w := range weights {
		sum += w
	}
	peak := slices.Max(weights)
	// At its peak the rate is higher than on average, by the highest weight over the mean weight.
	fastest := duration(max(1, int64(float64(float64(mean)*float64(sum))/float64(peak*int64(len(weights))))))
	return &diurnal{sim.Exponential(fastest), mean, period, weights, peak}
}

type diurnal struct {
	gap          sim.Distribution
	mean, period time.Duration
	weights      []int64
	peak         int64
}

// Gap thins a Poisson process of the highest rate: an arrival stays with the probability of the rate at its time.
func (d *diurnal) Gap(draws *sim.Stream, at time.Duration) time.Duration {
	slot := max(1, d.period/time.Duration(len(d.weights)))
	for next := at; next-at < never; {
		next += draws.Duration(purposeGap, d.gap)
		i := min(int(next%d.period/slot), len(d.weights)-1)
		if draws.Int63n(purposeThin, d.peak) < d.weights[i] {
			return next - at
		}
	}
	return never
}

func (d *diurnal) String() string {
	return fmt.Sprintf("diurnal(one in %v, period %v, %d weights)", d.mean, d.period, len(d.weights))
}
