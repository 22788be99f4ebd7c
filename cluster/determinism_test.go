package cluster_test

import (
	"sync"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// eventful runs a small cluster through a roll-out, the loss of a node, of the store's leader and of a control-plane
// machine, and returns the digest.
func eventful(t *testing.T, seed uint64, mode sim.Mode) uint64 {
	s := sim.New(sim.Config{Seed: seed, Mode: mode})
	defer s.Close()
	c, err := cluster.New(s, cluster.Topology{NodePools: []cluster.NodePool{{Name: "web", Count: 4, Zones: []string{"a", "b"}}}})
	if err != nil {
		t.Error(err)
		return 0
	}
	s.After(30*time.Second, func() {
		atKubectl(c, func(task *sim.Task) {
			_, _ = client.Create(task, c.Kubectl(), api.Deployments, deployment("web", 6))
		})
	})
	s.After(50*time.Second, func() { c.Node("web-1").Crash() })
	s.After(70*time.Second, func() {
		if i := c.EtcdLeader(); i >= 0 {
			c.EtcdProcesses()[i].Kill()
			c.EtcdProcesses()[i].Restart(10 * time.Second)
		}
	})
	s.After(100*time.Second, func() { c.ControlPlane()[0].Reboot(20 * time.Second) })
	s.After(140*time.Second, func() { c.Node("web-1").Boot() })
	if err := s.Run(sim.Time(3 * time.Minute)); err != nil {
		t.Error(err)
	}
	return s.Digest()
}

// A seed decides everything: alone, and beside seven other simulations in the same process.
func TestDigestRepeats(t *testing.T) {
	for _, mode := range []sim.Mode{sim.Benchmark, sim.Hunt} {
		alone := eventful(t, 7, mode)
		var beside [8]uint64
		var group sync.WaitGroup
		for i := range beside {
			group.Go(func() { beside[i] = eventful(t, 7+uint64(i%2), mode) })
		}
		group.Wait()
		for i, digest := range beside {
			if (digest == alone) != (i%2 == 0) {
				t.Errorf("%v: run %d of seed %d has digest %016x; seed 7 alone has %016x", mode, i, 7+i%2, digest, alone)
			}
		}
	}
}
