package library_test

import (
	"context"
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
