package arrivals

import (
	"math"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/workloads/gauges"
)

// samples is into how many parts of the run's time curves are cut.
const samples = 100

// Curve is a value at each hundredth of the run's time, from its beginning to its end.
type Curve [samples + 1]float64

// State is what the gauges show, at one time or on average.
type State struct {
	// Allocated and Fragmented are in percent of the GPU capacity, Density of the GPUs of nodes in use; Imbalance is the
	// standard deviation of the nodes' used parts, in percentage points. See package gauges for Kilowatts and
	// DollarsPerHour.
	Allocated, Fragmented, UsedNodes, Density, Imbalance, Kilowatts, DollarsPerHour float64
	// Waiting is how many pods wait.
	Waiting float64
}

// Pending is how long pods waited, in seconds, those that still wait at the end included with what they have waited so
// far. Percentiles are by nearest rank.
type Pending struct{ Mean, P50, P90, P99, Max float64 }

// Result is what a run leads to.
type Result struct {
	// Arrived and Placed count all pods, Unschedulable those that wait at the end.
	Arrived, Placed, Unschedulable int
	// Pending is of those who arrived after the warm-up.
	Pending Pending
	// Mean is the time average after the warm-up, End the state at the end.
	Mean, End State
	// KilowattHours and Dollars are what nodes drew and cost after the warm-up.
	KilowattHours, Dollars float64
	Curves                 [samples + 1]State
}

// meter takes the measures of a run.
type meter struct {
	gauges *gauges.Gauges
	warmUp time.Duration
	// last is when sum was brought up to date. Its parts are integrals over seconds, every product rounded.
	last              time.Duration
	sum               State
	arrived, decided  int
	waiting           int
	waits             []time.Duration
	curves            [samples + 1]State
	capacityGPUMilli  float64
	measuredFrom, end time.Duration
}

func newMeter(c *Config, g *gauges.Gauges) *meter {
	return &meter{gauges: g, warmUp: c.WarmUp, measuredFrom: c.WarmUp, end: c.Until, capacityGPUMilli: float64(g.GPUCapacity())}
}

// state is what the gauges show now.
func (m *meter) state() State {
	return State{
		Allocated: 100 * float64(m.gauges.UsedGPUMilli()) / m.capacityGPUMilli, Fragmented: 100 * m.gauges.Fragmented() / m.capacityGPUMilli,
		UsedNodes: float64(m.gauges.UsedNodes()), Density: m.gauges.PackingDensity(), Imbalance: m.gauges.Imbalance(),
		Kilowatts: m.gauges.Kilowatts(), DollarsPerHour: m.gauges.DollarsPerHour(), Waiting: float64(m.waiting),
	}
}

// parts are the fields of a state.
func (s *State) parts() [8]*float64 {
	return [8]*float64{&s.Allocated, &s.Fragmented, &s.UsedNodes, &s.Density, &s.Imbalance, &s.Kilowatts, &s.DollarsPerHour, &s.Waiting}
}

// pass is to be called before anything changes: what was, was until now.
func (m *meter) pass(now time.Duration) {
	from := max(m.last, m.measuredFrom)
	m.last = now
	if now <= from {
		return
	}
	seconds := (now - from).Seconds()
	state := m.state()
	sum, parts := m.sum.parts(), state.parts()
	for i := range sum {
		*sum[i] += float64(*parts[i] * seconds)
	}
}

func (m *meter) placed(now time.Duration, j *Job, node int) {
	m.decided++
	m.wait(now, j)
	m.gauges.Placed(node)
}

func (m *meter) removed(node int) { m.gauges.Removed(node) }

func (m *meter) stillWaiting(now time.Duration, j *Job) { m.wait(now, j) }

func (m *meter) wait(now time.Duration, j *Job) {
	if j.Arrives >= m.measuredFrom {
		m.waits = append(m.waits, now-j.Arrives)
	}
}

func (m *meter) sample(i int) { m.curves[i] = m.state() }

func (m *meter) result() *Result {
	r := &Result{Arrived: m.arrived, Placed: m.decided, Unschedulable: m.waiting, Curves: m.curves, End: m.state(), Mean: m.sum}
	hours := (m.end - m.measuredFrom).Hours()
	r.KilowattHours, r.Dollars = m.sum.Kilowatts/3600, m.sum.DollarsPerHour/3600
	for _, part := range r.Mean.parts() {
		*part /= hours * 3600
	}
	r.Pending = pending(m.waits)
	return r
}

// pending sums whole numbers: the order of pods must not matter.
func pending(waits []time.Duration) (p Pending) {
	if len(waits) == 0 {
		return p
	}
	slices.Sort(waits)
	var milliseconds int64
	for _, w := range waits {
		milliseconds += w.Milliseconds()
	}
	rank := func(percent int) float64 { return waits[(len(waits)*percent+99)/100-1].Seconds() }
	return Pending{Mean: math.Round(float64(milliseconds)/float64(len(waits))) / 1000, P50: rank(50), P90: rank(90), P99: rank(99), Max: rank(100)}
}
