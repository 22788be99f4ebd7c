package cluster_test

import (
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
)

// The store alone: a member whose disk is lost is replaced, and the new one comes to hold what the others do.
func TestMemberOfTheStoreAloneIsReplaced(t *testing.T) {
	s := sim.New(sim.Config{Seed: 1, NoWatchdog: true})
	defer s.Close()
	c, err := cluster.New(s, cluster.Topology{ControlPlane: cluster.ControlPlane{StoreOnly: true, EtcdMembers: 3, SnapshotEntries: 10}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		c.Operator().After(5*time.Second+time.Duration(i)*10*time.Millisecond, func() {
			store := etcd.NewClient(c.Operator(), c.Network(), c.EtcdAddresses())
			store.Put(&etcd.PutRequest{Key: "a", Value: etcd.Bytes("x")}, func(_ *etcd.PutResponse, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
	var replaced error = sim.ErrTimeout
	c.Operator().Go("replace", func(t *sim.Task) {
		t.Sleep(10 * time.Second)
		replaced = c.ReplaceMember(t, 1)
	})
	if err := s.Run(sim.Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if replaced != nil {
		t.Fatal(replaced)
	}
	for i, m := range c.EtcdMembers() {
		if !m.Serving() || m.AppliedIndex() != c.Canonical().Index() || m.Store().Revision() != 31 {
			t.Errorf("member %d: serving %v, index %d of %d, revision %d", i, m.Serving(), m.AppliedIndex(), c.Canonical().Index(), m.Store().Revision())
		}
	}
	if name := c.EtcdMembers()[1].Name(); name != "cp-1.2" {
		t.Errorf("the new member is called %s", name)
	}
	if c.Kubectl() != nil || len(c.APIServerProcesses()) != 0 {
		t.Error("there is more than the store")
	}
}

func TestTheStoreAloneTakesNoNodes(t *testing.T) {
	for _, topology := range []cluster.Topology{
		{ControlPlane: cluster.ControlPlane{StoreOnly: true, APIServers: 1}},
		{ControlPlane: cluster.ControlPlane{StoreOnly: true}, NodePools: []cluster.NodePool{{Name: "a", Count: 1}}},
	} {
		if err := topology.Check(); err == nil {
			t.Errorf("%+v passed", topology)
		}
	}
}
