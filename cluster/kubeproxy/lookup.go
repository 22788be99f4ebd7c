package kubeproxy

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/sim"
)

// Verdict is what becomes of a connection.
type Verdict uint8

// The verdicts.
const (
	// NoRule: the address is nobody's service; the packet goes on as it is.
	NoRule Verdict = iota
	// Forward to the endpoint.
	Forward
	// Reject: the service has no endpoint; the client sees "connection refused".
	Reject
	// Drop: the policy Local, and no endpoint on this node; the client hears nothing.
	Drop
)

// Connection is a new connection that leaves the proxy's node.
type Connection struct {
	Client   string // source address, for session affinity
	Address  string // "" with NodePort
	Port     int32
	Protocol corev1.Protocol // "": TCP
	NodePort bool            // to a port of the node itself
}

// affinity is a client's tie to an endpoint of a service port.
type affinity struct {
	endpoint Endpoint
	last     sim.Monotonic
}

type affinityKey struct {
	service, port, client string
}

// Lookup says where a new connection goes, by the rules as they are applied now.
func (p *Proxy) Lookup(c Connection) (Endpoint, Verdict) {
	if c.Protocol == "" {
		c.Protocol = corev1.ProtocolTCP
	}
	port, external := p.table.find(c)
	if port == nil {
		return Endpoint{}, NoRule
	}
	candidates := port.candidates(p.where(), external)
	if len(candidates) == 0 {
		if external && port.ExternalLocal || !external && port.InternalLocal {
			return Endpoint{}, Drop
		}
		return Endpoint{}, Reject
	}
	if port.Affinity == 0 {
		return p.pick(candidates), Forward
	}
	return p.stick(port, c.Client, candidates), Forward
}

func (t *Table) find(c Connection) (port *Port, external bool) {
	if t == nil {
		return nil, false
	}
	if c.NodePort {
		return t.nodePorts[nodePort{c.Port, c.Protocol}], true
	}
	a := address{c.Address, c.Port, c.Protocol}
	return t.addresses[a], t.external[a]
}

func (p *Proxy) pick(candidates []Endpoint) Endpoint {
	if len(candidates) == 1 {
		return candidates[0]
	}
	return candidates[p.draws.Int63n(purposeEndpoint, int64(len(candidates)))]
}

// stick keeps a client with its endpoint for the affinity's time after each connection, as long as the endpoint is one
// of the candidates.
func (p *Proxy) stick(port *Port, client string, candidates []Endpoint) Endpoint {
	key := affinityKey{port.Service, port.Name, client}
	now := p.process.Monotonic()
	a := p.affinities[key]
	valid := a != nil && now.Sub(a.last) < port.Affinity && slices.ContainsFunc(candidates, func(e Endpoint) bool {
		return e.IP == a.endpoint.IP && e.Port == a.endpoint.Port
	})
	if !valid {
		a = &affinity{endpoint: p.pick(candidates)}
		p.affinities[key] = a
	}
	a.last = now
	return a.endpoint
}
