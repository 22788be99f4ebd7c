package network

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Conn is a client's connection to an address. It connects when there is something to send, and again after a break. It
// belongs to the incarnation that dialled.
type Conn struct {
	network     *Network
	process     *host.Process
	incarnation uint32
	address     Address
	options     DialOptions
	// name is the stable name of its draws.
	name  string
	draws *sim.Stream

	link    *link
	since   sim.Monotonic
	attempt *attempt
	closed  bool
	onBreak func(error)

	// After failures in a row, requests fail with failure until retryAt.
	failures int
	failure  error
	retryAt  sim.Time

	// What waits for the connection.
	calls    callList
	streams  []*Stream
	messages []*frame
}

// Dial returns a connection to an address or a load balancer with the network's client settings. Nothing is sent until
// the connection is used.
func (n *Network) Dial(p *host.Process, a Address) *Conn { return n.DialWith(p, a, n.config.Dial) }

// DialWith is Dial with settings of its own; zero fields mean the network's.
func (n *Network) DialWith(p *host.Process, a Address, o DialOptions) *Conn {
	n.node(p.Machine())
	name := p.Name() + "->" + string(a)
	return &Conn{
		network: n, process: p, incarnation: p.Incarnation(), address: a, options: o.withDefaults(n.config.Dial),
		name: name, draws: n.stream(name),
	}
}

// Address is what was dialled.
func (c *Conn) Address() Address { return c.address }

// Connected reports whether the connection is there as far as the client knows.
func (c *Conn) Connected() bool { return c.link != nil }

// ConnectedFor is how long the connection has been there by the client's clock; 0 while it is not.
func (c *Conn) ConnectedFor() time.Duration {
	if c.link == nil {
		return 0
	}
	return c.process.Monotonic().Sub(c.since)
}

// Backend returns the process at the other side, nil while not connected.
func (c *Conn) Backend() *host.Process {
	if c.link == nil {
		return nil
	}
	return c.link.server.process
}

// OnBreak sets what is called after each break of an established connection and each failed attempt to connect.
func (c *Conn) OnBreak(f func(err error)) { c.onBreak = f }

// Close ends the connection: calls and streams that wait on it end with ErrClosed, in events of their own, and so does
// everything that is tried later.
func (c *Conn) Close() {
	if c.closed {
		return
	}
	c.closed, c.failure = true, ErrClosed
	n := c.network
	c.process.AtTime(n.simulation.Now(), 0, n.kinds.closeConn, 0, c)
}

func closeConn(_ uint64, ref any) {
	c := ref.(*Conn)
	if c.attempt != nil {
		c.attempt.stop()
	}
	if c.link != nil {
		c.link.client.abort(ErrClosed)
	}
	c.failWaiting(ErrClosed)
}

// Abort breaks the connection, as a client does that no longer trusts it: what waits on it ends with ErrReset, in
// events of their own, and the next use connects again.
func (c *Conn) Abort() {
	if c.link != nil {
		n := c.network
		c.process.AtTime(n.simulation.Now(), 0, n.kinds.reset, 0, &c.link.client)
		c.link.client.reset()
		c.link = nil
	}
}

// check guards against state that outlives its incarnation. It reports false where the process is dead.
func (c *Conn) check() bool {
	if !c.process.IsUp() {
		return false
	}
	if c.process.Incarnation() != c.incarnation {
		panic(fmt.Sprintf("network: %s uses a connection to %s that an earlier incarnation dialled", c.process.Name(), c.address))
	}
	return true
}

// connect makes sure that an attempt is under way; the error says that there will be none now.
func (c *Conn) connect() error {
	if c.closed {
		return ErrClosed
	}
	if c.attempt != nil {
		return nil
	}
	if c.failures > 0 && c.network.simulation.Now() < c.retryAt {
		return c.failure
	}
	c.attempt = c.network.startAttempt(c)
	return nil
}

// connected sends everything that has waited.
func (c *Conn) connected(k *link) {
	c.attempt.stop()
	c.attempt, c.link, c.failures = nil, k, 0
	c.since = c.process.Monotonic()
	e := &k.client
	for call := c.calls.pop(); call != nil; call = c.calls.pop() {
		e.start(call)
	}
	streams, messages := c.streams, c.messages
	c.streams, c.messages = nil, nil
	for _, s := range streams {
		s.open(e)
	}
	for _, f := range messages {
		e.sendMessage(f)
	}
}

// failed notes a failed attempt and tells everybody who waits.
func (c *Conn) failed(err error) {
	c.attempt.stop()
	c.attempt = nil
	c.failures++
	c.failure = err
	c.retryAt = c.network.simulation.Now().Add(c.backoff())
	c.failWaiting(err)
	if c.onBreak != nil {
		c.onBreak(err)
	}
}

func (c *Conn) backoff() time.Duration {
	wait := c.options.BackoffBase
	for i := 1; i < c.failures && wait < c.options.BackoffMax; i++ {
		wait = wait * 8 / 5
	}
	wait = min(wait, c.options.BackoffMax)
	jitter := c.draws.Int63n(purposeBackoff, int64(wait)*2/5+1)
	return wait*4/5 + time.Duration(jitter)
}

