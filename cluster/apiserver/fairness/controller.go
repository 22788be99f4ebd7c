package fairness

import (
	"fmt"
	"math"
	"time"
)

// Controller decides over all requests of one API server. Times are nanoseconds of any monotonic clock.
type Controller struct {
	classifier *classifier
	levels     []*Level
	nominalSum int
}

// New returns a controller at rest.
func New(c Config, now int64) *Controller {
	shares := 0
	for _, l := range c.Levels {
		shares += l.Shares
	}
	ctl := &Controller{}
	byName := map[string]*Level{}
	for _, lc := range c.Levels {
		if lc.HandSize > maxHandSize || lc.Queues > 256 {
			panic(fmt.Sprintf("fairness: level %s has a hand of %d and %d queues; at most %d and 256 are possible",
				lc.Name, lc.HandSize, lc.Queues, maxHandSize))
		}
		l := newLevel(lc)
		l.limits = initialLimits(lc, c.Seats, shares)
		l.meterTime, l.demand.since = now, now
		ctl.nominalSum += l.limits.nominal
		ctl.levels = append(ctl.levels, l)
		byName[lc.Name] = l
	}
	ctl.classifier = newClassifier(c.Schemas, byName)
	for _, s := range c.Schemas {
		if byName[s.Level] == nil {
			panic(fmt.Sprintf("fairness: schema %s names the unknown level %s", s.Name, s.Level))
		}
	}
	return ctl
}

// Classify finds the request's schema and level and returns the widest estimate that the level allows (0 = no bound).
func (c *Controller) Classify(r *Request, d Digest) (levelMax int) {
	m := c.classifier.match(d)
	r.schema, r.level, r.flow = m.schema, m.level, m.flow
	return r.level.limits.width
}

// Admit decides over a classified request.
func (c *Controller) Admit(r *Request, d Digest, w Work, now int64) Verdict {
	r.work = w
	if len(r.level.queues) > 1 && r.schema.Distinguisher == ByNamespace {
		r.flow = c.classifier.flow(r.schema, d)
	}
	v := r.level.admit(r, r.flow, now)
	if v == Reject {
		r.level.drops.record(now / int64(time.Second))
	}
	return v
}

// Expire takes a request that waited too long out of its queue and reports whether it was still waiting. It must then be
// answered as a rejected one.
func (c *Controller) Expire(r *Request, now int64) bool {
	if !r.waiting {
		return false
	}
	r.level.expire(r, now)
	r.level.drops.record(now / int64(time.Second))
	return true
}

// Finish ends the request's execution. If its seats linger, Release must follow after that time.
func (c *Controller) Finish(r *Request, now int64) (linger time.Duration) {
	if !r.executing {
		panic("fairness: a request that does not execute was finished")
	}
	return r.level.finish(r, now)
}

// Release frees lingering seats.
func (c *Controller) Release(r *Request, now int64) { r.level.release(r, now) }

// RetryAfter is the number of seconds that a rejected request's client is told to wait.
func (c *Controller) RetryAfter(r *Request) int { return int(r.level.drops.seconds()) }

// Levels returns the state of every level in table order.
func (c *Controller) Levels() []LevelState {
	out := make([]LevelState, len(c.levels))
	for i, l := range c.levels {
		out[i] = l.state()
	}
	return out
}

// Adjust lends seats between levels by the demand of the period that ends now; call it every AdjustmentPeriod.
func (c *Controller) Adjust(now int64) {
	left, minimum, needed := c.nominalSum, 0, 0
	var shares []share
	for _, l := range c.levels {
		high := l.demand.reset(now)
		if l.config.Exempt {
			l.limits.current = max(l.limits.min, high)
			left -= l.limits.current
			continue
		}
		low := max(l.limits.min, min(l.limits.nominal, high))
		minimum += l.limits.min
		needed += low
		shares = append(shares, share{target: max(float64(low), l.demand.smoothed), low: float64(low), high: float64(l.limits.max)})
	}
	c.apply(c.seatsFor(shares, left, minimum, needed), now)
}

// seatsFor is how many seats each limited level gets, in order; nil leaves all as they are.
func (c *Controller) seatsFor(shares []share, left, minimum, needed int) []int {
	seats := make([]int, 0, len(shares))
	if left > needed {
		allocated, ok := allocate(c.nominalSum, shares)
		if !ok {
			return nil
		}
		for _, s := range allocated {
			seats = append(seats, int(math.Round(s)))
		}
		return seats
	}
	i := 0
	for _, l := range c.levels {
		if l.config.Exempt {
			continue
		}
		n := l.limits.min
		if left > minimum {
			// Not even what is needed is there: everybody gets the same part of it above its minimum.
			extra := (int(shares[i].low) - l.limits.min) * (left - minimum)
			n += (2*extra + needed - minimum) / (2 * (needed - minimum))
		}
		seats = append(seats, n)
		i++
	}
	return seats
}

func (c *Controller) apply(seats []int, now int64) {
	if seats == nil {
		return
	}
	i := 0
	for _, l := range c.levels {
		if l.config.Exempt {
			continue
		}
		l.advance(now)
		l.limits.current = seats[i]
		i++
		l.dispatchAll(now)
	}
}
