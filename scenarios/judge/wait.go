package judge

import (
	"errors"

	"github.com/fauxkube/fauxkube/scenarios/expect"
	"github.com/fauxkube/fauxkube/sim"
)

// Wait is an expression that somebody waits for. It is ready when the expression holds or cannot be evaluated.
type Wait struct {
	sim.Signal
	// Err is why the expression cannot be evaluated.
	Err error
	// Absent is what was missing when it was looked at last.
	Absent string

	watch *watch
}

// Await watches an expression on the store until it holds. It has been looked at when Await returns.
func (j *Judge) Await(p *expect.Program) *Wait {
	w := &Wait{}
	w.watch = j.watch(p, j.sources[""], w.Look)
	w.watch.active = true
	w.Look()
	return w
}

// Look evaluates the expression now.
func (w *Wait) Look() {
	if w.IsSet() {
		return
	}
	ok, err := w.watch.program.Eval(w.watch.view)
	var absent *expect.AbsentError
	w.Absent = ""
	switch {
	case errors.As(err, &absent):
		w.Absent = absent.What
		return
	case err != nil:
		w.Err = err
	case !ok:
		return
	}
	w.Stop()
	w.Set()
}

// Stop ends the watching.
func (w *Wait) Stop() { w.watch.active = false }

// Explain gives both sides of the expression's comparisons as they are now.
func (w *Wait) Explain() []string { return w.watch.program.Explain(w.watch.view) }
