package controller

import "github.com/fauxkube/fauxkube/sim"

// SlowStartInitialBatch is the first batch of a slow start (pkg/controller.SlowStartInitialBatchSize).
const SlowStartInitialBatch = 1

// Parallel starts n requests at the same instant and parks t until all have been answered. start(i, done) begins the
// i-th and calls done exactly once. It returns the number of failures and the error that came first, as a Go controller
// finds it in its error channel.
func Parallel(t *sim.Task, n int, start func(i int, done func(error))) (failures int, first error) {
	var all sim.Signal
	open := n
	for i := range n {
		start(i, func(err error) {
			if err != nil {
				if failures++; first == nil {
					first = err
				}
			}
			if open--; open == 0 {
				all.Set()
			}
		})
	}
	if n > 0 {
		t.Wait(sim.Forever, &all)
	}
	return failures, first
}

// SlowStart makes n requests in batches of 1, 2, 4 and so on. A batch with a failure is the last: what follows would
// likely fail for the same reason. It returns how many succeeded and the first error.
func SlowStart(t *sim.Task, n int, start func(done func(error))) (successes int, err error) {
	for batch := min(n, SlowStartInitialBatch); batch > 0; batch = min(2*batch, n) {
		failures, err := Parallel(t, batch, func(_ int, done func(error)) { start(done) })
		successes += batch - failures
		if err != nil {
			return successes, err
		}
		n -= batch
	}
	return successes, nil
}
