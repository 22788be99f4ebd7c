package network

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// node is the network's view of a machine.
type node struct {
	network *Network
	machine *host.Machine
	// ghosts are the sides of connections that the last crash took.
	ghosts []*end
	paths  map[*node]*path
	// pathList holds the same paths, in order of their making.
	pathList []*path
}

// ends returns the machine's sides of connections, in a stable order.
func (x *node) ends() []*end {
	var all []*end
	for _, p := range x.pathList {
		all = p.ends.appendTo(all)
	}
	return all
}

func (n *Network) node(m *host.Machine) *node {
	x, ok := n.nodes[m]
	if !ok {
		x = &node{network: n, machine: m, paths: map[*node]*path{}}
		n.nodes[m] = x
		n.nodeList = append(n.nodeList, x)
		m.Observe((*observer)(n))
	}
	return x
}

// PathConfig is what a path does to what it carries.
type PathConfig struct {
	// Latency of one message, one way; nil leaves it to where the machines stand.
	Latency sim.Distribution
	// Extra is added to the latency; nil adds nothing.
	Extra sim.Distribution
	// LossPPM is the chance, in millionths, of each packet of 1448 bytes to be lost: on a connection that is a
	// retransmission, which all that follows waits for. A million cuts the path.
	LossPPM uint32
	// DuplicatePPM is the chance of a datagram to arrive twice; TCP hides it.
	DuplicatePPM uint32
	// ReorderPPM is the chance to be held up by a draw of ReorderDelay (nil: 10 ms), while what follows passes; on a
	// connection what follows waits.
	ReorderPPM   uint32
	ReorderDelay sim.Distribution
	// CorruptPPM is the chance of a message to break its connection, of a datagram to be dropped.
	CorruptPPM uint32
	// BytesPerSecond is the bandwidth; 0 leaves the network's.
	BytesPerSecond int64
}

// path is one direction between two machines.
type path struct {
	network  *Network
	from, to *node
	reverse  *path
	// config is in force: the setting with all faults on top of it.
	config  PathConfig
	blocked bool
	// troubled: messages need a closer look, because of this direction or because of the way back.
	troubled     bool
	abnormal     bool
	cloggedUntil sim.Time
	picosPerByte int64
	// The path is busy until busyUntil and busyPicos picoseconds.
	busyUntil sim.Time
	busyPicos int64
	draws     *sim.Stream
	// ends are the sides of connections that send over this path.
	ends endList
}

// path returns the direction from a to b.
func (n *Network) path(a, b *node) *path {
	if p, ok := a.paths[b]; ok {
		return p
	}
	p := n.newPath(a, b)
	p.reverse = p
	if a != b {
		p.reverse = n.newPath(b, a)
		p.reverse.reverse = p
	}
	n.refresh(p)
	n.refresh(p.reverse)
	return p
}

func (n *Network) newPath(a, b *node) *path {
	p := &path{network: n, from: a, to: b, draws: n.stream("path/" + a.machine.Name() + "->" + b.machine.Name())}
	a.paths[b] = p
	a.pathList = append(a.pathList, p)
	n.paths = append(n.paths, p)
	return p
}

// latencyBetween is the network's own latency between two places.
func (n *Network) latencyBetween(a, b *host.Machine) sim.Distribution {
	switch {
	case a == b:
		return n.config.Loopback
	case a.Region() != b.Region():
		return n.config.BetweenRegions
	case a.Zone() != b.Zone():
		return n.config.BetweenZones
	}
	return n.config.SameZone
}

// depart returns when the last byte has left, behind whatever else uses the path. It carries picoseconds, as a byte
// takes less than one nanosecond at 10 Gb/s.
func (p *path) depart(now sim.Time, size int64) sim.Time {
	if p.busyUntil < now {
		p.busyUntil, p.busyPicos = now, 0
	}
	picos := p.busyPicos + size*p.picosPerByte
	p.busyUntil += sim.Time(picos / 1000)
	p.busyPicos = picos % 1000
	if p.busyPicos > 0 {
		return p.busyUntil + 1
	}
	return p.busyUntil
}

// lossDelays: TCP waits 200 ms for the first retransmission of a lone packet (Linux TCP_RTO_MIN, which the tail loss
// probe waits for as well where only one packet is out), then twice as long each time up to 120 s (TCP_RTO_MAX).
const (
	firstRetransmission = 200 * time.Millisecond
	maxRetransmission   = 120 * time.Second
	packetBytes         = 1448
)

// hold is the time that a message on a connection loses to the path's faults.
func (p *path) hold(draws *sim.Stream, size int64) time.Duration {
	c := &p.config
	var delay time.Duration
	if c.Extra != nil {
		delay += draws.Duration(purposeDelay, c.Extra)
	}
	if c.LossPPM > 0 {
		delay += p.retransmit(draws.Uint64(purposeLoss), size)
	}
	if c.ReorderPPM > 0 {
		u := draws.Uint64(purposeReorder)
		if scaled(u) < uint64(c.ReorderPPM) {
			delay += c.ReorderDelay.Sample(sim.Mix(u, 1))
		}
	}
	return delay
}

// retransmit is how long it takes to get a message through when each try loses one of its packets with the path's
// chance.
func (p *path) retransmit(u uint64, size int64) time.Duration {
	packets := max((size+packetBytes-1)/packetBytes, 1)
	chance := min(uint64(p.config.LossPPM)*uint64(packets), 999_999)
	var delay time.Duration
	wait := firstRetransmission
	for try := uint64(1); scaled(sim.Mix(u, try)) < chance; try++ {
		p.network.stats.Retransmissions++
		delay += wait
		wait = min(2*wait, maxRetransmission)
		chance = min(uint64(p.config.LossPPM), 999_999)
	}
	return delay
}

// scaled maps 64 uniform bits to millionths.
func scaled(u uint64) uint64 { return (u >> 32) * 1_000_000 >> 32 }

// nextRetransmission returns the first instant from now on at which TCP tries again to get through what it first sent
// at since.
func nextRetransmission(since, now sim.Time) sim.Time {
	wait := firstRetransmission
	for since < now {
		since = since.Add(wait)
		wait = min(2*wait, maxRetransmission)
	}
	return since
}
