package network

import (
	"fmt"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Service is what listens at an address. Its methods run in events of the listening process.
type Service interface {
	// ServeCall answers a request, now or later, with Reply or Fail, once.
	ServeCall(c *ServerCall)
	// ServeStream accepts a stream: it sets OnMessage and OnClosed and may send at once.
	ServeStream(st *ServerStream)
}

// MessageService is a Service that takes one-way messages as well; see Conn.Send.
type MessageService interface {
	ServeMessage(m Message)
}

// listener is a service in the incarnation that called Listen.
type listener struct {
	process     *host.Process
	incarnation uint32
	service     Service
	// downSince is when the incarnation ended, as far as it has.
	downSince sim.Time
}

func (l *listener) live() bool {
	return l.process.IsUp() && l.process.Incarnation() == l.incarnation
}

// Listen makes svc answer at an address until the process's incarnation ends. The address's host part must be the name
// of the process's machine. It panics if a living process listens there.
func (n *Network) Listen(p *host.Process, a Address, svc Service) {
	checkAddress(p, a)
	if old := n.listeners[a]; old != nil && old.live() {
		panic(fmt.Sprintf("network: %s and %s both listen at %s", old.process.Name(), p.Name(), a))
	}
	n.node(p.Machine())
	n.listeners[a] = &listener{process: p, incarnation: p.Incarnation(), service: svc}
}

func checkAddress(p *host.Process, a Address) {
	if name := a.Host(); name != p.Machine().Name() {
		panic(fmt.Sprintf("network: %s cannot listen at %s: its machine is %s", p.Name(), a, p.Machine().Name()))
	}
}

// Host is the part of an address before its last colon, all of it if there is none.
func (a Address) Host() string {
	if i := strings.LastIndexByte(string(a), ':'); i >= 0 {
		return string(a[:i])
	}
	return string(a)
}

// listenersDown notes for the load balancers when a process ended.
func (n *Network) listenersDown(p *host.Process) {
	//sim:unordered each listener is looked at alone
	for _, l := range n.listeners {
		if l.process == p && l.downSince == 0 {
			l.downSince = max(n.simulation.Now(), 1)
		}
	}
}

// balancer spreads connections, not requests, over backends.
type balancer struct {
	backends []Address
	// notices is how long its health checks take to see that a backend has died.
	notices time.Duration
}

// Balance sets up a load balancer. Each new connection goes to a backend drawn among those where a process listens; if
// there is none, among all. A paused or cut-off backend is not noticed. Calling it again replaces the backends.
func (n *Network) Balance(a Address, backends ...Address) { n.BalanceSlowly(a, 0, backends...) }

// BalanceSlowly is Balance by a load balancer that notices a dead backend only after the given time.
func (n *Network) BalanceSlowly(a Address, notices time.Duration, backends ...Address) {
	if len(backends) == 0 {
		panic(fmt.Sprintf("network: load balancer %s has no backends", a))
	}
	n.balancers[a] = &balancer{backends: append([]Address(nil), backends...), notices: notices}
}

// backend chooses where a connection to a goes.
func (n *Network) backend(a Address, draws *sim.Stream) Address {
	b, ok := n.balancers[a]
	if !ok {
		return a
	}
	var healthy []Address
	for _, x := range b.backends {
		if n.looksHealthy(x, b.notices) {
			healthy = append(healthy, x)
		}
	}
	if len(healthy) == 0 {
		healthy = b.backends
	}
	return healthy[draws.Int63n(purposeBackend, int64(len(healthy)))]
}

func (n *Network) looksHealthy(a Address, notices time.Duration) bool {
	l := n.listeners[a]
	return l != nil && (l.live() || n.simulation.Now().Sub(l.downSince) < notices)
}

// Resolves reports whether an address names a machine or a load balancer that there is.
func (n *Network) Resolves(a Address) bool {
	_, balanced := n.balancers[a]
	return balanced || n.machineAt(a) != nil
}

// machineAt finds the machine that an address belongs to, nil if there is none.
func (n *Network) machineAt(a Address) *host.Machine {
	if l := n.listeners[a]; l != nil {
		return l.process.Machine()
	}
	return host.FleetOf(n.simulation).Machine(a.Host())
}
