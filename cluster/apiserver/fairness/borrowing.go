package fairness

import (
	"math"
	"slices"
	"time"
)

const (
	// AdjustmentPeriod is how often levels lend seats to each other (upstream borrowingAdjustmentPeriod).
	AdjustmentPeriod = 10 * time.Second
	// smoothing makes the remembered demand halve in 5 minutes (upstream seatDemandSmoothingCoefficient).
	smoothing = 0.977
	// widthPercent is how much of a level's nominal seats one request may be estimated at.
	widthPercent = 15
	// smallestTarget stands for a demand of nothing, which would divide by zero.
	smallestTarget = 0.001
)

// limits are a level's numbers of seats.
type limits struct {
	nominal, min, max, current int
	width                      int // the widest request; 0 = no bound of the level's own
}

// initialLimits divides the server's seats by shares, rounding up. A level starts with half of what it can lend lent.
func initialLimits(c LevelConfig, seats, shares int) limits {
	var l limits
	if shares > 0 {
		l.nominal = (seats*c.Shares + shares - 1) / shares
	}
	lendable := (l.nominal*c.LendablePercent + 50) / 100
	l.min, l.max, l.current = l.nominal-lendable, l.nominal+seats, l.nominal-lendable/2
	if c.HandSize > 0 {
		l.width = max(1, min((l.nominal*widthPercent+99)/100, l.nominal/c.HandSize))
	}
	return l
}

// demand integrates a level's wanted seats (in use and waiting) over time.
type demand struct {
	seats    int
	since    int64
	elapsed  int64 // ns
	integral int64 // seat ns
	squared  float64
	high     int
	smoothed float64
}

func (d *demand) set(seats int, now int64) {
	d.advance(now)
	d.seats = seats
	d.high = max(d.high, seats)
}

func (d *demand) advance(now int64) {
	dt := now - d.since
	if dt == 0 {
		return
	}
	d.since = now
	d.elapsed += dt
	d.integral += int64(d.seats) * dt
	d.squared += float64(float64(d.seats*d.seats) * float64(dt))
}

// reset closes a period: it returns the most seats wanted in it and updates the smoothed demand, which rises at once to
// average plus deviation and falls slowly.
func (d *demand) reset(now int64) (high int) {
	d.advance(now)
	high = d.high
	if d.elapsed > 0 {
		average := float64(d.integral) / float64(d.elapsed)
		variance := d.squared/float64(d.elapsed) - float64(average*average)
		envelope := average
		if variance > 0 {
			envelope += math.Sqrt(variance)
		}
		d.smoothed = max(envelope, float64(smoothing*d.smoothed)+float64((1-smoothing)*envelope))
	}
	d.elapsed, d.integral, d.squared, d.high = 0, 0, 0, d.seats
	return high
}

// share is one level's part in an allocation: it wants target seats and gets between low and high.
type share struct{ target, low, high float64 }

// allocate divides sum seats: every share gets its target times one common factor, or the bound that stops it. ok is
// false when the bounds cannot add up to sum.
func allocate(sum int, shares []share) (seats []float64, ok bool) {
	want := float64(sum)
	at := func(factor float64) (total float64) {
		for _, s := range shares {
			total += s.at(factor)
		}
		return total
	}
	var corners []float64 // factors at which some share meets a bound
	low, high := 0.0, 0.0
	for _, s := range shares {
		corners = append(corners, s.low/s.aim(), s.high/s.aim())
		low, high = low+s.low, high+s.high
	}
	slices.Sort(corners)
	if len(corners) == 0 || low > want || high < want {
		return nil, false
	}
	// The total grows in straight lines from corner to corner: find the line that crosses want.
	i, _ := slices.BinarySearchFunc(corners, want, func(c, want float64) int {
		if at(c) < want {
			return -1
		}
		return 1
	})
	i = min(i, len(corners)-1) // (high/aim)*aim may be a last digit below high
	factor := corners[i]
	if i > 0 {
		from, to := corners[i-1], corners[i]
		if rise := at(to) - at(from); rise > 0 {
			factor = from + float64((to-from)*((want-at(from))/rise))
		}
	}
	for _, s := range shares {
		seats = append(seats, s.at(factor))
	}
	return seats, true
}

func (s share) aim() float64 { return max(s.target, smallestTarget) }

func (s share) at(factor float64) float64 {
	return max(s.low, min(s.high, float64(factor*s.aim())))
}
