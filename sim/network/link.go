package network

import (
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// link is one TCP connection: two ends. A Conn outlives its links.
type link struct {
	network *Network
	conn    *Conn
	service Service
	client  end
	server  end
}

// end is one side of a link: what one process's operating system and HTTP/2 library know of the connection.
type end struct {
	link    *link
	process *host.Process
	client  bool
	// open: this side has neither closed the connection nor heard of its end.
	open  bool
	path  *path
	peer  *end
	draws *sim.Stream
	// lane orders what this end sends, lastArrival is when the last of it arrives.
	lane        sim.Lane
	lastArrival sim.Time
	// lastRead is when this end last heard anything.
	lastRead sim.Time

	tcp
	ping
	multiplex

	list       *endList
	prev, next *end
}

// endList is the ends that send over one path, in order of their making.
type endList struct{ first, last *end }

func (l *endList) add(e *end) {
	e.list, e.prev = l, l.last
	if l.last != nil {
		l.last.next = e
	} else {
		l.first = e
	}
	l.last = e
}

func (l *endList) remove(e *end) {
	if e.list == nil {
		return
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	e.list, e.prev, e.next = nil, nil, nil
}

// appendTo copies the list, for loops whose body may change it.
func (l *endList) appendTo(all []*end) []*end {
	for e := l.first; e != nil; e = e.next {
		all = append(all, e)
	}
	return all
}

// newLink makes both ends of a connection that the server's machine has accepted.
func (n *Network) newLink(c *Conn, l *listener) *link {
	k := &link{network: n, conn: c, service: l.service}
	client, server := n.node(c.process.Machine()), n.node(l.process.Machine())
	name := c.name
	k.client.init(k, c.process, n.path(client, server), &k.server, n.stream(name+">"), n.freeLane())
	k.server.init(k, l.process, n.path(server, client), &k.client, n.stream(name+"<"), n.freeLane())
	k.client.client = true
	k.client.ping.config, k.server.ping.config = c.options.Ping, n.config.ServerPing
	k.client.window, k.server.window = n.config.ServerWindow, c.options.Window
	k.client.receive, k.server.receive = c.options.Window, n.config.ServerWindow
	k.client.messages, k.server.messages = n.config.MessageWindow, n.config.MessageWindow
	n.stats.Connections++
	for _, e := range []*end{&k.client, &k.server} {
		if e.path.troubled {
			e.watch()
		}
	}
	return k
}

func (e *end) init(k *link, p *host.Process, via *path, peer *end, draws *sim.Stream, lane sim.Lane) {
	now := k.network.simulation.Now()
	e.link, e.process, e.path, e.peer = k, p, via, peer
	e.draws, e.lane, e.lastRead, e.lastArrival, e.open = draws, lane, now, now, true
	via.ends.add(e)
}

func (n *Network) freeLane() sim.Lane { return n.simulation.NewLane() }

func (e *end) network() *Network { return e.link.network }

func (e *end) now() sim.Time { return e.link.network.simulation.Now() }

// send puts something on the wire. The event of kind k fires at the peer's process, in the order of sending; size is
// its modelled length and becomes part of the digest.
func (e *end) send(k sim.Kind, size int64, tag uint64, ref any) {
	n := e.link.network
	n.stats.Bytes += size
	if e.path.troubled || e.stalled != nil || !e.peer.open || n.hunting {
		e.sendCarefully(segment{kind: k, size: size, tag: tag, ref: ref})
		return
	}
	p := e.path
	at := p.depart(n.simulation.Now(), size).Add(p.config.Latency.Sample(e.draws.Uint64(purposeLatency)))
	e.deliver(max(at, e.lastArrival), k, size, tag, ref)
}

func (e *end) deliver(at sim.Time, k sim.Kind, size int64, tag uint64, ref any) {
	e.lastArrival = at
	e.peer.process.AtTime(at, e.lane, k, uint64(size)<<16|tag, ref)
}

// received notes that something arrived and reports whether this end still wants it.
func (e *end) received() bool {
	e.lastRead = e.link.network.simulation.Now()
	return e.open
}

// roundTrip draws the time that a small segment and its answer take.
func (e *end) roundTrip() sim.Time {
	there := e.draws.Duration(purposeLatency, e.path.config.Latency)
	back := e.peer.draws.Duration(purposeLatency, e.peer.path.config.Latency)
	return e.now().Add(there + back)
}

// shut ends this side of the connection: whatever waits on it hears err.
func (e *end) shut(err error) {
	if !e.open {
		return
	}
	e.forget()
	e.link.network.stats.Breaks++
	if e.client {
		e.link.conn.broken(e.link, err)
	}
	e.multiplex.fail(e, err)
}

// forget ends this side without a word to anybody above.
func (e *end) forget() {
	e.open = false
	e.path.ends.remove(e)
	e.tcp.stop(e)
	e.ping.stop(e)
}

// abort ends this side and lets the other know, if it can be reached.
func (e *end) abort(err error) {
	if e.open {
		e.shut(err)
		e.reset()
	}
}

// reset tells the peer that this side is gone. In a partition the message waits with TCP's retransmissions, for as long
// as an orphaned socket is kept.
func (e *end) reset() {
	e.send(e.network().kinds.reset, resetBytes, 0, e.peer)
	if len(e.stalled) > 0 {
		e.path.ends.add(e) // An orphan: it hears of the path's opening until the reset is out.
	}
}

const resetBytes = 40 // A TCP segment without data.

func receiveReset(_ uint64, ref any) {
	e := ref.(*end)
	e.shut(ErrReset)
}

// corrupt makes both sides see a reset at the given time.
func (e *end) corrupt(at sim.Time) {
	n := e.network()
	e.process.AtTime(at, 0, n.kinds.reset, 0, e)
	e.peer.process.AtTime(at, 0, n.kinds.reset, 0, e.peer)
}

// observer is the network as its machines see it.
type observer Network

// ProcessDown: the operating system closes the dead process's sockets.
func (o *observer) ProcessDown(p *host.Process) {
	n := (*Network)(o)
	for _, e := range n.node(p.Machine()).ends() {
		if e.process == p && e.open {
			e.forget()
			e.reset()
		}
	}
	n.listenersDown(p)
}

// ProcessPaused: the other sides begin to wonder.
func (o *observer) ProcessPaused(p *host.Process) {
	n := (*Network)(o)
	for _, e := range n.node(p.Machine()).ends() {
		if e.process == p {
			e.peer.watch()
		}
	}
}

// ProcessResumed: a process that goes on reads what has come.
func (o *observer) ProcessResumed(*host.Process) {}

// MachineDown: silence.
func (o *observer) MachineDown(m *host.Machine) {
	n := (*Network)(o)
	x := n.node(m)
	for _, e := range x.ends() {
		e.forget()
		x.ghosts = append(x.ghosts, e)
	}
	for _, e := range x.ghosts {
		e.peer.watch()
	}
	for _, p := range m.Processes() {
		n.listenersDown(p)
	}
}

// MachineUp: the new system answers with a reset to whatever reaches it from before.
func (o *observer) MachineUp(m *host.Machine) {
	x := (*Network)(o).node(m)
	ghosts := x.ghosts
	x.ghosts = nil
	for _, e := range ghosts {
		if e.peer.open && e.peer.waitsSince != 0 {
			e.peer.resume()
		}
	}
}
