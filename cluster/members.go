package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// etcdProgressInterval is --watch-progress-notify-interval as kubeadm sets it.
const etcdProgressInterval = 5 * time.Second

// staticPodRestart is how long the kubelet takes to start a static pod's container again that ended by itself.
const staticPodRestart = 10 * time.Second

// seat is the place of a member on its host. Who sits there changes when a member is replaced.
type seat struct {
	peer    etcd.Peer
	initial []etcd.Peer
	join    bool
	// vacant says that nobody sits there.
	vacant bool
	// holders counts who has sat there.
	holders int
}

func (c *Cluster) startEtcd() {
	var peers []etcd.Peer
	for i := range c.topology.ControlPlane.EtcdMembers {
		name := c.hosts[i].Name()
		peers = append(peers, etcd.Peer{Name: name, PeerAddress: address(name, 2380), ClientAddress: address(name, 2379)})
	}
	c.running = make([]*etcd.Member, len(peers))
	for i, peer := range peers {
		c.seats = append(c.seats, &seat{peer: peer, initial: peers, holders: 1})
		c.members = append(c.members, c.hosts[i].Spawn("etcd", func(p *host.Process) {
			c.startBackground(p)
			c.startMember(i, p)
		}))
	}
}

func (c *Cluster) startMember(i int, p *host.Process) {
	s := c.seats[i]
	if s.vacant {
		c.running[i] = nil
		return
	}
	c.running[i] = etcd.StartMember(p, etcd.MemberConfig{
		Name: s.peer.Name, Network: c.network, ClientAddress: s.peer.ClientAddress, PeerAddress: s.peer.PeerAddress,
		InitialCluster: s.initial, Join: s.join, Restore: c.restored, Canonical: c.store.canonical, Metrics: c.metrics.With("member", c.hosts[i].Name()),
		WatchProgressInterval: etcdProgressInterval, SnapshotEntries: c.topology.ControlPlane.SnapshotEntries,
		CatchUpEntries: c.topology.ControlPlane.SnapshotEntries / 2, // As etcd's defaults are to each other.
		Exit: func(err error) {
			//sim:allow truetime it is noted for observers
			failure := MemberFailure{c.hosts[i].Name(), c.simulation.Now(), err}
			c.failures = append(c.failures, failure)
			if c.onFailure != nil {
				c.onFailure(failure)
			}
			p.Kill()
			p.Restart(staticPodRestart)
		},
	})
}

// Etcdctl is the operator's client of the store.
func (c *Cluster) Etcdctl() *etcd.Client { return c.etcdctl }

// MemberFailure is a member that ended itself.
type MemberFailure struct {
	Host string
	At   sim.Time
	Err  error
}

// MemberFailures are the members that ended themselves, in order.
func (c *Cluster) MemberFailures() []MemberFailure { return c.failures }

// OnMemberFailure has f called when a member ends itself. f must not act on the simulated world.
func (c *Cluster) OnMemberFailure(f func(MemberFailure)) { c.onFailure = f }

// Canonical is the history of the store, for observers.
func (c *Cluster) Canonical() *etcd.Canonical { return c.store.canonical }

// EtcdMembers are the present members, by host; nil where none has been started.
func (c *Cluster) EtcdMembers() []*etcd.Member { return c.running }

// EtcdAddresses are where clients reach the members, by host.
func (c *Cluster) EtcdAddresses() []network.Address { return c.etcdEndpoints(0) }

// etcdctlPatience is how long the operator tries a change of the membership again, etcdctlPause the time between.
const (
	etcdctlPatience = 2 * time.Minute
	etcdctlPause    = time.Second
)

// ReplaceMember takes the member on a host out of the store and puts a new one there, with an empty disk, as an operator
// does whose machine has lost its disk: remove, wipe, add, start. The store must be able to agree without it.
func (c *Cluster) ReplaceMember(t *sim.Task, i int) error {
	s := c.seats[i]
	old := s.peer
	s.vacant = true
	c.members[i].Kill()
	c.running[i] = nil
	s.holders++
	s.peer.ID, s.peer.Name = 0, fmt.Sprintf("%s.%d", c.hosts[i].Name(), s.holders)
	id, err := c.memberID(t, old.Name)
	if err == nil && id != 0 {
		_, err = c.change(t, func(done func(*etcd.MemberListResponse, error)) { c.etcdctl.MemberRemove(id, done) }, etcd.ErrMemberNotFound)
	}
	var all *etcd.MemberListResponse
	if err == nil {
		all, err = c.change(t, func(done func(*etcd.MemberListResponse, error)) { c.etcdctl.MemberAdd(s.peer, done) }, etcd.ErrMemberExists)
	}
	if err != nil {
		return fmt.Errorf("replacing the member on %s: %w", c.hosts[i].Name(), err)
	}
	c.wipe(i, old.Name)
	if all == nil {
		all, err = c.change(t, c.etcdctl.MemberList, nil)
	}
	if err != nil {
		return err
	}
	s.initial, s.join, s.vacant = all.Members, true, false
	c.members[i].Start()
	return nil
}

// memberID finds a member's id by its name; 0 where there is none of that name.
func (c *Cluster) memberID(t *sim.Task, name string) (uint64, error) {
	all, err := c.change(t, c.etcdctl.MemberList, nil)
	if err != nil {
		return 0, err
	}
	for _, p := range all.Members {
		if p.Name == name {
			return p.ID, nil
		}
	}
	return 0, nil
}

// change asks the store until it answers. The error done says that an earlier try has had its effect.
func (c *Cluster) change(t *sim.Task, ask func(func(*etcd.MemberListResponse, error)), done error) (*etcd.MemberListResponse, error) {
	var err error
	for waited := time.Duration(0); waited < etcdctlPatience; waited += etcdctlPause {
		var answer sim.Future[*etcd.MemberListResponse]
		ask(func(r *etcd.MemberListResponse, err error) { answer.Set(r, err) })
		var r *etcd.MemberListResponse
		if r, err = answer.Await(t, sim.Forever); err == nil || done != nil && errors.Is(err, done) {
			return r, nil
		}
		t.Sleep(etcdctlPause)
	}
	return nil, err
}

// wipe removes the files of a member that is no more.
func (c *Cluster) wipe(i int, name string) {
	d := c.hosts[i].Disk()
	for _, file := range d.List("etcd/" + name + "/") {
		if err := d.Remove(file); err != nil {
			panic(fmt.Sprintf("cluster: wiping %s: %v", file, err))
		}
	}
}
