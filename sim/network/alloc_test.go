package network

import (
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// TestTheHotPathDoesNotAllocate: the kernel's buckets grow now and then, objects are used again.
func TestTheHotPathDoesNotAllocate(t *testing.T) {
	l := newSeededLab(t, Config{}, sim.Config{Seed: 1})
	l.n.listeners[labAddress].service = silent{}
	done := func(any, error) {}
	r := &counting{}
	var server *ServerStream
	l.n.listeners[labAddress].service = &holding{&server}
	l.conn.Stream(0, nil, 10, r)
	step := func(what func()) func() {
		return func() {
			what()
			l.run(2 * time.Millisecond)
		}
	}
	l.run(time.Second)
	for name, what := range map[string]func(){
		"call":            func() { l.conn.Call(0, l, 100, time.Minute, done) },
		"stream message":  func() { server.Send(r, 100) },
		"one-way message": func() { l.conn.Send(0, r, 100) },
	} {
		for range 70_000 { // The kernel's ring of recent records must be full, too.
			step(what)()
		}
		if allocs := testing.AllocsPerRun(5000, step(what)); allocs > 0 {
			t.Errorf("a %s allocates %v times", name, allocs)
		}
	}
}

// holding keeps the stream that was opened.
type holding struct{ stream **ServerStream }

func (h *holding) ServeCall(c *ServerCall)      { c.Reply(c.Payload(), 100) }
func (h *holding) ServeStream(st *ServerStream) { *h.stream = st }
func (h *holding) ServeMessage(Message)         {}

func TestASlowBalancerSendsConnectionsToTheDead(t *testing.T) {
	l := newLab(t, Config{})
	l.n.BalanceSlowly("balancer", 10*time.Second, labAddress)
	l.server.Kill()
	for _, c := range []struct {
		after   time.Duration
		healthy bool
	}{{0, true}, {9 * time.Second, true}, {2 * time.Second, false}} {
		l.run(c.after)
		if got := l.n.looksHealthy(labAddress, 10*time.Second); got != c.healthy {
			t.Errorf("%v after the death the backend looks healthy: %v", l.s.Now(), got)
		}
	}
}
