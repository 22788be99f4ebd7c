package scheduler

import "time"

// Stopwatch adds up what decisions take of the host on which the simulation runs, from the snapshot to the node that was
// chosen or the victims of a preemption. It measures the program, not the simulated world: nothing simulated may read it.
// On a nil Stopwatch every method does nothing.
type Stopwatch struct {
	// Now is a clock of the host, preferably of the CPU time of the thread.
	Now func() time.Duration
	// Spent is the sum, Decisions how many there were.
	Spent     time.Duration
	Decisions int

	began time.Duration
}

func (w *Stopwatch) start() {
	if w != nil {
		w.began = w.Now()
	}
}

func (w *Stopwatch) stop() {
	if w != nil {
		w.Spent += w.Now() - w.began
		w.Decisions++
	}
}
