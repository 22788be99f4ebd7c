package network

import (
	"errors"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

func TestACallIsAnsweredAfterARoundTrip(t *testing.T) {
	l := newLab(t, Config{BetweenZones: sim.Fixed(time.Millisecond)})
	first := l.call("hello", time.Second)
	l.run(100 * time.Millisecond)
	if first.String() != "hello" || first.took() < 6*time.Millisecond || first.took() > 7*time.Millisecond {
		t.Fatalf("got %v after %v, want hello after TCP's and TLS's round trips and its own", first, first.took())
	}
	second := l.call("again", time.Second)
	l.run(100 * time.Millisecond)
	if second.String() != "again" || second.took().Round(time.Millisecond/10) != 2*time.Millisecond {
		t.Fatalf("got %v after %v, want again after one round trip", second, second.took())
	}
	if !l.s.Idle() {
		t.Fatalf("%d events are left after the answers: a connection at rest must cost nothing", l.s.Pending())
	}
}

func TestTheServicesErrorReachesTheCaller(t *testing.T) {
	l := newLab(t, Config{})
	conflict := errors.New("conflict")
	r := l.call(conflict, time.Second)
	l.run(time.Second)
	if r.err != conflict {
		t.Fatalf("got %v, want the service's error itself", r)
	}
}

func TestADeadlineEndsTheWaitNotTheRequest(t *testing.T) {
	l := newLab(t, Config{})
	l.service.delay = 3 * time.Second
	r := l.call("slow", time.Second)
	l.run(10 * time.Second)
	if r.err != ErrTimeout || r.took() != time.Second {
		t.Fatalf("got %v after %v, want a time-out after 1s", r, r.took())
	}
	if len(l.service.served) != 1 {
		t.Fatalf("the service saw %d requests, want the one that timed out", len(l.service.served))
	}
	if r.count != 1 {
		t.Fatalf("done was called %d times", r.count)
	}
}

func TestCallsToWhatIsNotThere(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(l *lab)
		want    error
		after   time.Duration
	}{
		{"nobody listens", func(l *lab) { l.server.Kill() }, ErrRefused, time.Millisecond},
		{"the machine is down", func(l *lab) { l.machines["server"].Crash() }, ErrUnreachable, 30 * time.Second},
		{"the machine is frozen", func(l *lab) { l.machines["server"].Pause() }, ErrUnreachable, 30 * time.Second},
		{"the process is paused", func(l *lab) { l.server.Pause() }, ErrUnreachable, 30 * time.Second},
		{"partition", func(l *lab) { l.n.Partition(Selector{"client"}, Selector{"server"}, Both) }, ErrUnreachable, 30 * time.Second},
		{"answers are lost", func(l *lab) { l.n.Partition(Selector{"client"}, Selector{"server"}, From) }, ErrUnreachable, 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, Config{})
			c.prepare(l)
			r := l.call("x", time.Minute)
			l.run(2 * time.Minute)
			if r.err != c.want || r.took().Round(5*time.Millisecond) != c.after.Round(5*time.Millisecond) {
				t.Fatalf("got %v after %v, want %v after %v", r, r.took(), c.want, c.after)
			}
		})
	}
}

func TestAnUnknownHostFailsAtOnce(t *testing.T) {
	l := newLab(t, Config{})
	l.conn = l.n.Dial(l.client, "nowhere:1")
	r := l.call("x", time.Minute)
	l.run(time.Second)
	if r.err != ErrUnreachable || r.took() != 0 {
		t.Fatalf("got %v after %v", r, r.took())
	}
}

func TestADialFailureBacksOff(t *testing.T) {
	l := newLab(t, Config{})
	l.server.Kill()
	l.call("x", 0)
	l.run(2 * time.Millisecond)
	refused := l.n.Stats().Refused
	r := l.call("y", 0)
	if r.count != 0 {
		t.Fatal("done was called inside Call")
	}
	l.run(0)
	if r.err != ErrRefused || r.took() != 0 || l.n.Stats().Refused != refused {
		t.Fatalf("got %v after %v: within the back-off a call fails at once", r, r.took())
	}
	l.server.Restart(0)
	l.run(20 * time.Millisecond)
	r = l.call("z", 0)
	l.run(time.Second)
	if r.String() != "z" {
		t.Fatalf("after the back-off got %v", r)
	}
}

