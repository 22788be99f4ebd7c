package check

import (
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// world is a store of three members, and clients that are checked.
type world struct {
	simulation *sim.Simulation
	network    *network.Network
	checker    *Checker
	machines   []*host.Machine
	processes  []*host.Process
	members    []*etcd.Member
	clients    []*Client
	draws      *sim.Stream
}

func newWorld(seed uint64, clients int) *world {
	s := sim.New(sim.Config{Seed: seed, Mode: sim.Hunt, NoWatchdog: true})
	w := &world{simulation: s, network: network.New(s, network.Config{}), draws: s.Stream("test")}
	canonical := etcd.NewCanonical(s)
	w.checker = New(s, canonical, Options{Keep: true})
	var peers []etcd.Peer
	var addresses []network.Address
	for i := range 3 {
		name := fmt.Sprintf("m%d", i)
		peers = append(peers, etcd.Peer{Name: name, PeerAddress: network.Address(name + ":2380"), ClientAddress: network.Address(name + ":2379")})
		addresses = append(addresses, peers[i].ClientAddress)
	}
	w.members = make([]*etcd.Member, len(peers))
	for i, p := range peers {
		machine := host.NewMachine(s, host.Config{Name: p.Name, Zone: "a"})
		config := etcd.MemberConfig{
			Name: p.Name, Network: w.network, ClientAddress: p.ClientAddress, PeerAddress: p.PeerAddress, InitialCluster: peers,
			Canonical: canonical, SnapshotEntries: 20, CatchUpEntries: 5,
		}
		w.machines = append(w.machines, machine)
		w.processes = append(w.processes, machine.Spawn("etcd", func(p *host.Process) { w.members[i] = etcd.StartMember(p, config) }))
	}
	for i := range clients {
		p := host.NewMachine(s, host.Config{Name: fmt.Sprintf("desk%d", i), Zone: "a"}).Spawn(fmt.Sprintf("client%d", i), func(*host.Process) {})
		c := etcd.NewClient(p, w.network, addresses)
		c.InTurn = true
		w.clients = append(w.clients, w.checker.Client(p, c))
	}
	return w
}

func (w *world) close() { w.simulation.Close() }

func (w *world) run(d time.Duration) error { return w.simulation.Run(w.simulation.Now().Add(d)) }

const draw sim.Purpose = 0

// calm ends what chaos has begun.
func (w *world) calm() {
	w.network.HealAll()
	for i, m := range w.machines {
		m.Boot()
		m.Resume()
		w.processes[i].Resume()
		w.processes[i].Start()
	}
}

// settle runs until nothing is to come any more.
func (w *world) settle(t testing.TB) {
	t.Helper()
	var err error
	for range 120 {
		if err := w.run(time.Second); err != nil {
			t.Fatal(err)
		}
		if err = w.checker.Unsettled(w.members); err == nil {
			break
		}
	}
	w.checker.Finish(w.members)
	for _, v := range w.checker.Violations() {
		t.Error(v)
	}
}
