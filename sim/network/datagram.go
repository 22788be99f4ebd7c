package network

import (
	"fmt"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Datagram is a packet without a connection: it may be lost, arrive twice, or be overtaken.
type Datagram struct {
	From, To  Address
	Payload   any
	SizeBytes int
}

type datagramListener struct {
	process     *host.Process
	incarnation uint32
	handle      func(Datagram)
}

// ListenDatagram makes handle take what is sent to an address, in events of the process, until its incarnation ends.
func (n *Network) ListenDatagram(p *host.Process, a Address, handle func(Datagram)) {
	checkAddress(p, a)
	if old := n.datagrams[a]; old != nil && old.process.IsUp() && old.process.Incarnation() == old.incarnation {
		panic(fmt.Sprintf("network: %s and %s both listen at %s", old.process.Name(), p.Name(), a))
	}
	n.node(p.Machine())
	n.datagrams[a] = &datagramListener{process: p, incarnation: p.Incarnation(), handle: handle}
}

// Send sends a datagram. Nobody hears what becomes of it. A load balancer's name as the destination chooses a backend per
// datagram.
func (n *Network) Send(p *host.Process, from, to Address, payload any, sizeBytes int) {
	n.stats.Datagrams++
	source := n.node(p.Machine())
	d := Datagram{From: from, To: n.datagramBackend(source, to), Payload: payload, SizeBytes: sizeBytes}
	l := n.datagrams[d.To]
	if l == nil {
		n.stats.DatagramsLost++
		return
	}
	path := n.path(source, n.node(l.process.Machine()))
	c, draws := &path.config, path.draws
	lost := path.blocked
	lost = draws.Chance(purposeLoss, c.LossPPM) || lost
	lost = draws.Chance(purposeCorrupt, c.CorruptPPM) || lost
	twice := draws.Chance(purposeDuplicate, c.DuplicatePPM)
	first, second := n.datagramArrival(path, purposeLatency, d), n.datagramArrival(path, purposeCopy, d)
	if lost {
		n.stats.DatagramsLost++
		return
	}
	n.carry(first, d)
	if twice {
		n.carry(second, d)
	}
}

func (n *Network) datagramBackend(source *node, to Address) Address {
	b, ok := n.balancers[to]
	if !ok {
		return to
	}
	var healthy []Address
	for _, a := range b.backends {
		if l := n.datagrams[a]; l != nil && l.process.IsUp() {
			healthy = append(healthy, a)
		}
	}
	if len(healthy) == 0 {
		healthy = b.backends
	}
	draws := n.stream("balance/" + source.machine.Name() + "->" + string(to))
	return healthy[draws.Int63n(purposeBackend, int64(len(healthy)))]
}

// datagramArrival draws when a datagram, or its copy, arrives.
func (n *Network) datagramArrival(p *path, purpose sim.Purpose, d Datagram) sim.Time {
	c := &p.config
	at := p.depart(n.simulation.Now(), int64(d.SizeBytes)).Add(p.draws.Duration(purpose, c.Latency))
	if c.Extra != nil {
		at = at.Add(p.draws.Duration(purposeDelay, c.Extra))
	}
	if c.ReorderPPM > 0 {
		u := p.draws.Uint64(purposeReorder)
		if scaled(u) < uint64(c.ReorderPPM) {
			at = at.Add(c.ReorderDelay.Sample(sim.Mix(u, 1)))
		}
	}
	return max(at, p.cloggedUntil)
}

func (n *Network) carry(at sim.Time, d Datagram) {
	n.world.AtTime(at, 0, n.kinds.datagram, uint64(d.SizeBytes)<<16, &packet{network: n, Datagram: d})
}

type packet struct {
	network *Network
	Datagram
	listener *datagramListener
}

// receiveDatagram happens at the target's machine: where nobody listens, the packet is lost.
func receiveDatagram(_ uint64, ref any) {
	x := ref.(*packet)
	n := x.network
	if l := x.listener; l != nil {
		l.handle(x.Datagram)
		return
	}
	l := n.datagrams[x.To]
	if l == nil || !l.process.IsUp() || l.process.Incarnation() != l.incarnation || l.process.Machine().Paused() {
		n.stats.DatagramsLost++
		return
	}
	x.listener = l
	l.process.AtTime(n.simulation.Now(), 0, n.kinds.datagram, uint64(x.SizeBytes)<<16, x)
}
