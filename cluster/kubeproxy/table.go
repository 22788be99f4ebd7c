package kubeproxy

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// Endpoint is one address that serves a port of a service.
type Endpoint struct {
	IP   string
	Port int32
	Node string
	Zone string

	Ready       bool
	Serving     bool
	Terminating bool
	// ForZones and ForNodes are the hints of the slice: who should prefer the endpoint.
	ForZones, ForNodes []string
}

// Port is one port of a service with everything that a connection's fate depends on. It is immutable.
type Port struct {
	Service   string // namespace/name
	Name      string
	Protocol  corev1.Protocol
	Endpoints []Endpoint // by address, then port

	InternalLocal bool // internalTrafficPolicy: Local
	ExternalLocal bool // externalTrafficPolicy: Local
	// Affinity is how long a client stays with an endpoint; 0: not at all.
	Affinity time.Duration
}

// Table is the rules of one state of the cluster. It is immutable, and shared by the proxies that have seen that state.
type Table struct {
	addresses map[address]*Port // cluster, external and load-balancer addresses
	nodePorts map[nodePort]*Port
	external  map[address]bool // of addresses: from outside the cluster
}

type address struct {
	ip       string
	port     int32
	protocol corev1.Protocol
}

type nodePort struct {
	port     int32
	protocol corev1.Protocol
}

// Ports counts the rules.
func (t *Table) Ports() int { return len(t.addresses) + len(t.nodePorts) }

// newTable builds the table of a state. slicesOf returns a service's slices in order of their names.
func newTable(services []*corev1.Service, slicesOf func(*corev1.Service) []*discoveryv1.EndpointSlice) *Table {
	t := &Table{addresses: map[address]*Port{}, nodePorts: map[nodePort]*Port{}, external: map[address]bool{}}
	for _, s := range services {
		if !proxied(s) {
			continue
		}
		parts := slicesOf(s)
		for i := range s.Spec.Ports {
			t.add(s, &s.Spec.Ports[i], parts)
		}
	}
	return t
}

// proxied reports whether a service has a virtual address that a proxy serves.
func proxied(s *corev1.Service) bool {
	return s.Spec.Type != corev1.ServiceTypeExternalName && s.Spec.ClusterIP != "" && s.Spec.ClusterIP != corev1.ClusterIPNone
}

func (t *Table) add(s *corev1.Service, port *corev1.ServicePort, parts []*discoveryv1.EndpointSlice) {
	p := &Port{Service: api.KeyOf(s), Name: port.Name, Protocol: port.Protocol, Endpoints: endpoints(port, parts)}
	p.InternalLocal = s.Spec.InternalTrafficPolicy != nil && *s.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal
	p.ExternalLocal = s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		p.Affinity = affinityTimeout
		if c := s.Spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
			p.Affinity = time.Duration(*c.ClientIP.TimeoutSeconds) * time.Second
		}
	}
	ips := s.Spec.ClusterIPs
	if len(ips) == 0 {
		ips = []string{s.Spec.ClusterIP}
	}
	for _, ip := range ips {
		t.addresses[address{ip, port.Port, port.Protocol}] = p
	}
	outside := slices.Clone(s.Spec.ExternalIPs)
	for _, ingress := range s.Status.LoadBalancer.Ingress {
		outside = append(outside, ingress.IP)
	}
	for _, ip := range outside {
		a := address{ip, port.Port, port.Protocol}
		t.addresses[a], t.external[a] = p, true
	}
	if port.NodePort != 0 {
		t.nodePorts[nodePort{port.NodePort, port.Protocol}] = p
	}
}

// affinityTimeout is the default of sessionAffinityConfig.clientIP.timeoutSeconds.
const affinityTimeout = 10800 * time.Second

// endpoints collects the endpoints of a service port from its slices. An address that is in two slices, as while it
// moves, counts once; the slice later in order wins.
func endpoints(port *corev1.ServicePort, parts []*discoveryv1.EndpointSlice) []Endpoint {
	var out []Endpoint
	for _, slice := range parts {
		number := portNumber(port, slice)
		if number == 0 {
			continue
		}
		for i := range slice.Endpoints {
			e := endpoint(&slice.Endpoints[i], number)
			if at := slices.IndexFunc(out, func(x Endpoint) bool { return x.IP == e.IP && x.Port == e.Port }); at >= 0 {
				out[at] = e
			} else {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b Endpoint) int {
		if c := strings.Compare(a.IP, b.IP); c != 0 {
			return c
		}
		return int(a.Port - b.Port)
	})
	return out
}

// portNumber finds the port of a slice that a service port means: the one of its name.
func portNumber(port *corev1.ServicePort, slice *discoveryv1.EndpointSlice) int32 {
	for _, p := range slice.Ports {
		if p.Port != nil && api.Deref(p.Name, "") == port.Name && api.Deref(p.Protocol, corev1.ProtocolTCP) == port.Protocol {
			return *p.Port
		}
	}
	return 0
}

func endpoint(e *discoveryv1.Endpoint, port int32) Endpoint {
	out := Endpoint{
		Port: port, Node: api.Deref(e.NodeName, ""), Zone: api.Deref(e.Zone, ""),
		Ready: api.Deref(e.Conditions.Ready, true), Terminating: api.Deref(e.Conditions.Terminating, false),
	}
	out.Serving = api.Deref(e.Conditions.Serving, out.Ready)
	if len(e.Addresses) > 0 {
		out.IP = e.Addresses[0]
	}
	if e.Hints != nil {
		for _, z := range e.Hints.ForZones {
			out.ForZones = append(out.ForZones, z.Name)
		}
		for _, n := range e.Hints.ForNodes {
			out.ForNodes = append(out.ForNodes, n.Name)
		}
	}
	return out
}

// fingerprint identifies a set of object versions: a sum, so that it can follow every change in constant time.
type fingerprint struct {
	sum   uint64
	count int
}

func (f *fingerprint) add(o api.Object) {
	f.sum += versionHash(o)
	f.count++
}

func (f *fingerprint) remove(o api.Object) {
	f.sum -= versionHash(o)
	f.count--
}

func versionHash(o api.Object) uint64 {
	return sim.Mix(sim.HashString(string(o.GetUID())), api.ParseRV(o.GetResourceVersion())+1)
}

// recent is how many states the shared cache keeps: proxies are never many states apart for long.
const recent = 32

// tables is a simulation's cache of tables.
type tables struct {
	byState map[fingerprint]*Table
	order   []fingerprint
}

func (c *tables) get(f fingerprint, build func() *Table) *Table {
	if t := c.byState[f]; t != nil {
		return t
	}
	t := build()
	c.byState[f] = t
	if c.order = append(c.order, f); len(c.order) > recent {
		delete(c.byState, c.order[0])
		c.order = slices.Delete(c.order, 0, 1)
	}
	return t
}
