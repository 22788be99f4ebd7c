package network

import (
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// run makes each of conns callers ask again as soon as it has its answer, b.N times in all.
func benchmarkCalls(b *testing.B, callers int, options ...func(*lab)) {
	l := newSeededLab(b, Config{}, sim.Config{Seed: 1})
	for _, o := range options {
		o(l)
	}
	left := b.N
	var ask func(any, error)
	ask = func(any, error) {
		if left > 0 {
			left--
			l.conn.Call(1, l, 200, time.Minute, ask)
		}
	}
	l.service.served = nil
	l.n.listeners[labAddress].service = silent{}
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		ask(nil, nil)
	}
	for left > 0 || l.conn.link != nil && l.conn.link.client.calls.first != nil {
		l.run(time.Second)
	}
}

type silent struct{}

func (silent) ServeCall(c *ServerCall)      { c.Reply(c.Payload(), 200) }
func (silent) ServeStream(st *ServerStream) {}
func (silent) ServeMessage(Message)         {}

func BenchmarkRoundTrip(b *testing.B)          { benchmarkCalls(b, 1) }
func BenchmarkRoundTrip1000Calls(b *testing.B) { benchmarkCalls(b, 1000) }

func BenchmarkRoundTripUnderFaults(b *testing.B) {
	benchmarkCalls(b, 100, func(l *lab) {
		l.n.Degrade(nil, nil, Both, PathConfig{LossPPM: 1000, Extra: sim.Uniform(0, time.Millisecond)})
	})
}

// BenchmarkStreamMessage sends to 1000 streams of one connection, as a watch cache does.
func BenchmarkStreamMessage(b *testing.B) {
	l := newSeededLab(b, Config{}, sim.Config{Seed: 1})
	r := &counting{}
	for range 1000 {
		l.conn.Stream(0, nil, 10, r)
	}
	l.run(time.Second)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; {
		for _, st := range l.service.streams {
			st.Send(r, 500)
			i++
		}
		l.run(100 * time.Millisecond)
	}
	if r.count < b.N {
		b.Fatalf("%d of %d messages received", r.count, b.N)
	}
}

type counting struct{ count int }

func (c *counting) Receive(any, int) { c.count++ }
func (c *counting) Closed(error)     {}

func BenchmarkOneWayMessage(b *testing.B) {
	l := newSeededLab(b, Config{}, sim.Config{Seed: 1})
	l.n.listeners[labAddress].service = silent{}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		l.conn.Send(0, l, 500)
		if i%100 == 99 {
			l.run(2 * time.Millisecond)
		}
	}
	l.run(time.Second)
}
