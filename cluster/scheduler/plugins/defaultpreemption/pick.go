package defaultpreemption

import (
	"math"
	"time"
)

// pick returns the candidate that loses least: the fewest budgets violated; then the least important most important victim; then
// the smallest sum of priorities; then the fewest victims; then the youngest of its most important victims. What is left is
// equal, and the first is taken (upstream: any).
func (p *DefaultPreemption) pick(candidates []candidate) candidate {
	now := p.handle.Now()
	best := candidates[0]
	for _, other := range candidates[1:] {
		if costsLess(&other, &best, now) {
			best = other
		}
	}
	return best
}

func costsLess(a, b *candidate, now time.Time) bool {
	if a.violations != b.violations {
		return a.violations < b.violations
	}
	if pa, pb := a.victims[0].Priority(), b.victims[0].Priority(); pa != pb {
		return pa < pb
	}
	if sa, sb := a.sum(), b.sum(); sa != sb {
		return sa < sb
	}
	if len(a.victims) != len(b.victims) {
		return len(a.victims) < len(b.victims)
	}
	return a.earliestStart(now).After(b.earliestStart(now))
}

// sum adds up the victims' priorities, each raised to be positive, so that few victims of negative priority don't cost more
// than many.
func (c *candidate) sum() int64 {
	var sum int64
	for _, v := range c.victims {
		sum += int64(v.Priority()) + math.MaxInt32 + 1
	}
	return sum
}

// earliestStart is the start of the oldest of the most important victims.
func (c *candidate) earliestStart(now time.Time) time.Time {
	highest, earliest := c.victims[0].Priority(), startTime(c.victims[0].Pod, now)
	for _, v := range c.victims[1:] {
		start := startTime(v.Pod, now)
		switch priority := v.Priority(); {
		case priority > highest:
			highest, earliest = priority, start
		case priority == highest && start.Before(earliest):
			earliest = start
		}
	}
	return earliest
}
