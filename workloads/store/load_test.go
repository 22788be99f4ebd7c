package store

import (
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/etcd/check"
	"github.com/fauxkube/fauxkube/sim"
)

func TestRequestsAddUpToAHundred(t *testing.T) {
	sum := 0
	for _, r := range requests {
		sum += r.weight
	}
	if sum != 100 {
		t.Fatalf("the weights add up to %d", sum)
	}
}

// A healthy store under the load: nothing fails, nothing is violated, and all sorts of things have been looked at.
func TestLoadOnAHealthyStore(t *testing.T) {
	s := sim.New(sim.Config{Seed: 3, Mode: sim.Hunt, NoWatchdog: true})
	defer s.Close()
	c, err := cluster.New(s, cluster.Topology{ControlPlane: cluster.ControlPlane{StoreOnly: true, SnapshotEntries: 200}})
	if err != nil {
		t.Fatal(err)
	}
	k := check.New(s, c.Canonical(), check.Options{})
	if err := s.Run(sim.Time(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	load := Start(World{Simulation: s, Network: c.Network(), Members: c.EtcdAddresses(), Checker: k, Metrics: c.Metrics(), Region: "region-1"}, Config{RequestsPerSecond: 50})
	for _, until := range []time.Duration{5 * time.Minute, 6 * time.Minute} {
		if err := s.Run(sim.Time(until)); err != nil {
			t.Fatal(err)
		}
		load.Stop()
	}
	k.Finish(c.EtcdMembers())
	for _, v := range k.Violations() {
		t.Error(v)
	}
	got := k.Stats()
	t.Logf("%+v", got)
	if got.Failed > 0 || got.Answered < 10_000 || got.Events < 20_000 || got.Bookmarks < 100 || got.Renewals < 100 || got.Expiries < 5 || got.Refused == 0 {
		t.Errorf("too little was looked at, or something failed: %+v", got)
	}
	if n := len(load.Windows()); n < 19 || load.Windows()[3].Answered < 400 || load.Windows()[3].Write.Count() == 0 {
		t.Errorf("%d windows, the fourth is %+v", n, load.Windows()[3])
	}
}
