package network

import (
	"errors"
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Address is where a service listens: "host:port", where host is a machine's name, or a load balancer's name.
type Address string

// Method names what a request or a stream is for. Services declare theirs with Network.Method.
type Method uint16

// What a connection may answer besides the service's own errors.
var (
	// ErrTimeout: the deadline has passed. The request may still take effect.
	ErrTimeout = errors.New("context deadline exceeded")
	// ErrReset: the connection broke. The request may have taken effect, or still may.
	ErrReset = errors.New("connection reset by peer")
	// ErrLost: no ping was answered, or TCP has given up; it is an ErrReset too. client-go tells it from a reset: it lists
	// anew instead of resuming a watch.
	ErrLost = fmt.Errorf("http2: client connection lost: %w", ErrReset)
	// ErrRefused: the host is up and nobody listens there. The request was never sent.
	ErrRefused = errors.New("connection refused")
	// ErrUnreachable: nothing answered an attempt to connect. The request was never sent.
	ErrUnreachable = errors.New("no route to host")
	// ErrClosed: the caller closed the connection.
	ErrClosed = errors.New("use of closed network connection")
)

// Config describes the network as a whole. The zero value is a cloud's.
type Config struct {
	// One-way latencies, by how far apart two machines stand; nil means the default given with each.
	Loopback       sim.Distribution // 20 µs: two passes of a kernel's stack
	SameZone       sim.Distribution // round trip about .2 ms
	BetweenZones   sim.Distribution // round trip .3 to 1.5 ms, mean about .8, spikes to 12 ms
	BetweenRegions sim.Distribution // round trip about 130 ms
	// BytesPerSecond of each path; 0 means 1.25 GB/s, a 10 Gb/s interface.
	BytesPerSecond int64
	// Handshake is the number of round trips before a connection carries requests; 0 means 2 (TCP, TLS 1.3).
	Handshake int
	// Dial holds what Dial uses; a zero field means ClientGo's.
	Dial DialOptions
	// ServerPing is how a server finds out that a silent client is gone. Zero means kube-apiserver's TCP keep-alive:
	// probes after 3 minutes idle (defaultKeepAlivePeriod in apiserver's secure_serving.go), Go's 9 probes 15 s apart.
	ServerPing Ping
	// ServerStreamWindow and ServerWindow are what a server is ready to receive per stream and per connection; 0 means
	// 256 KiB and 100 times that (secure_serving.go: resourceBody99Percentile, times the concurrent streams).
	ServerStreamWindow, ServerWindow int64
	// MessageWindow bounds the one-way messages under way on a connection; 0 means 4 MiB.
	MessageWindow int64
	// SendBuffer is how much a stalled connection takes before it says that it is full; 0 means 4 MiB, the
	// maximum of Linux's tcp_wmem.
	SendBuffer int64
	// Unacknowledged is how much gets through while acknowledgements do not come back; 0 means 64 KiB, a TCP window
	// without scaling.
	Unacknowledged int64
	// RetransmitLimit is after how long TCP gives a connection up; 0 means 924.6 s (Linux, tcp_retries2 = 15).
	RetransmitLimit time.Duration
}

// Ping is how one side of a connection finds out that the other is gone.
type Ping struct {
	// Idle is after how long without anything read a ping is sent; 0 means never. Timeout is how long the answer may take.
	Idle, Timeout time.Duration
	// Kernel: the other side's operating system answers (TCP keep-alive), even for a process that is paused.
	Kernel bool
}

// DialOptions are a client's settings of a connection.
type DialOptions struct {
	Ping Ping
	// Timeout bounds one attempt to connect.
	Timeout time.Duration
	// BackoffBase and BackoffMax bound the time after a failed attempt within which requests fail at once with its
	// error: the base grows by 1.6 with each failure, and a jitter of 20 % is drawn.
	BackoffBase, BackoffMax time.Duration
	// StreamWindow and Window are what the client is ready to receive per stream and per connection.
	StreamWindow, Window int64
}

// ClientGo is a Kubernetes client: pings after 30 s, 15 s for the answer (apimachinery util/net/http.go), 30 s to dial,
// the windows of Go's HTTP/2 transport. client-go dials again at once; the small back-off keeps a caller that retries
// without any delay from doing so forever at one instant.
func ClientGo() DialOptions {
	return DialOptions{
		Ping: Ping{Idle: 30 * time.Second, Timeout: 15 * time.Second}, Timeout: 30 * time.Second,
		BackoffBase: 10 * time.Millisecond, BackoffMax: time.Second,
		StreamWindow: 4 << 20, Window: 1 << 30,
	}
}

// EtcdClient is the API server's gRPC client of etcd: keep-alive 30 s and 10 s, 20 s to dial (apiserver
// storagebackend/factory/etcd3.go), gRPC's back-off of 1 s growing by 1.6 to 120 s.
func EtcdClient() DialOptions {
	return DialOptions{
		Ping: Ping{Idle: 30 * time.Second, Timeout: 10 * time.Second}, Timeout: 20 * time.Second,
		BackoffBase: time.Second, BackoffMax: 120 * time.Second,
		StreamWindow: 4 << 20, Window: 16 << 20,
	}
}

// EtcdPeer is a raft stream between etcd members: both sides give up after 5 s in which nothing was read, heartbeats
// every third of that (rafthttp: ConnReadTimeout), and attempts to connect every 100 ms (rafthttp stream.go).
func EtcdPeer() DialOptions {
	return DialOptions{
		Ping: Ping{Idle: 1667 * time.Millisecond, Timeout: 3333 * time.Millisecond}, Timeout: 5 * time.Second,
		BackoffBase: 100 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
		StreamWindow: 4 << 20, Window: 16 << 20,
	}
}

// Network connects the machines of a simulation.
type Network struct {
	simulation *sim.Simulation
	world      *sim.Process
	config     Config
	hunting    bool
	kinds      kinds

	nodes     map[*host.Machine]*node
	nodeList  []*node
	paths     []*path
	listeners map[Address]*listener
	balancers map[Address]*balancer
	datagrams map[Address]*datagramListener
	streams   map[string]*sim.Stream
	methods   []string
	methodIDs map[string]Method

	faults    []*fault
	lastFault FaultID
	settings  []pathSetting

	freeCalls   []*ServerCall
	freeFrames  []*frame
	freeWaiters []*waiter
	stats       Stats
}

// Stats counts what the network has done.
type Stats struct {
	Connections, Breaks, Refused, Unreachable int64
	Calls, StreamMessages, Messages           int64
	Datagrams, DatagramsLost                  int64
	Retransmissions                           int64
	Bytes                                     int64
}

// New returns a network without anybody on it: machines join by listening and dialling.
func New(s *sim.Simulation, c Config) *Network {
	n := &Network{
		simulation: s, world: s.World(), config: c.withDefaults(s), hunting: s.Mode() == sim.Hunt,
		nodes: map[*host.Machine]*node{}, listeners: map[Address]*listener{}, balancers: map[Address]*balancer{},
		datagrams: map[Address]*datagramListener{}, streams: map[string]*sim.Stream{}, methodIDs: map[string]Method{},
	}
	n.kinds = registerKinds(s)
	return n
}

func (c Config) withDefaults(s *sim.Simulation) Config {
	latency := defaultLatencies(s)
	c.Loopback = or(c.Loopback, latency.loopback)
	c.SameZone = or(c.SameZone, latency.sameZone)
	c.BetweenZones = or(c.BetweenZones, latency.betweenZones)
	c.BetweenRegions = or(c.BetweenRegions, latency.betweenRegions)
	c.BytesPerSecond = or(c.BytesPerSecond, 1_250_000_000)
	c.Handshake = or(c.Handshake, 2)
	c.Dial = c.Dial.withDefaults(ClientGo())
	c.ServerPing = or(c.ServerPing, Ping{Idle: 3 * time.Minute, Timeout: 9 * 15 * time.Second, Kernel: true})
	c.ServerStreamWindow = or(c.ServerStreamWindow, 256<<10)
	c.ServerWindow = or(c.ServerWindow, 100*256<<10)
	c.MessageWindow = or(c.MessageWindow, 4<<20)
	c.SendBuffer = or(c.SendBuffer, 4<<20)
	c.Unacknowledged = or(c.Unacknowledged, 64<<10)
	c.RetransmitLimit = or(c.RetransmitLimit, 924_600*time.Millisecond)
	return c
}

func (o DialOptions) withDefaults(d DialOptions) DialOptions {
	o.Ping = or(o.Ping, d.Ping)
	o.Timeout = or(o.Timeout, d.Timeout)
	o.BackoffBase = or(o.BackoffBase, d.BackoffBase)
	o.BackoffMax = or(o.BackoffMax, d.BackoffMax)
	o.StreamWindow = or(o.StreamWindow, d.StreamWindow)
	o.Window = or(o.Window, d.Window)
	return o
}

// or returns value unless it is zero.
func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// latencies are the default distributions, tabulated once per simulation.
type latencies struct{ loopback, sameZone, betweenZones, betweenRegions sim.Distribution }

func defaultLatencies(s *sim.Simulation) *latencies {
	return s.Attach("network.latencies", func() any {
		// One way is half of the measured round trips of reference/defaults.md (etcd tuning guide and published
		// measurements). A log-normal with p99 = 2 x p50 has 98 % of its mass between p50/2 and 2 x p50 and the mean
		// 1.05 x p50: for a median of .38 ms a round trip of .4 to 1.5 ms, mean .8.
		return &latencies{
			loopback: sim.Fixed(20 * time.Microsecond),
			sameZone: sim.LogNormal(95*time.Microsecond, 200*time.Microsecond),
			betweenZones: sim.WithTail(sim.LogNormal(380*time.Microsecond, 760*time.Microsecond),
				200, sim.Uniform(3*time.Millisecond, 11*time.Millisecond)),
			betweenRegions: sim.LogNormal(65*time.Millisecond, 75*time.Millisecond),
		}
	}).(*latencies)
}

// Method returns the number of a method; the name appears in traces and reports.
func (n *Network) Method(name string) Method {
	if m, ok := n.methodIDs[name]; ok {
		return m
	}
	m := Method(len(n.methods))
	n.methods = append(n.methods, name)
	n.methodIDs[name] = m
	return m
}

// MethodName returns a method's name.
func (n *Network) MethodName(m Method) string { return n.methods[m] }

// Stats returns the counts so far.
func (n *Network) Stats() Stats { return n.stats }

// Config returns the network's settings, defaults filled in.
func (n *Network) Config() Config { return n.config }

// Draws of the network's streams. Each connection has one stream per direction, named by both ends, and each pair of
// hosts one for datagrams.
const (
	purposeLatency sim.Purpose = iota
	purposeLoss
	purposeDuplicate
	purposeReorder
	purposeDelay
	purposeCorrupt
	purposeBackend
	purposeBackoff
	purposeHunt
	purposeCopy
)

// stream returns the stream of a name; there is one handle for each, so that draws of one instant differ.
func (n *Network) stream(name string) *sim.Stream {
	s, ok := n.streams[name]
	if !ok {
		s = n.simulation.Stream("network/" + name)
		n.streams[name] = s
	}
	return s
}