func (c *Conn) failWaiting(err error) {
	calls := c.calls.take()
	streams, messages := c.streams, c.messages
	c.streams, c.messages = nil, nil
	for call := calls.pop(); call != nil; call = calls.pop() {
		call.finish(nil, err)
	}
	for _, s := range streams {
		s.end(err)
	}
	for _, f := range messages {
		c.network.freeFrame(f)
	}
}

// broken is called by a link's client end when it closes.
func (c *Conn) broken(k *link, err error) {
	if c.attempt != nil && c.attempt.link == k {
		c.failed(ErrRefused)
		return
	}
	if c.link == k {
		c.link = nil
		if c.onBreak != nil && err != ErrClosed {
			c.onBreak(err)
		}
	}
}

// attempt is one attempt to connect.
type attempt struct {
	conn    *Conn
	target  *node
	backend Address
	wait    time.Duration
	retry   sim.Timer
	timeout sim.Timer
	over    bool
	// link exists from the moment the server's operating system has accepted.
	link *link
}

// firstSynRetry is Linux's initial retransmission time-out of a SYN (TCP_TIMEOUT_INIT).
const firstSynRetry = time.Second

func (n *Network) startAttempt(c *Conn) *attempt {
	a := &attempt{conn: c, backend: n.backend(c.address, c.draws), wait: firstSynRetry}
	p := c.process
	if m := n.machineAt(a.backend); m != nil {
		a.target = n.node(m)
		a.sendSyn()
	}
	limit := c.options.Timeout
	if a.target == nil {
		limit = 0 // No such host: the name is not known to DNS.
	}
	a.timeout = p.AtTime(n.simulation.Now().Add(limit), 0, n.kinds.dialTimeout, 0, a)
	return a
}

func (a *attempt) stop() {
	a.over = true
	s := a.conn.network.simulation
	s.Cancel(a.retry)
	s.Cancel(a.timeout)
}

// sendSyn asks for the connection and asks again while nothing answers.
func (a *attempt) sendSyn() {
	n, p := a.conn.network, a.conn.process
	there := n.path(n.node(p.Machine()), a.target)
	a.retry = p.AtTime(n.simulation.Now().Add(a.wait), 0, n.kinds.synRetry, 0, a)
	a.wait *= 2
	lost := there.config.LossPPM > 0 && a.conn.draws.Chance(purposeLoss, there.config.LossPPM)
	if there.blocked || there.reverse.blocked || lost {
		return
	}
	n.world.AtTime(a.arrival(there), 0, n.kinds.syn, 0, a)
}

// arrival draws when a segment of the handshake arrives over a path.
func (a *attempt) arrival(p *path) sim.Time {
	at := a.conn.network.simulation.Now().Add(a.conn.draws.Duration(purposeLatency, p.config.Latency))
	if p.config.Extra != nil {
		at = at.Add(a.conn.draws.Duration(purposeDelay, p.config.Extra))
	}
	return max(at, p.cloggedUntil)
}

func retrySyn(_ uint64, ref any) {
	if a := ref.(*attempt); !a.over {
		a.sendSyn()
	}
}

// receiveSyn is what the target's operating system does: nothing when it is not there, a refusal where nobody
// listens, otherwise the rest of the handshake, for which the process must be running.
func receiveSyn(_ uint64, ref any) {
	a := ref.(*attempt)
	c := a.conn
	n := c.network
	m := a.target.machine
	alive := c.process.IsUp() && c.process.Incarnation() == c.incarnation
	if a.over || a.link != nil || !alive || !m.Up() || m.Paused() {
		return
	}
	back := n.path(a.target, n.node(c.process.Machine()))
	n.simulation.Cancel(a.retry)
	l := n.listeners[a.backend]
	if l == nil || !l.live() {
		c.process.AtTime(a.arrival(back), 0, n.kinds.refused, 0, a)
		return
	}
	a.link = n.newLink(c, l)
	at := n.simulation.Now()
	for range n.config.Handshake - 1 {
		at = a.arrival(back).Add(at.Sub(n.simulation.Now()))
		at = a.arrival(back.reverse).Add(at.Sub(n.simulation.Now()))
	}
	l.process.AtTime(at, 0, n.kinds.accept, 0, a)
}

func refused(_ uint64, ref any) {
	a := ref.(*attempt)
	if a.over {
		return
	}
	a.conn.network.stats.Refused++
	a.conn.failed(ErrRefused)
}

func dialTimeout(_ uint64, ref any) {
	a := ref.(*attempt)
	if a.over {
		return
	}
	a.conn.network.stats.Unreachable++
	a.conn.failed(ErrUnreachable)
	if a.link != nil {
		a.link.client.abort(ErrUnreachable)
	}
}

// accept is the server process's part in the handshake.
func accept(_ uint64, ref any) {
	a := ref.(*attempt)
	if server := &a.link.server; server.received() {
		server.send(a.conn.network.kinds.connected, certificateBytes, 0, a)
	}
}

const certificateBytes = 1000 // Of the order of a TLS certificate.

func connected(_ uint64, ref any) {
	a := ref.(*attempt)
	if a.over || !a.link.client.received() {
		return
	}
	if a.conn.closed {
		a.link.client.abort(ErrClosed)
		return
	}
	a.conn.connected(a.link)
}
