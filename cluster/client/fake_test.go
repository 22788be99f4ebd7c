package client

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

const fakeAddress network.Address = "cp-1:6443"

// fakeServer is a scripted API server: what it does with a request is up to the test.
type fakeServer struct {
	unary    func(r *api.Request) (*api.Response, error)
	watch    func(w *fakeWatch)
	requests []string
	watches  []*fakeWatch
	// slow delays answers.
	slow time.Duration
	p    *host.Process
}

// fakeWatch is an open watch.
type fakeWatch struct {
	stream  *network.ServerStream
	request *api.Request
	at      time.Duration
}

func (s *fakeServer) ServeCall(c *network.ServerCall) {
	r := c.Payload().(*api.Request)
	s.requests = append(s.requests, fmt.Sprintf("%v %s %s", s.p.Monotonic(), r.Verb, api.Path(r)))
	answer := func() {
		response, err := s.unary(r)
		if err != nil {
			c.Fail(err)
			return
		}
		c.Reply(response, 100)
	}
	if s.slow > 0 {
		s.p.After(s.slow, answer)
		return
	}
	answer()
}

func (s *fakeServer) ServeStream(st *network.ServerStream) {
	w := &fakeWatch{stream: st, request: st.Payload().(*api.Request), at: time.Duration(s.p.Monotonic())}
	s.watches = append(s.watches, w)
	if s.watch != nil {
		s.watch(w)
	}
}

// send sends one batch.
func (w *fakeWatch) send(events ...api.WatchEvent) {
	w.stream.Send(&api.WatchBatch{Events: events}, 100*len(events))
}

func (w *fakeWatch) initial() bool { return w.request.SendInitialEvents }

func event(t watch.EventType, o api.Object) api.WatchEvent { return api.WatchEvent{Type: t, Object: o} }

func podAt(rv, name, node string) *corev1.Pod {
	p := pod("default", name, node, "web")
	p.ResourceVersion = rv
	return p
}

func bookmark(rv string, initialEnd bool) api.WatchEvent {
	return api.Bookmark(api.Pods, rv, initialEnd)
}

// world is a server and a client process on two machines.
type world struct {
	s       *sim.Simulation
	network *network.Network
	server  *fakeServer
	cp      *host.Machine
	process *host.Process // the server's
}

// newWorld starts the server, then runs body as a client process.
func newWorld(t testing.TB, server *fakeServer, body func(w *world, p *host.Process)) *world {
	t.Helper()
	return newWorldIn(t, sim.Benchmark, server, body)
}

func newWorldIn(t testing.TB, mode sim.Mode, server *fakeServer, body func(w *world, p *host.Process)) *world {
	t.Helper()
	s := sim.New(sim.Config{Seed: 7, Mode: mode})
	t.Cleanup(s.Close)
	w := &world{s: s, network: network.New(s, network.Config{}), server: server}
	w.cp = host.NewMachine(s, host.Config{Name: "cp-1", Zone: "a", Cores: 4})
	w.process = w.cp.Spawn("kube-apiserver", func(p *host.Process) {
		server.p = p
		w.network.Listen(p, fakeAddress, server)
	})
	host.NewMachine(s, host.Config{Name: "node-1", Zone: "a", Cores: 4}).Spawn("client", func(p *host.Process) { body(w, p) })
	return w
}

func (w *world) client(p *host.Process, c Config) *Client {
	c.Network, c.Server = w.network, fakeAddress
	if c.UserAgent == "" {
		c.UserAgent = "test"
	}
	return New(p, c)
}

func (w *world) run(t testing.TB, until time.Duration) {
	t.Helper()
	if err := w.s.Run(sim.Time(until)); err != nil {
		t.Fatal(err)
	}
}
