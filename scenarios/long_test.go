//go:build long

package scenarios_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/library"
	"github.com/fauxkube/fauxkube/sim"
)

// open decodes a library scenario.
func open(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	s, err := library.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func digestOf(t *testing.T, s *scenarios.Scenario, seed uint64, mode sim.Mode) string {
	r, err := scenarios.Run(context.Background(), s, scenarios.Options{Seed: seed, Mode: mode})
	if err != nil {
		t.Error(err)
		return ""
	}
	return r.Digest + r.Outcome
}

// 200 seeds, twice each, of three library scenarios: first one run after the other, then eight at once.
func TestTwoHundredSeedsRepeat(t *testing.T) {
	const seeds, atOnce = 200, 8
	for _, name := range []string{"quickstart", "drain", "leader-loss"} {
		t.Run(name, func(t *testing.T) {
			s := open(t, name)
			var alone, beside [seeds]string
			for i := range seeds {
				alone[i] = digestOf(t, s, uint64(i), sim.Mode(i%2))
			}
			var group sync.WaitGroup
			places := make(chan struct{}, atOnce)
			for i := range seeds {
				group.Go(func() {
					places <- struct{}{}
					defer func() { <-places }()
					beside[i] = digestOf(t, s, uint64(i), sim.Mode(i%2))
				})
			}
			group.Wait()
			for i := range seeds {
				if alone[i] != beside[i] {
					t.Errorf("seed %d: %s alone, %s beside others", i, alone[i], beside[i])
				}
			}
		})
	}
}

// electionPeriod is how much later than planned an expectation may hold when the control plane loses a machine: a leader
// election of a component (lease 15 s, retry 2 s with jitter) and the store's before it.
const electionPeriod = 20 * time.Second

// Killing any control-plane machine, or the store's leader, at any second of the quickstart leaves all its eventually
// expectations true, at most one leader election late.
func TestQuickstartSurvivesTheLossOfAnyControlPlaneMachine(t *testing.T) {
	s := open(t, "quickstart")
	for i := range s.Spec.Expect {
		if e := &s.Spec.Expect[i]; e.Within != 0 {
			e.Within += format.Duration(electionPeriod)
		}
	}
	victims := []string{"cp-0", "cp-1", "cp-2", "the store's leader"}
	type loss struct {
		victim int
		second int
	}
	losses := make(chan loss)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for l := range losses {
				if failures := failuresAfter(t, s, l.victim, time.Duration(l.second)*time.Second); failures != "" {
					t.Errorf("%s lost at second %d: %s", victims[l.victim], l.second, failures)
				}
			}
		})
	}
	for second := range 600 {
		for victim := range victims {
			losses <- loss{victim, second}
		}
	}
	close(losses)
	group.Wait()
}

// failuresAfter runs the scenario and takes a machine away at a time of it; it says which eventually did not hold.
func failuresAfter(t *testing.T, s *scenarios.Scenario, victim int, at time.Duration) string {
	var world *sim.Simulation
	r, err := scenarios.Run(context.Background(), s, scenarios.Options{
		Seed:    1,
		Started: func(w *sim.Simulation) { world = w },
		Placed: func(c *cluster.Cluster) {
			world.After(bootTime+at, func() {
				if victim < 3 {
					c.ControlPlane()[victim].Crash()
				} else if leader := c.EtcdLeader(); leader >= 0 {
					c.EtcdProcesses()[leader].Kill()
					c.EtcdProcesses()[leader].Restart(10 * time.Second)
				}
			})
		},
	})
	if err != nil {
		return err.Error()
	}
	failures := ""
	for _, e := range r.Expectations {
		if e.Kind == "eventually" && e.Verdict != reports.Held {
			failures += fmt.Sprintf("%s: %s; ", e.ID, e.Message)
		}
	}
	return failures
}

// bootTime is about how long the quickstart's cluster takes before its first step.
const bootTime = 10 * time.Second
