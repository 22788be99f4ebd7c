package cluster_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/sim"
)

// BenchmarkCluster5000Nodes10000Pods takes 10,000 pods of one Deployment from their creation to Running on 5000 nodes, with a whole control plane of
// three: nodes that KWOK plays, and nodes with kubelets, runtimes and proxies. host_s is that time; boot_s is what the nodes took before.
// peak_MiB is the most memory that the process held in either, as seen once a simulated second.
func BenchmarkCluster5000Nodes10000Pods(b *testing.B) {
	b.Run("kwok", func(b *testing.B) { benchmarkScale(b, fastStages(b)) })
	b.Run("kubelets", func(b *testing.B) { benchmarkScale(b, nil) })
}

func benchmarkScale(b *testing.B, set *stages.Set) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	const nodes, pods = 5000, 10_000
	for range b.N {
		b.StopTimer()
		debug.FreeOSMemory() // of what ran before
		peak := &memoryPeak{}
		began := time.Now()
		s, c := bootedScale(b, nodes, set, peak)
		boot := time.Since(began)
		running := countRunning(c)
		b.StartTimer()
		began = time.Now()
		started := s.Now()
		c.Kubectl().Process().Go("operator", func(t *sim.Task) {
			if _, err := client.Create(t, c.Kubectl(), api.Deployments, deployment("web", pods)); err != nil {
				panic(err)
			}
		})
		runUntil(b, s, time.Hour, func() bool { peak.look(); return *running >= pods })
		b.ReportMetric(time.Since(began).Seconds(), "host_s")
		b.ReportMetric(boot.Seconds(), "boot_s")
		b.ReportMetric(peak.mebibytes(), "peak_MiB")
		b.ReportMetric(s.Now().Sub(started).Seconds(), "simulated_s")
	}
}

func fastStages(b *testing.B) *stages.Set {
	data, err := os.ReadFile(filepath.Join("kubelet", "stages", "testdata", "fast.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	set, err := stages.Load(data)
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// bootedScale returns a cluster whose nodes are all Ready and free of taints.
func bootedScale(b *testing.B, nodes int, set *stages.Set, peak *memoryPeak) (*sim.Simulation, *cluster.Cluster) {
	b.Helper()
	s := sim.New(sim.Config{Seed: 1})
	b.Cleanup(s.Close)
	c, err := cluster.New(s, cluster.Topology{
		ControlPlane: cluster.ControlPlane{Cores: 64, Headless: true}, Clients: fastClients,
		NodePools: []cluster.NodePool{{Name: "n", Count: nodes, Zones: []string{"a", "b", "c"}, Stages: set}},
	})
	if err != nil {
		b.Fatal(err)
	}
	runUntil(b, s, time.Hour, func() bool {
		peak.look()
		usable := 0
		for _, o := range c.Store().List(api.Nodes, "", nil) {
			if n := o.(*corev1.Node); ready(n) == corev1.ConditionTrue && len(n.Spec.Taints) == 0 {
				usable++
			}
		}
		return usable == nodes
	})
	return s, c
}

// countRunning keeps count of the pods that run.
func countRunning(c *cluster.Cluster) *int {
	n := 0
	runs := func(o api.Object) bool { p, ok := o.(*corev1.Pod); return ok && p.Status.Phase == corev1.PodRunning }
	c.Store().OnCommit(func(commit cluster.Commit) {
		for _, change := range commit.Changes {
			if change.Old != nil && runs(change.Old) {
				n--
			}
			if change.New != nil && runs(change.New) {
				n++
			}
		}
	})
	return &n
}

// memoryPeak is the most memory that the Go runtime has held from the operating system at the looks taken.
type memoryPeak struct{ bytes uint64 }

func (m *memoryPeak) look() {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	m.bytes = max(m.bytes, sample[0].Value.Uint64()-sample[1].Value.Uint64())
}

func (m *memoryPeak) mebibytes() float64 { return float64(m.bytes) / (1 << 20) }
