package cluster_test

import (
	"bytes"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// booted returns a cluster whose nodes are all Ready.
func booted(b *testing.B, t cluster.Topology) (*sim.Simulation, *cluster.Cluster) {
	b.Helper()
	s := sim.New(sim.Config{Seed: 1})
	b.Cleanup(s.Close)
	c, err := cluster.New(s, t)
	if err != nil {
		b.Fatal(err)
	}
	runUntil(b, s, time.Hour, func() bool {
		nodes := c.Store().List(api.Nodes, "", nil)
		for _, o := range nodes {
			if n := o.(*corev1.Node); ready(n) != corev1.ConditionTrue || len(n.Spec.Taints) > 0 && n.Labels["pool"] != "" {
				return false
			}
		}
		return len(nodes) == len(c.Nodes())+len(c.ControlPlane())
	})
	return s, c
}

// runUntil runs until done holds, looking once a second.
func runUntil(b *testing.B, s *sim.Simulation, limit time.Duration, done func() bool) {
	b.Helper()
	for end := s.Now().Add(limit); !done(); {
		if s.Now() >= end {
			b.Fatalf("not done after %v", limit)
		}
		if err := s.Run(s.Now().Add(time.Second)); err != nil {
			b.Fatal(err)
		}
	}
}

var fastClients = map[string]cluster.ClientRate{
	"kube-controller-manager": {QPSMilli: 1000_000, Burst: 1000}, "kube-scheduler": {QPSMilli: 1000_000, Burst: 1000},
}

// gcPercent is what cmd/fauxkube sets.
const gcPercent = 400

func idleNodes() cluster.Topology {
	return cluster.Topology{Clients: fastClients, NodePools: []cluster.NodePool{{Name: "n", Count: 1000, Zones: []string{"a", "b", "c"}}}}
}

// BenchmarkIdleNodes simulates a second of 1000 idle nodes: leases every 10 s, the node controller watching.
func BenchmarkIdleNodes(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	s, _ := booted(b, idleNodes())
	if err := s.Run(s.Now().Add(time.Minute)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	start := s.Steps()
	if err := s.Run(s.Now().Add(time.Duration(b.N) * time.Second)); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "simulated-s/s")
	b.ReportMetric(float64(s.Steps()-start)/float64(b.N), "events/simulated-s")
}

// BenchmarkLeaseRenewal simulates ten seconds of 1000 idle nodes, in which each renews its lease once, and reports what a
// renewal costs, in events of the kernel and by layer in microseconds of processor time, from a profile. What idle nodes do
// besides is in it: bookmarks of watches, heartbeats, looks at all nodes.
func BenchmarkLeaseRenewal(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	s, c := booted(b, idleNodes())
	run := func(d time.Duration) {
		if err := s.Run(s.Now().Add(d)); err != nil {
			b.Fatal(err)
		}
	}
	run(time.Minute)
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		b.Skip("the benchmark takes a profile of its own: ", err)
	}
	before, steps := renewals(c), s.Steps()
	b.ReportAllocs()
	b.ResetTimer()
	run(time.Duration(b.N) * 10 * time.Second)
	b.StopTimer()
	pprof.StopCPUProfile()
	count := float64(renewals(c) - before)
	cpu, err := byLayer(profile.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	for layer, nanos := range cpu {
		b.ReportMetric(float64(nanos)/1000/count, "us:"+strings.ReplaceAll(layer, " ", "-"))
	}
	b.ReportMetric(float64(s.Steps()-steps)/count, "events/renewal")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/count, "us/renewal")
}

// renewals counts the leases that kubelets have renewed.
func renewals(c *cluster.Cluster) (n int64) {
	for _, r := range c.Requests() {
		if r.Resource == "leases" && r.Verb == "PUT" && strings.HasPrefix(r.Client, "kubelet") {
			n += r.Count
		}
	}
	return n
}

// BenchmarkDeployment creates a Deployment of 10,000 replicas on 1000 nodes, until all are available.
func BenchmarkDeployment(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	for range b.N {
		b.StopTimer()
		s, c := booted(b, cluster.Topology{
			ControlPlane: cluster.ControlPlane{Cores: 64}, Clients: fastClients,
			NodePools: []cluster.NodePool{{Name: "n", Count: 1000, Zones: []string{"a", "b", "c"}}},
		})
		b.StartTimer()
		started := s.Now()
		c.Kubectl().Process().Go("operator", func(t *sim.Task) {
			if _, err := client.Create(t, c.Kubectl(), api.Deployments, deployment("web", 10_000)); err != nil {
				panic(err)
			}
		})
		runUntil(b, s, time.Hour, func() bool {
			o, ok := c.Store().Get(api.Deployments, "default/web")
			return ok && o.(*appsv1.Deployment).Status.AvailableReplicas == 10_000
		})
		b.ReportMetric(s.Now().Sub(started).Seconds(), "simulated-s")
	}
}
