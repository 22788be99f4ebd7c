package client

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Config describes one clientset.
type Config struct {
	Network *network.Network
	// Server is the API server's address, or that of the load balancer before several.
	Server    network.Address
	UserAgent string
	User      *api.User
	// Limiter delays requests, but not watches; nil is no limit. Clients share it where upstream's do.
	Limiter *TokenBucket
	// Metrics receives rest_client_*; nil measures nothing.
	Metrics *metrics.Registry
	// Timeout ends the wait for a request, retries included, but not the time in the Limiter's queue; 0 is none,
	// which is what upstream's components set.
	Timeout time.Duration
}

// Client is one clientset of one process incarnation.
type Client struct {
	process *host.Process
	config  Config
	conn    *network.Conn
	unary   network.Method
	watch   network.Method
	kinds   kinds
	costs   costs
	metrics *clientMetrics
	free    []*call
}

// kinds are the client's events.
type kinds struct{ retry, encoded, delivered, decoded sim.Kind }

// costs are the client's operations of the cost table; units are bytes.
type costs struct {
	encode host.Op // a request
	decode host.Op // the answer to a request
	watch  host.Op // a message of a watch, which holds at least one event
}

// New returns a client for the current incarnation of p. Clients of one process that talk to one address share a
// connection, as client-go's share a transport.
func New(p *host.Process, c Config) *Client {
	return &Client{
		process: p, config: c,
		conn:  connection(p, c.Network, c.Server),
		unary: c.Network.Method(api.MethodUnary),
		watch: c.Network.Method(api.MethodWatch),
		kinds: kinds{
			retry:     p.Kind("client.retry", retryDue),
			encoded:   p.Kind("client.encoded", requestEncoded),
			delivered: p.Kind("client.delivered", answerDecoded),
			decoded:   p.Kind("client.watch.decoded", watchDecoded),
		},
		costs:   costs{encode: p.Op("client.encode"), decode: p.Op("client.decode"), watch: p.Op("client.watch")},
		metrics: newClientMetrics(p, c),
	}
}

// Process is whose client it is.
func (c *Client) Process() *host.Process { return c.process }

// Config is what the client was made from.
func (c *Client) Config() Config { return c.config }

// CloseConnection breaks the connection that this client shares with the others of its process and address: requests
// under way end as reset, and the next use connects anew, perhaps to another API server. A kubelet does this when
// its heartbeats fail (pkg/kubelet: onRepeatedHeartbeatFailure).
func (c *Client) CloseConnection() { c.conn.Abort() }

// connections are the connections of a simulation's processes.
type connections map[*host.Process]*connectionsOf

// connectionsOf are those of one incarnation.
type connectionsOf struct {
	incarnation uint32
	byServer    map[network.Address]*network.Conn
}

func connection(p *host.Process, n *network.Network, server network.Address) *network.Conn {
	all := p.Attach("cluster/client.connections", func() any { return connections{} }).(connections)
	own := all[p]
	if own == nil || own.incarnation != p.Incarnation() {
		own = &connectionsOf{incarnation: p.Incarnation(), byServer: map[network.Address]*network.Conn{}}
		all[p] = own
	}
	conn := own.byServer[server]
	if conn == nil {
		conn = n.Dial(p, server)
		own.byServer[server] = conn
	}
	return conn
}
