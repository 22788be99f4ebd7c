package library_test

import (
	"testing"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/library"
	"github.com/fauxkube/fauxkube/sim"
)

func TestEntries(t *testing.T) {
	for _, e := range library.List() {
		s, err := library.Load(e.Name) // By the scenario's name, so it is the file's.
		if err != nil {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		if err := scenarios.Check(s); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
		if e.Description == "" {
			t.Errorf("%s has no description", e.Name)
		}
	}
	if _, err := library.Load("none"); err == nil {
		t.Error("a scenario that there is not was loaded")
	}
}

// Every scenario holds, whatever the seed and the mode, and nobody changes a stored object meanwhile.
func TestEverythingHolds(t *testing.T) {
	for _, name := range library.Names() {
		for _, o := range []scenarios.Options{{Seed: 1}, {Seed: 2}, {Seed: 3, Mode: sim.Hunt}} {
			s, err := library.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			o.Topology = func(c *cluster.Topology) { c.DetectMutations = true }
			r, err := scenarios.Run(t.Context(), s, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != reports.Held {
				t.Errorf("%s, seed %d, %v: %v", name, o.Seed, o.Mode, r.Failures())
			}
		}
	}
}