func TestKillingTheServerResetsItsCallers(t *testing.T) {
	l := newLab(t, Config{})
	l.service.mute = true
	a, b := l.call("a", time.Minute), l.call("b", 0)
	l.run(time.Second)
	killed := l.s.Now()
	l.server.Restart(time.Second)
	l.run(10 * time.Second)
	for _, r := range []*result{a, b} {
		if r.err != ErrReset || r.at.Sub(killed) > 20*time.Millisecond {
			t.Fatalf("got %v %v after the kill, want a reset after half a round trip", r, r.at.Sub(killed))
		}
	}
	l.service.mute = false
	c := l.call("c", time.Minute)
	l.run(time.Second)
	if c.String() != "c" {
		t.Fatalf("the next call got %v, want a new connection", c)
	}
}

func TestKillingTheClientDropsItsCallbacks(t *testing.T) {
	l := newLab(t, Config{})
	l.service.delay = time.Second
	r := l.call("a", time.Minute)
	l.run(500 * time.Millisecond)
	l.client.Restart(time.Second)
	l.run(time.Minute)
	if r.count != 0 {
		t.Fatalf("a dead incarnation got %v", r)
	}
	next := l.call("b", 0)
	l.run(5 * time.Second)
	if next.String() != "b" {
		t.Fatalf("the next incarnation got %v", next)
	}
}

func TestATaskWaitsForItsCall(t *testing.T) {
	l := newLab(t, Config{})
	var answer any
	var err, late error
	l.client.Go("ask", func(task *sim.Task) {
		answer, err = l.conn.CallTask(task, 0, "hello", 10, time.Second)
		l.service.mute = true
		_, late = l.conn.CallTask(task, 0, "silence", 10, time.Second)
	})
	l.run(10 * time.Second)
	if answer != "hello" || err != nil || late != ErrTimeout {
		t.Fatalf("got %v, %v, then %v", answer, err, late)
	}
}

func TestDeadlinesThatNeverFireLeaveNothingBehind(t *testing.T) {
	l := newLab(t, Config{})
	for range 10_000 {
		l.call("x", time.Hour)
		l.run(100 * time.Microsecond)
	}
	l.run(time.Second)
	if pending := l.s.Pending(); pending != 0 {
		t.Fatalf("%d events are left of 10,000 answered calls", pending)
	}
	if calls := len(l.n.freeCalls); calls > 300 {
		t.Fatalf("%d call objects were made for 10,000 calls of which a few are under way at a time", calls)
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	l := newLab(t, Config{})
	l.service.mute = true
	a := l.call("a", 0)
	l.run(time.Second)
	b := l.call("b", 0)
	l.conn.Close()
	if a.count+b.count != 0 {
		t.Fatal("a callback ran inside Close")
	}
	l.run(time.Second)
	c := l.call("c", 0)
	l.run(time.Second)
	for _, r := range []*result{a, b, c} {
		if r.err != ErrClosed {
			t.Fatalf("got %v, want closed", r)
		}
	}
}

func TestBalancersChoosePerConnectionAndSkipTheDead(t *testing.T) {
	l := newLab(t, Config{})
	served := map[string]int{}
	var backends []Address
	for _, name := range []string{"one", "two", "three"} {
		a := Address(name + ":80")
		backends = append(backends, a)
		l.machine(name, "b").Spawn("serve", func(p *host.Process) {
			l.n.Listen(p, a, &counter{name: name, served: served})
		})
	}
	l.n.Balance("balancer", backends...)
	ask := func(times int) {
		for range times {
			l.conn = l.n.Dial(l.client, "balancer")
			first, second := l.call("x", 0), l.call("y", 0)
			l.run(time.Second)
			if first.err != nil || first.answer != second.answer {
				t.Fatalf("two calls on one connection got %v and %v", first, second)
			}
		}
	}
	ask(60)
	for _, name := range []string{"one", "two", "three"} {
		if served[name] < 10 {
			t.Fatalf("connections are not spread: %v", served)
		}
	}
	l.machines["two"].Crash()
	before := served["two"]
	ask(30)
	if served["two"] != before {
		t.Fatal("a dead backend was chosen")
	}
}

type counter struct {
	name   string
	served map[string]int
}

func (c *counter) ServeCall(call *ServerCall) {
	c.served[c.name]++
	call.Reply(c.name, 10)
}

func (c *counter) ServeStream(*ServerStream) {}
