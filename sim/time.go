package sim

import "time"

// Time is true virtual time: nanoseconds since the simulation's start. Only the kernel, the simulated hardware and
// observers may look at it; simulated programs read the clocks of their process.
type Time int64

// Add returns the instant d after t.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Duration returns the time since the simulation's start.
func (t Time) Duration() time.Duration { return time.Duration(t) }

func (t Time) String() string { return time.Duration(t).String() }

// Wall is what a machine believes the time of day to be: nanoseconds since the Unix epoch. It may be wrong and may
// jump; it is a type of its own so that nobody measures a duration with it by accident.
type Wall int64

// Time converts to the standard library's type, always in UTC.
func (w Wall) Time() time.Time { return time.Unix(0, int64(w)).UTC() }

// Monotonic is a machine's monotonic clock in nanoseconds. Its zero is arbitrary: only differences mean something.
type Monotonic int64

// Sub returns the duration from u to m.
func (m Monotonic) Sub(u Monotonic) time.Duration { return time.Duration(m - u) }

// Add returns the reading d after m.
func (m Monotonic) Add(d time.Duration) Monotonic { return m + Monotonic(d) }

// defaultStart is the wall time at Time 0 where a Config names none: a fixed date, so that no run depends on today.
var defaultStart = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Forever is the timeout of a wait that has none.
const Forever time.Duration = -1

// Clock is one machine's pair of clocks. Drift moves both; offset and steps move the wall clock only.
type Clock struct {
	simulation *Simulation
	offset     time.Duration
	driftPPM   int64
	// Where drift last changed: readings are linear from there.
	baseTime      Time
	baseMonotonic Monotonic
}

// NewClock returns a clock that runs true.
func (s *Simulation) NewClock() *Clock { return &Clock{simulation: s} }

// Monotonic reads the monotonic clock.
func (c *Clock) Monotonic() Monotonic {
	return c.baseMonotonic + Monotonic(c.reading(int64(c.simulation.now-c.baseTime)))
}

// reading is what the clock counts in a stretch of true time since drift last changed.
func (c *Clock) reading(elapsed int64) int64 {
	if c.driftPPM == 0 {
		return elapsed
	}
	return elapsed + mulDiv(elapsed, c.driftPPM, million)
}

// Wall reads the wall clock.
func (c *Clock) Wall() Wall {
	return Wall(c.simulation.startNanos + int64(c.Monotonic()) + int64(c.offset))
}

// SetOffset puts the wall clock d ahead of the truth (behind it where d is negative), drift aside.
func (c *Clock) SetOffset(d time.Duration) { c.offset = d }

// Step moves the wall clock by d at once, as a time-synchronisation daemon does.
func (c *Clock) Step(d time.Duration) { c.offset += d }

// Offset returns by how much the wall clock has been moved.
func (c *Clock) Offset() time.Duration { return c.offset }

// SetDrift makes both clocks run partsPerMillion too fast from now on; timers already armed keep their instant.
func (c *Clock) SetDrift(partsPerMillion int64) {
	c.baseMonotonic, c.baseTime = c.Monotonic(), c.simulation.now
	c.driftPPM = partsPerMillion
}

// trueDuration converts a duration that this clock measures into virtual time, rounded up: when a timer goes off its
// clock shows at least what was asked for, or a loop that arms it anew would never end.
func (c *Clock) trueDuration(d time.Duration) time.Duration {
	if c == nil || c.driftPPM == 0 || d <= 0 {
		return d
	}
	passed := int64(c.simulation.now - c.baseTime)
	target := c.reading(passed) + int64(d)
	elapsed := mulDiv(target, million, million+c.driftPPM)
	for c.reading(elapsed) < target {
		elapsed++
	}
	return time.Duration(elapsed - passed)
}

const million = 1_000_000

// mulDiv returns a*b/c without overflow for |b|, c up to 2^31 and any a: exact in the part that fits.
func mulDiv(a, b, c int64) int64 {
	return a/c*b + a%c*b/c
}
