package network

import (
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// lab is a client and a server on machines of two zones.
type lab struct {
	t              testing.TB
	s              *sim.Simulation
	n              *Network
	client, server *host.Process
	machines       map[string]*host.Machine
	service        *echo
	conn           *Conn
	dialling       DialOptions
}

const labAddress Address = "server:80"

func newLab(t testing.TB, c Config) *lab { return newSeededLab(t, c, sim.Config{Seed: 1}) }

func newSeededLab(t testing.TB, c Config, sc sim.Config) *lab {
	sc.NoWatchdog = true
	s := sim.New(sc)
	t.Cleanup(s.Close)
	l := &lab{t: t, s: s, n: New(s, c), machines: map[string]*host.Machine{}}
	l.service = &echo{lab: l}
	l.server = l.machine("server", "b").Spawn("serve", func(p *host.Process) {
		l.service.streams, l.service.process = nil, p
		l.n.Listen(p, labAddress, l.service)
	})
	l.client = l.machine("client", "a").Spawn("ask", func(p *host.Process) { l.conn = l.n.DialWith(p, labAddress, l.dialling) })
	return l
}

func (l *lab) machine(name, zone string) *host.Machine {
	m := host.NewMachine(l.s, host.Config{Name: name, Zone: zone, Region: "r", Cores: 2})
	l.machines[name] = m
	return m
}

// run lets d of virtual time pass.
func (l *lab) run(d time.Duration) {
	l.t.Helper()
	if err := l.s.Run(l.s.Now().Add(d)); err != nil {
		l.t.Fatal(err)
	}
}

// call starts a call and returns where its result will be.
func (l *lab) call(payload any, timeout time.Duration) *result {
	r := &result{started: l.s.Now()}
	l.conn.Call(0, payload, 100, timeout, func(answer any, err error) {
		r.count++
		r.answer, r.err, r.at = answer, err, l.s.Now()
	})
	return r
}

type result struct {
	answer      any
	err         error
	count       int
	started, at sim.Time
}

func (r *result) String() string {
	if r.count == 0 {
		return "waiting"
	}
	if r.err != nil {
		return r.err.Error()
	}
	return fmt.Sprint(r.answer)
}

func (r *result) took() time.Duration { return r.at.Sub(r.started) }

// echo answers a call with its payload, after delay, and sends a stream's messages back.
type echo struct {
	lab     *lab
	process *host.Process
	delay   time.Duration
	served  []any
	mute    bool
	streams []*ServerStream
	closed  []error
	got     []any
	onOpen  func(st *ServerStream)
}

func (e *echo) ServeCall(c *ServerCall) {
	e.served = append(e.served, c.Payload())
	switch payload := c.Payload().(type) {
	case error:
		c.Fail(payload)
		return
	}
	if e.mute {
		return
	}
	if e.delay == 0 {
		c.Reply(c.Payload(), 100)
		return
	}
	e.process.After(e.delay, func() { c.Reply(c.Payload(), 100) })
}

func (e *echo) ServeStream(st *ServerStream) {
	e.streams = append(e.streams, st)
	st.OnClosed(func(err error) { e.closed = append(e.closed, err) })
	st.OnMessage(func(msg any, size int) { e.got = append(e.got, msg) })
	if e.onOpen != nil {
		e.onOpen(st)
	}
}

func (e *echo) ServeMessage(m Message) { e.got = append(e.got, m.Payload) }

// sink collects what a stream receives.
type sink struct {
	got    []any
	bytes  int
	closed []error
	react  func(msg any)
}

func (r *sink) Receive(msg any, size int) {
	r.got = append(r.got, msg)
	r.bytes += size
	if r.react != nil {
		r.react(msg)
	}
}

func (r *sink) Closed(err error) { r.closed = append(r.closed, err) }
