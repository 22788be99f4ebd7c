package host

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// purposeCost is the draw of an operation's distribution.
const purposeCost sim.Purpose = 0

// Charge queues units of an operation on the machine's cores; the event fires when the work is done, never before
// Charge returns. Work that costs nothing is done at this instant, whatever the cores have to do. It does not
// allocate if ref is a pointer. On a dead process it does nothing.
func (p *Process) Charge(op Op, units int64, lane sim.Lane, k sim.Kind, num uint64, ref any) {
	if !p.Process.Alive() {
		return
	}
	w := work{process: p, cost: p.bill(op, units), lane: lane, kind: k, num: num, ref: ref}
	p.work(&w)
}

// Spend is Charge for work whose end nobody waits for: it keeps a core busy without an event.
func (p *Process) Spend(op Op, units int64) {
	if !p.Process.Alive() {
		return
	}
	if w := (work{process: p, cost: p.bill(op, units), silent: true}); w.cost > 0 {
		p.work(&w)
	}
}

func (p *Process) work(w *work) {
	if w.cost > 0 && p.Process.Paused() {
		p.shelved = append(p.shelved, *w)
		return
	}
	p.machine.cpu.submit(w)
}

// IsFree reports whether an operation costs nothing at present.
func (p *Process) IsFree(op Op) bool {
	c := &p.machine.world.costs.rows[op].cost
	return c.Fixed == 0 && c.PerUnit == 0 && c.Dist == nil
}

// bill draws the cost of an operation and enters it into the table and the accounts.
func (p *Process) bill(op Op, units int64) time.Duration {
	row := &p.machine.world.costs.rows[op]
	cost := row.cost.Fixed + time.Duration(units)*row.cost.PerUnit
	if row.cost.Dist != nil {
		cost += p.draws.Duration(purposeCost, row.cost.Dist)
	}
	cost = max(cost, 0)
	row.count++
	row.units += units
	row.cpu += cost
	p.charged += cost
	p.machine.cpu.charged += cost
	return cost
}

// ChargeFunc is Charge with a closure, which it allocates.
func (p *Process) ChargeFunc(op Op, units int64, done func()) {
	p.Charge(op, units, 0, p.machine.world.funcKind, 0, done)
}

func runDone(_ uint64, ref any) { ref.(func())() }

// Compute parks the task until units of an operation are done.
func (p *Process) Compute(t *sim.Task, op Op, units int64) {
	w := p.machine.world
	c := w.takeComputation()
	p.Charge(op, units, 0, w.computedKind, 0, c)
	t.Wait(sim.Forever, c)
	c.Clear()
	w.computations = append(w.computations, c) // Not reached by a task that is killed: the signal may still be listed.
}

// computation is what a task waits for in Compute.
type computation struct{ sim.Signal }

func computed(_ uint64, ref any) { ref.(*computation).Set() }

func (w *world) takeComputation() *computation {
	if n := len(w.computations); n > 0 {
		c := w.computations[n-1]
		w.computations = w.computations[:n-1]
		return c
	}
	return &computation{}
}
