package host

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// fullSpeed is the speed of a machine with nothing wrong, in thousandths.
const fullSpeed = 1000

// work is a piece of work and the event that ends it.
type work struct {
	process *Process
	ref     any
	num     uint64
	// cost is what is left to do from start on, in CPU time at full speed.
	cost       time.Duration
	start, end sim.Time
	timer      sim.Timer
	lane       sim.Lane
	kind       sim.Kind
	silent     bool // nobody is told of the end: there is no event
}

// cpu is a first-in, first-out run queue over some cores. Since nobody overtakes, the end of each piece of work is
// known when it comes; outstanding holds what has not ended, in order, for when the plan has to be made anew.
type cpu struct {
	simulation  *sim.Simulation
	freeAt      []sim.Time
	speed       int64
	outstanding []work
	head        int
	charged     time.Duration
}

func (c *cpu) init(s *sim.Simulation, cores int) {
	c.simulation, c.speed, c.freeAt = s, fullSpeed, make([]sim.Time, cores)
}

// submit plans a piece of work on the core that is free first.
func (c *cpu) submit(w *work) {
	now := c.simulation.Now()
	if w.cost <= 0 {
		if !w.silent {
			w.process.AtTime(now, w.lane, w.kind, w.num, w.ref)
		}
		return
	}
	core, free := 0, c.freeAt[0]
	for i, at := range c.freeAt {
		if at <= now { // Which of those that stand still makes no difference.
			core, free = i, at
			break
		}
		if at < free {
			core, free = i, at
		}
	}
	w.start = max(now, free)
	w.end = w.start.Add(c.duration(w.cost))
	c.freeAt[core] = w.end
	if !w.silent {
		w.timer = w.process.AtTime(w.end, w.lane, w.kind, w.num, w.ref)
	}
	c.push(w, now)
}

// duration is how long work takes at the present speed, rounded up so that some work never takes no time.
func (c *cpu) duration(cost time.Duration) time.Duration {
	if c.speed == fullSpeed {
		return cost
	}
	return time.Duration((int64(cost)*fullSpeed + c.speed - 1) / c.speed)
}

// push appends to outstanding, first letting go of what has ended at its head.
func (c *cpu) push(w *work, now sim.Time) {
	for c.head < len(c.outstanding) && c.outstanding[c.head].end <= now {
		c.outstanding[c.head].ref = nil
		c.head++
	}
	if c.head == len(c.outstanding) {
		c.outstanding, c.head = c.outstanding[:0], 0
	} else if c.head > 64 && c.head*2 > len(c.outstanding) {
		n := copy(c.outstanding, c.outstanding[c.head:])
		clear(c.outstanding[n:])
		c.outstanding, c.head = c.outstanding[:n], 0
	}
	c.outstanding = append(c.outstanding, *w)
}

// replan takes back what has not ended and plans again, in the old order, whatever keep allows; it returns the rest
// with the work that is still to do. Running work comes first in the order, so it keeps its core.
func (c *cpu) replan(speed int64, keep func(w *work) bool) (taken []work) {
	now := c.simulation.Now()
	old := c.outstanding[c.head:]
	was := c.speed
	c.outstanding, c.head, c.speed = nil, 0, speed
	for i := range c.freeAt {
		c.freeAt[i] = now
	}
	for i := range old {
		w := &old[i]
		if ended := w.silent && w.end <= now; ended || !w.silent && !c.simulation.Cancel(w.timer) {
			continue // Or overdue in the hands of the kernel.
		}
		if now > w.start {
			w.cost -= time.Duration(int64(now-w.start) * was / fullSpeed)
		}
		w.cost = max(w.cost, 0)
		if keep(w) {
			c.submit(w)
		} else {
			taken = append(taken, *w)
		}
	}
	return taken
}

func (c *cpu) setSpeed(permille int64) {
	if permille != c.speed {
		c.replan(permille, func(*work) bool { return true })
	}
}

// drop takes the work of one process off the cores and returns it.
func (c *cpu) drop(p *Process) []work {
	if !c.has(p) {
		return nil
	}
	return c.replan(c.speed, func(w *work) bool { return w.process != p })
}

func (c *cpu) has(p *Process) bool {
	for i := c.head; i < len(c.outstanding); i++ {
		if c.outstanding[i].process == p {
			return true
		}
	}
	return false
}

// clear forgets all work, as a loss of power does.
func (c *cpu) clear() {
	c.replan(c.speed, func(*work) bool { return false })
}

func (c *cpu) backlog() time.Duration {
	first := c.freeAt[0]
	for _, at := range c.freeAt[1:] {
		first = min(first, at)
	}
	return max(first.Sub(c.simulation.Now()), 0)
}
