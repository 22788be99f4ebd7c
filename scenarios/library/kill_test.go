package library_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/library"
	"github.com/fauxkube/fauxkube/sim"
)

var kills = flag.Int("kills", 8, "how many seconds of the quickstart something of the control plane is killed at")

// electionPeriod is a leader election's lease and one more try of the followers.
const electionPeriod = 17 * time.Second

// Killing any one control-plane host, or the store's leader, at any second of the quickstart leaves everything that must
// come true eventually true, within its time and one leader election.
func TestQuickstartSurvivesTheLossOfAnyHost(t *testing.T) {
	victims := []string{
		"{kind: NodeChaos, spec: {action: crash, selector: {nodes: [cp-0]}}}", "{kind: NodeChaos, spec: {action: crash, selector: {nodes: [cp-1]}}}",
		"{kind: NodeChaos, spec: {action: crash, selector: {nodes: [cp-2]}}}", "{kind: EtcdChaos, spec: {action: leader-kill}}",
	}
	draws := sim.New(sim.Config{Seed: 42, NoWatchdog: true})
	defer draws.Close()
	stream := draws.Stream("kills")
	for i := range *kills {
		victim, second := victims[i%len(victims)], stream.Int63n(0, 600)
		t.Run(fmt.Sprintf("%d s %s", second, victim), func(t *testing.T) {
			r, err := scenarios.Run(t.Context(), withKill(t, victim, second), scenarios.Options{Seed: uint64(i)})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range r.Timeline {
				if s.Verdict != reports.Held {
					t.Errorf("step %s: %s", s.ID, s.Error)
				}
			}
			for _, e := range r.Expectations {
				if e.Kind == "eventually" && e.Verdict != reports.Held {
					t.Errorf("%s: %s %v", e.ID, e.Message, e.Sides)
				}
			}
		})
	}
}

// withKill is the quickstart with one more fault, and an election's time more for everything.
func withKill(t *testing.T, victim string, second int64) *scenarios.Scenario {
	t.Helper()
	s, err := library.Load("quickstart")
	if err != nil {
		t.Fatal(err)
	}
	more, err := scenarios.Decode("kill.yaml", fmt.Appendf(nil,
		"apiVersion: fauxkube.dev/v1alpha1\nkind: Scenario\nmetadata: {name: kill}\nspec:\n  steps:\n  - {name: kill, at: %ds, chaos: %s}\n", second, victim))
	if err != nil {
		t.Fatal(err)
	}
	s.Spec.Steps = append(s.Spec.Steps, more[0].Spec.Steps...)
	for i := range s.Spec.Steps {
		if s.Spec.Steps[i].Within > 0 {
			s.Spec.Steps[i].Within += format.Duration(electionPeriod)
		}
	}
	for i := range s.Spec.Expect {
		if s.Spec.Expect[i].Within > 0 {
			s.Spec.Expect[i].Within += format.Duration(electionPeriod)
		}
	}
	return s
}
