package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/sim/trace"
)

// LivelockError says that an instant did not end: events kept scheduling events for the same time.
type LivelockError struct {
	At    Time
	Steps int
	// Wakers are the most frequent pairs of cause and effect at that instant.
	Wakers []Waker
}

// Waker counts how often an event of one kind and process scheduled another.
type Waker struct {
	Cause, Effect string
	Count         int
}

func (e *LivelockError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sim: livelock: %d steps at %v and no end; who keeps waking whom:", e.Steps, e.At)
	for _, w := range e.Wakers {
		fmt.Fprintf(&b, "\n  %8d x %s -> %s", w.Count, w.Cause, w.Effect)
	}
	return b.String()
}

// livelock tells from the ring what the last steps were busy with.
func (s *Simulation) livelock() error {
	records := s.Recent()
	byStep := make(map[uint64]trace.Record, len(records))
	for _, r := range records {
		if r.Type == trace.Step {
			byStep[r.Step] = r
		}
	}
	counts := map[[2]string]int{}
	for _, r := range records {
		cause, ok := byStep[r.Cause]
		if r.Type == trace.Step && ok && r.Time == int64(s.now) {
			counts[[2]string{s.describe(cause), s.describe(r)}]++
		}
	}
	wakers := make([]Waker, 0, len(counts))
	for pair, n := range counts { //sim:unordered sorted below
		wakers = append(wakers, Waker{Cause: pair[0], Effect: pair[1], Count: n})
	}
	slices.SortFunc(wakers, func(a, b Waker) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Effect, b.Effect))
	})
	return &LivelockError{At: s.now, Steps: s.instantSteps - 1, Wakers: wakers[:min(len(wakers), 5)]}
}

// describe names the process and kind of a record.
func (s *Simulation) describe(r trace.Record) string {
	process := "-"
	if r.Process != 0 {
		process = s.processes[r.Process-1].name
	}
	return process + " " + s.kinds[r.Kind].name
}
