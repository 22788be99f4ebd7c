package library_test

import (
	"context"
	"runtime/debug"
	"testing"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/library"
)

// Ten nodes, ten simulated minutes with a rolling update: the target is half a second of one core.
func BenchmarkRollingUpdateOnTenNodes(b *testing.B) {
	s, err := library.Load("rolling-update")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var simulated float64
	for b.Loop() {
		r, err := scenarios.Run(context.Background(), s, scenarios.Options{Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		if r.Verdict != reports.Held {
			b.Fatal(r.Failures())
		}
		simulated += r.SimulatedSeconds
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "host_s/op")
	b.ReportMetric(simulated/b.Elapsed().Seconds(), "simulated_s/host_s")
}

// The store alone, five members of it, under every kind of fault, with 10 operations a simulated second and the checkers on:
// the target is 2,000 simulated seconds in a second of one core.
func BenchmarkStoreChaos(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // As the command sets it.
	s, err := library.Load("store-chaos")
	if err != nil {
		b.Fatal(err)
	}
	s.Spec.Store.RequestsPerSecond = 10
	b.ReportAllocs()
	var simulated, steps float64
	seed := uint64(0)
	for b.Loop() {
		seed++
		r, err := scenarios.Run(context.Background(), s, scenarios.Options{Seed: seed})
		if err != nil {
			b.Fatal(err)
		}
		if r.Verdict != reports.Held {
			b.Fatal(r.Failures())
		}
		simulated += r.SimulatedSeconds
		steps += float64(r.Steps)
	}
	b.ReportMetric(simulated/b.Elapsed().Seconds(), "simulated-s/s")
	b.ReportMetric(steps/simulated, "events/simulated-s")
}
