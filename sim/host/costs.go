package host

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// Op is a registered operation of a simulation's cost table.
type Op uint16

// Cost is what an operation takes of a core: Fixed + units x PerUnit + a draw of Dist.
type Cost struct {
	Fixed, PerUnit time.Duration
	// Dist adds a draw, stable by process; nil adds nothing.
	Dist sim.Distribution
	// Source says where the numbers come from.
	Source string
}

// OpShare is a line of the table's report.
type OpShare struct {
	Name string
	Cost Cost
	// Overridden: a scenario has changed the row. Assumed: nobody has registered it, so it costs nothing.
	Overridden, Assumed bool
	Count, Units        int64
	CPU                 time.Duration
	// SharePPM is the part of all charged CPU time, in millionths.
	SharePPM int64
}

// CostTable holds every operation of a simulation.
type CostTable struct {
	byName map[string]Op
	rows   []costRow
}

type costRow struct {
	name       string
	cost       Cost
	count      int64
	units      int64
	cpu        time.Duration
	overridden bool
	assumed    bool
}

// Costs returns the simulation's table, for those who hold no process.
func Costs(s *sim.Simulation) *CostTable { return worldOf(s).costs }

// Costs returns the simulation's table.
func (p *Process) Costs() *CostTable { return p.machine.world.costs }

// Op looks an operation up by name. One that nobody has registered costs nothing until somebody does.
func (p *Process) Op(name string) Op { return p.machine.world.costs.Op(name) }

// Op looks an operation up by name; see Process.Op.
func (t *CostTable) Op(name string) Op {
	if op, ok := t.byName[name]; ok {
		return op
	}
	return t.add(costRow{name: name, assumed: true})
}

// Register sets what an operation costs, unless a scenario has overridden it. It panics at a negative cost.
func (t *CostTable) Register(name string, c Cost) Op {
	if err := c.check(); err != nil {
		panic(fmt.Sprintf("host: operation %s: %v", name, err))
	}
	op, ok := t.byName[name]
	if !ok {
		return t.add(costRow{name: name, cost: c})
	}
	row := &t.rows[op]
	row.assumed = false
	if !row.overridden {
		row.cost = c
	}
	return op
}

// Override replaces what an operation costs from now on; an error says that there is none of the name, or that the
// cost is negative.
func (t *CostTable) Override(name string, c Cost) error {
	op, ok := t.byName[name]
	if !ok {
		return fmt.Errorf("no operation %q in the cost table", name)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("operation %s: %w", name, err)
	}
	t.rows[op].cost, t.rows[op].overridden, t.rows[op].assumed = c, true, false
	return nil
}

// Cost returns what an operation costs now.
func (t *CostTable) Cost(op Op) Cost { return t.rows[op].cost }

// Name returns an operation's name.
func (t *CostTable) Name(op Op) string { return t.rows[op].name }

// Report lists every operation, the greatest share first.
func (t *CostTable) Report() []OpShare {
	var total time.Duration
	for _, r := range t.rows {
		total += r.cpu
	}
	report := make([]OpShare, 0, len(t.rows))
	for _, r := range t.rows {
		line := OpShare{
			Name: r.name, Cost: r.cost, Overridden: r.overridden, Assumed: r.assumed,
			Count: r.count, Units: r.units, CPU: r.cpu,
		}
		if total > 0 {
			line.SharePPM = int64(r.cpu/time.Microsecond) * 1_000_000 / max(int64(total/time.Microsecond), 1)
		}
		report = append(report, line)
	}
	slices.SortFunc(report, func(a, b OpShare) int {
		return cmp.Or(cmp.Compare(b.CPU, a.CPU), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return report
}

func (t *CostTable) add(r costRow) Op {
	if len(t.rows) > 1<<16-1 {
		panic("host: more than 65,536 operations in the cost table")
	}
	op := Op(len(t.rows))
	t.rows = append(t.rows, r)
	t.byName[r.name] = op
	return op
}

func (c Cost) check() error {
	if c.Fixed < 0 || c.PerUnit < 0 {
		return fmt.Errorf("negative cost: %v + units x %v", c.Fixed, c.PerUnit)
	}
	return nil
}
