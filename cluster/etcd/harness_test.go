package etcd

import (
	"errors"
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// tester is what testing.T, testing.B and rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a store on simulated machines and a machine for its clients.
type world struct {
	t          tester
	simulation *sim.Simulation
	network    *network.Network
	canonical  *Canonical
	metrics    *metrics.Registry
	machines   []*host.Machine
	processes  []*host.Process
	members    []*Member
	configs    []MemberConfig
	desk       *host.Process
	client     *Client
	exits      []error
}

func newWorld(t tester, seed uint64, size int, change ...func(*MemberConfig)) *world {
	return newWorldWith(t, sim.Config{Seed: seed, NoWatchdog: true}, size, change...)
}

func newWorldWith(t tester, c sim.Config, size int, change ...func(*MemberConfig)) *world {
	s := sim.New(c)
	w := &world{t: t, simulation: s, network: network.New(s, network.Config{}), canonical: NewCanonical(s), metrics: metrics.NewRegistry()}
	peers := make([]Peer, size)
	for i := range peers {
		peers[i] = w.peer(i)
	}
	for i := range peers {
		w.addMember(peers[i], peers, false, change...)
	}
	w.desk = host.NewMachine(s, host.Config{Name: "desk", Zone: "a"}).Spawn("client", func(*host.Process) {})
	w.client = NewClient(w.desk, w.network, w.clientAddresses())
	w.client.InTurn = true
	return w
}

func (w *world) close() { w.simulation.Close() }

func (w *world) peer(i int) Peer {
	name := fmt.Sprintf("m%d", i)
	return Peer{Name: name, PeerAddress: network.Address(name + ":2380"), ClientAddress: network.Address(name + ":2379")}
}

func (w *world) clientAddresses() (all []network.Address) {
	for _, c := range w.configs {
		all = append(all, c.ClientAddress)
	}
	return all
}

func (w *world) addMember(p Peer, peers []Peer, join bool, change ...func(*MemberConfig)) {
	i := len(w.members)
	config := MemberConfig{
		Name: p.Name, Network: w.network, ClientAddress: p.ClientAddress, PeerAddress: p.PeerAddress,
		InitialCluster: peers, Join: join, Canonical: w.canonical, Metrics: w.metrics.With("instance", p.Name),
	}
	for _, f := range change {
		f(&config)
	}
	config.Exit = func(err error) {
		w.exits = append(w.exits, err)
		w.processes[i].Kill()
	}
	w.configs = append(w.configs, config)
	w.members = append(w.members, nil)
	machine := host.NewMachine(w.simulation, host.Config{Name: p.Name, Zone: "a"})
	w.machines = append(w.machines, machine)
	w.processes = append(w.processes, nil)
	w.processes[i] = machine.Spawn("etcd", func(p *host.Process) { w.members[i] = StartMember(p, config) })
}

func (w *world) run(d time.Duration) {
	w.t.Helper()
	if err := w.simulation.Run(w.simulation.Now().Add(d)); err != nil {
		w.t.Fatal(err)
	}
}

// leader returns the index of the member that leads with the highest term; -1 where none does.
func (w *world) leader() int {
	best := -1
	for i, m := range w.members {
		if m.Serving() && m.IsLeader() && (best < 0 || m.Term() > w.members[best].Term()) {
			best = i
		}
	}
	return best
}

// await runs until a condition holds, at most for a while.
func (w *world) await(limit time.Duration, what string, holds func() bool) {
	w.t.Helper()
	end := w.simulation.Now().Add(limit)
	for !holds() {
		if w.simulation.Now() >= end {
			w.t.Fatalf("after %v still not: %s (exits %v)", limit, what, w.exits)
		}
		w.run(10 * time.Millisecond)
	}
}

func (w *world) awaitLeader() int {
	w.t.Helper()
	w.await(20*time.Second, "a leader", func() bool { return w.leader() >= 0 })
	return w.leader()
}

// converged reports whether all members that serve have applied the same.
func (w *world) converged() bool {
	for _, m := range w.members {
		if !m.Serving() || m.AppliedIndex() != w.canonical.Index() {
			return false
		}
	}
	return true
}

// result is an answer that a test waits for.
type result[R any] struct {
	value *R
	err   error
	done  bool
}

func (r *result[R]) set(value *R, err error) { r.value, r.err, r.done = value, err, true }

// do runs the world until a request is answered.
func do[R any](w *world, ask func(done func(*R, error))) (*R, error) {
	w.t.Helper()
	var r result[R]
	w.desk.Do(func() { ask(r.set) })
	w.await(60*time.Second, "an answer", func() bool { return r.done })
	return r.value, r.err
}

func (w *world) put(key, value string) *PutResponse {
	w.t.Helper()
	r, err := do(w, func(done func(*PutResponse, error)) {
		w.client.Put(&PutRequest{Key: key, Value: Bytes(value)}, done)
	})
	if err != nil {
		w.t.Fatalf("put %s: %v", key, err)
	}
	return r
}

func (w *world) get(key string) *RangeResponse {
	w.t.Helper()
	r, err := do(w, func(done func(*RangeResponse, error)) { w.client.Range(&RangeRequest{Key: key}, done) })
	if err != nil {
		w.t.Fatalf("get %s: %v", key, err)
	}
	return r
}

// value is what a key holds; "" where it does not exist.
func (w *world) value(key string) string {
	w.t.Helper()
	r := w.get(key)
	if len(r.KVs) == 0 {
		return ""
	}
	return string(r.KVs[0].Value.(Bytes))
}

// listener collects what a watch tells.
type listener struct {
	events   []Event
	progress []int64
	closed   error
}

func (l *listener) Events(r *WatchResponse) {
	l.events = append(l.events, r.Events...)
	if r.IsProgress() {
		l.progress = append(l.progress, r.Header.Revision)
	}
}

func (l *listener) Closed(err error) { l.closed = errors.Join(err) }

func (w *world) watch(r *WatchRequest) (*listener, *Watch) {
	l := &listener{}
	var watch *Watch
	w.desk.Do(func() { watch = w.client.Watch(r, l) })
	return l, watch
}
