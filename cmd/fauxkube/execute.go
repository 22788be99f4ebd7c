package main

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
)

// job is one run: a scenario with one seed.
type job struct {
	source
	options scenarios.Options
}

// newJob prepares a run and the command that repeats it.
func newJob(s source, o scenarios.Options, flags ...string) job {
	words := append([]string{"fauxkube", "run"}, s.words...)
	words = append(words, "--seed", uintText(o.Seed))
	if o.Mode != sim.Benchmark {
		words = append(words, "--mode", o.Mode.String())
	}
	o.Repeat = commandLine(append(words, flags...)...)
	return job{s, o}
}

// execute runs a job. Panics of simulated code and livelocks come out as a *bugError.
func (a *app) execute(ctx context.Context, j job) (report *reports.Report, err error) {
	var s *sim.Simulation
	report0 := j.options.Started
	j.options.Started = func(simulation *sim.Simulation) {
		s = simulation
		if report0 != nil {
			report0(s)
		}
		if a.started != nil {
			a.started(s)
		}
	}
	defer func() {
		if value := recover(); value != nil {
			report, err = nil, newBug(j, s, value, debug.Stack())
		}
	}()
	began := time.Now()
	report, err = scenarios.Run(ctx, j.scenario, j.options)
	var livelock *sim.LivelockError
	if errors.As(err, &livelock) {
		return nil, newBug(j, s, livelock, nil)
	}
	if report != nil {
		report.SetHost(time.Since(began))
	}
	return report, err
}

// executeAll runs jobs side by side, each simulation on one core. done is called for one at a time. Once ctx has
// ended, nothing new begins.
func (a *app) executeAll(ctx context.Context, jobs []job, parallel int, done func(i int, r *reports.Report, err error)) {
	var mutex sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, j := range jobs {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			report, err := a.execute(ctx, j)
			mutex.Lock()
			defer mutex.Unlock()
			done(i, report, err)
			return nil
		})
	}
	_ = group.Wait() // Its functions return none.
}
