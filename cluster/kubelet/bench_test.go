package kubelet_test

import (
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// A thousand nodes at rest, behind one store and one API server: the cost of a simulated second, mostly a hundred lease
// renewals.
func BenchmarkIdleNodes(b *testing.B) {
	w := newWorld(b, nil, 1000)
	w.run(3 * time.Minute)
	if !api.IsNodeReady(w.node("node-999")) {
		b.Fatal("the nodes are not ready")
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		w.run(time.Second)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "simulated-s/s")
}
