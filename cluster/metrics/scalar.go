package metrics

import "time"

// Counter only grows.
type Counter struct{ value int64 }

// Inc adds one.
func (c *Counter) Inc() { c.value++ }

// Add adds n, which must not be negative.
func (c *Counter) Add(n int64) {
	if n < 0 {
		panic("metrics: a counter never falls")
	}
	c.value += n
}

// Value returns the count.
func (c *Counter) Value() int64 { return c.value }

// Gauge holds a level. A gauge set by SetDuration is exported in seconds, any other as the integer it is.
type Gauge struct {
	value    int64
	duration bool
}

// Set replaces the level.
func (g *Gauge) Set(v int64) { g.value = v }

// SetDuration replaces the level with a duration.
func (g *Gauge) SetDuration(d time.Duration) { g.value, g.duration = int64(d), true }

// Add changes the level by n.
func (g *Gauge) Add(n int64) { g.value += n }

// Inc raises the level by one.
func (g *Gauge) Inc() { g.value++ }

// Dec lowers the level by one.
func (g *Gauge) Dec() { g.value-- }

// Value returns the level: nanoseconds for a duration.
func (g *Gauge) Value() int64 { return g.value }

// IsDuration reports whether Value is in nanoseconds.
func (g *Gauge) IsDuration() bool { return g.duration }
