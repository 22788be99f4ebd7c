// The watchdog looks at a simulation from outside, in host time.
//
//sim:allow goroutine it is the one goroutine that runs beside a simulation, and changes nothing
//sim:allow channel it must be told to stop
//sim:allow select it waits for its ticker and its end
//sim:allow clock its patience is host time

package sim

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// watchdogPatience is how long one step may take in host time before the watchdog speaks up.
const watchdogPatience = 10 * time.Second

// watchdog is the one goroutine that runs beside a simulation. It only looks: when no step ends for a while it prints
// all stacks, so that an endless loop in simulated code shows itself. It asks by raising a flag that the end of the
// next step lowers, which costs a step one load.
type watchdog struct {
	asked    atomic.Bool
	quit     chan struct{}
	gone     chan struct{}
	patience time.Duration
	out      io.Writer
}

// start begins to watch, until stop.
func (w *watchdog) start() {
	if w.patience == 0 {
		w.patience, w.out = watchdogPatience, os.Stderr
	}
	w.asked.Store(false)
	w.quit, w.gone = make(chan struct{}), make(chan struct{})
	go w.watch(w.quit, w.gone)
}

func (w *watchdog) watch(quit, gone chan struct{}) {
	defer close(gone)
	ticker := time.NewTicker(w.patience)
	defer ticker.Stop()
	for {
		select {
		case <-quit:
			return
		case <-ticker.C:
			if w.asked.Swap(true) {
				dumpStacks(w.out, w.patience)
			}
		}
	}
}

// stop ends the watch and waits until the goroutine is gone.
func (w *watchdog) stop() {
	if w.quit != nil {
		close(w.quit)
		<-w.gone
		w.quit = nil
	}
}

// stepEnded answers the watchdog.
func (w *watchdog) stepEnded() {
	if w.asked.Load() {
		w.asked.Store(false)
	}
}

func dumpStacks(out io.Writer, patience time.Duration) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	fmt.Fprintf(out, "sim: no step has ended for %v of host time; all stacks:\n%s\n", patience, stacks)
}
