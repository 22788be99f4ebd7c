package library_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/library"
	"github.com/fauxkube/fauxkube/sim"
)

func storeChaos(t *testing.T, o scenarios.Options) *reports.Report {
	t.Helper()
	s, err := library.Load("store-chaos")
	if err != nil {
		t.Fatal(err)
	}
	r, err := scenarios.Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// storeSeeds is how many seeds must hold in each mode; the long tests raise it to 500.
var storeSeeds = uint64(5)

func TestStoreChaosHolds(t *testing.T) {
	for _, mode := range []sim.Mode{sim.Benchmark, sim.Hunt} {
		for seed := range storeSeeds {
			if r := storeChaos(t, scenarios.Options{Seed: seed + 1, Mode: mode}); r.Verdict != reports.Held {
				t.Errorf("seed %d, %v: %v", seed+1, mode, r.Failures())
			}
		}
	}
}

func TestStoreChaosRepeats(t *testing.T) {
	for _, mode := range []sim.Mode{sim.Benchmark, sim.Hunt} {
		a, b := storeChaos(t, scenarios.Options{Seed: 4, Mode: mode}), storeChaos(t, scenarios.Options{Seed: 4, Mode: mode})
		if a.Digest != b.Digest || a.Outcome != b.Outcome {
			t.Errorf("%v: digests %s and %s, outcomes %s and %s", mode, a.Digest, b.Digest, a.Outcome, b.Outcome)
		}
	}
}

// Every kind of fault that the store must survive is in it.
func TestStoreChaosHasEveryFault(t *testing.T) {
	s, err := library.Load("store-chaos")
	if err != nil {
		t.Fatal(err)
	}
	source := string(s.Source)
	for _, want := range []string{
		"EtcdChaos action: kill", "EtcdChaos action: leader-kill", "EtcdChaos action: pause", "EtcdChaos action: slow-fsync",
		"EtcdChaos action: disk-stall", "EtcdChaos action: torn-write", "EtcdChaos action: disk-full", "EtcdChaos action: clock-skew",
		"EtcdChaos action: compact", "EtcdChaos action: bit-rot", "EtcdChaos action: disk-loss", "EtcdChaos action: lost-fsync",
		"EtcdChaos action: member-replace", "NodeChaos action: crash", "NodeChaos action: slow", "NodeChaos action: zone-outage",
		"NetworkChaos action: partition", "NetworkChaos action: loss", "NetworkChaos action: duplicate", "NetworkChaos action: delay", "NetworkChaos action: corrupt",
	} {
		kind, action, _ := strings.Cut(want, " ")
		if !strings.Contains(source, fmt.Sprintf("{kind: %s, spec: {%s", kind, action)) {
			t.Errorf("there is no %s", want)
		}
	}
	for shape, part := range map[string]string{"both ways": "direction: both", "one way": "direction: to", "of a part": "target: {"} {
		if !slices.ContainsFunc(strings.Split(source, "\n"), func(line string) bool {
			return strings.Contains(line, "action: partition") && strings.Contains(line, part)
		}) {
			t.Errorf("there is no partition %s", shape)
		}
	}
}

// The report shows what the clients saw, who led, and when which fault was at work.
func TestStoreChaosReport(t *testing.T) {
	r := storeChaos(t, scenarios.Options{Seed: 1})
	if r.StoreLoad == nil {
		t.Fatal("there is nothing about the load")
	}
	faults, answered := map[string]bool{}, int64(0)
	for _, w := range r.StoreLoad.Windows {
		answered += w.Answered
		for _, f := range w.Faults {
			faults[f] = true
		}
		if w.Answered > 10 && (w.WriteP50 <= 0 || w.WriteP99 < w.WriteP50) {
			t.Errorf("at %v s writes took %v and %v ms", w.At, w.WriteP50, w.WriteP99)
		}
	}
	for _, step := range r.Timeline {
		if step.ID != "boot" && !faults[step.ID] {
			t.Errorf("no window shows the fault %s", step.ID)
		}
	}
	if len(r.StoreLoad.Elections) < 3 || answered < 5000 {
		t.Errorf("%d elections, %d answers", len(r.StoreLoad.Elections), answered)
	}
	var text strings.Builder
	if err := r.WriteTerminal(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The store under load", "answers/s", "write p50, ms", "p99", "new leader", "blackout", "etcd_disk_wal_fsync_duration_seconds"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not show %q", want)
		}
	}
}
