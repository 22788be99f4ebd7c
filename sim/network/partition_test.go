package network

import (
	"errors"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

var (
	clientSide = Selector{"client"}
	serverSide = Selector{"server"}
)

// connected returns a lab whose connection is up.
func connectedLab(t *testing.T, c Config) *lab {
	l := newLab(t, c)
	l.call("hello", 0)
	l.run(time.Second)
	return l
}

func TestAHealedPartitionIsADelay(t *testing.T) {
	for _, c := range []struct {
		direction Direction
		span      time.Duration
		// TCP tries again .2, .6, 1.4, 3, 6.2, 12.6 and 25.4 s after the first try.
		least, most time.Duration
	}{
		{Both, 100 * time.Millisecond, 200 * time.Millisecond, 220 * time.Millisecond},
		{To, 500 * time.Millisecond, 600 * time.Millisecond, 620 * time.Millisecond},
		{Both, 4 * time.Second, 6200 * time.Millisecond, 6220 * time.Millisecond},
		{From, 4 * time.Second, 6200 * time.Millisecond, 6230 * time.Millisecond},
		{Both, 13 * time.Second, 25400 * time.Millisecond, 25420 * time.Millisecond},
	} {
		l := connectedLab(t, Config{})
		fault := l.n.Partition(clientSide, serverSide, c.direction)
		a, b := l.call("a", 0), l.call("b", 0)
		l.run(c.span)
		if a.count+b.count != 0 {
			t.Fatalf("an answer crossed the partition: %v, %v", a, b)
		}
		l.n.Heal(fault)
		l.run(time.Minute)
		if a.String() != "a" || b.String() != "b" || a.took() < c.least || a.took() > c.most {
			t.Errorf("direction %d, %v: got %v and %v after %v, want answers after %v", c.direction, c.span, a, b, a.took(), c.least)
		}
		if l.n.Stats().Breaks != 0 {
			t.Error("the connection broke")
		}
	}
}

func TestALongPartitionBreaksTheConnectionByPing(t *testing.T) {
	for _, direction := range []Direction{Both, To, From} {
		l := connectedLab(t, Config{})
		l.run(10 * time.Second) // Nothing was read for 10 s and a bit: the ping is due in 20 s less that bit.
		l.n.Partition(clientSide, serverSide, direction)
		a := l.call("a", 0)
		l.run(time.Minute)
		want := 30*time.Second + 15*time.Second - 11*time.Second
		if a.err != ErrLost || a.took() < want || a.took() > want+50*time.Millisecond {
			t.Errorf("direction %d: got %v after %v, want it lost after %v", direction, a, a.took(), want)
		}
	}
}

func TestPingsAreCountedFromTheLastOneThatWouldHaveBeenAnswered(t *testing.T) {
	l := connectedLab(t, Config{})
	l.run(100 * time.Second) // Pings were due 30, 60 and 90 s after the last read.
	l.n.Partition(clientSide, serverSide, Both)
	broke := time.Duration(0)
	start := l.s.Now()
	l.conn.OnBreak(func(error) { broke = l.s.Now().Sub(start) })
	l.run(2 * time.Minute)
	if broke < 33*time.Second || broke > 35*time.Second {
		t.Fatalf("the connection broke after %v, want (120 - 101) + 15 s", broke)
	}
}

func TestAHealedPartitionLeavesNoPingsBehind(t *testing.T) {
	l := connectedLab(t, Config{})
	fault := l.n.Partition(clientSide, serverSide, Both)
	l.run(35 * time.Second)
	l.n.Heal(fault)
	l.run(30 * time.Minute)
	if l.n.Stats().Breaks != 0 {
		t.Fatal("the connection broke although it was healed before the ping expired")
	}
	if !l.s.Idle() {
		t.Fatalf("%d events are left", l.s.Pending())
	}
}

func TestAOneWayPartitionPassesAWindowOfData(t *testing.T) {
	l := connectedLab(t, Config{Unacknowledged: 1000})
	r := &sink{}
	st := l.conn.Stream(0, "open", 10, r)
	_ = st
	l.run(time.Second)
	l.n.Partition(clientSide, serverSide, To) // The client's acknowledgements are lost.
	for i := range 20 {
		l.service.streams[0].Send(i, 100)
	}
	l.run(10 * time.Second)
	if len(r.got) != 10 {
		t.Fatalf("%d messages came through, want the window's 10", len(r.got))
	}
	l.n.HealAll()
	l.run(30 * time.Second)
	if len(r.got) != 20 || len(r.closed) != 0 {
		t.Fatalf("%d messages after healing, closed %v", len(r.got), r.closed)
	}
}

func TestAPartialPartitionCutsOnlyWhatItNames(t *testing.T) {
	l := newLab(t, Config{})
	bridge := l.machine("bridge", "a").Spawn("ask", func(p *host.Process) {})
	l.n.Partition(clientSide, serverSide, Both)
	own := l.conn
	l.conn = l.n.Dial(bridge, labAddress)
	r := l.call("x", 0)
	l.conn = own
	cut := l.call("y", time.Second)
	l.run(10 * time.Second)
	if r.String() != "x" || cut.err != ErrTimeout {
		t.Fatalf("beside the partition got %v, across it %v", r, cut)
	}
}

func TestADeadMachineIsSilentUntilItBoots(t *testing.T) {
	l := connectedLab(t, Config{})
	l.machines["server"].Crash()
	silent := l.call("a", 0)
	l.run(10 * time.Second)
	if silent.count != 0 {
		t.Fatalf("got %v from a dead machine", silent)
	}
	l.machines["server"].Boot()
	l.run(10 * time.Second) // TCP's tries: 6.2 and 12.6 s after the first.
	if silent.err != ErrReset || silent.took() < 12600*time.Millisecond || silent.took() > 12700*time.Millisecond {
		t.Fatalf("got %v after %v, want a reset at TCP's next try", silent, silent.took())
	}
}

func TestADeadMachineIsFoundOutByPing(t *testing.T) {
	l := connectedLab(t, Config{})
	l.machines["server"].Crash()
	r := l.call("a", 0)
	l.run(time.Minute)
	if r.err != ErrLost || r.took() < 43*time.Second || r.took() > 45*time.Second {
		t.Fatalf("got %v after %v, want it lost when the ping expires", r, r.took())
	}
}

func TestAnIdleConnectionToARebootedMachineIsReset(t *testing.T) {
	l := connectedLab(t, Config{})
	l.machines["server"].Crash()
	l.machines["server"].Boot()
	l.run(time.Second)
	r := l.call("a", 0)
	l.run(time.Second)
	if r.err != ErrReset || r.took() > 10*time.Millisecond {
		t.Fatalf("got %v after %v: the new system knows nothing of the connection", r, r.took())
	}
}

func TestAPausedServerAnswersWhenItResumes(t *testing.T) {
	l := connectedLab(t, Config{})
	l.server.Pause()
	a, b := l.call("a", 0), l.call("b", 0)
	l.run(20 * time.Second)
	if a.count != 0 {
		t.Fatalf("a paused process answered %v", a)
	}
	l.server.Resume()
	l.run(time.Second)
	if a.String() != "a" || b.String() != "b" || len(l.service.served) != 3 || l.service.served[1] != "a" {
		t.Fatalf("after resuming got %v, %v, served %v", a, b, l.service.served)
	}
	l.server.Pause()
	c := l.call("c", 0)
	l.run(time.Minute)
	if c.err != ErrLost || c.took() < 44*time.Second || c.took() > 46*time.Second {
		t.Fatalf("got %v after %v, want it lost", c, c.took())
	}
}

func TestAServerNoticesASilentClientByKeepAliveOrRetransmission(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		l := connectedLab(t, Config{})
		l.conn.Stream(0, "open", 10, &sink{})
		l.run(time.Second)
		l.machines["client"].Crash()
		l.run(310 * time.Second)
		if len(l.service.closed) != 0 {
			t.Fatal("too early")
		}
		l.run(10 * time.Second)
		if len(l.service.closed) != 1 || !errors.Is(l.service.closed[0], ErrReset) {
			t.Fatalf("the stream's server heard %v, want a reset after 315 s", l.service.closed)
		}
	})
	t.Run("sending, with a kernel that answers keep-alives", func(t *testing.T) {
		l := connectedLab(t, Config{ServerPing: Ping{Idle: time.Hour, Timeout: time.Second}})
		l.conn.Stream(0, "open", 10, &sink{})
		l.run(time.Second)
		l.machines["client"].Crash()
		l.service.streams[0].Send("lost", 10)
		l.run(924 * time.Second)
		if len(l.service.closed) != 0 {
			t.Fatal("too early")
		}
		l.run(time.Second)
		if len(l.service.closed) != 1 {
			t.Fatal("TCP never gave up")
		}
	})
	t.Run("paused client", func(t *testing.T) {
		l := connectedLab(t, Config{})
		l.conn.Stream(0, "open", 10, &sink{})
		l.run(time.Second)
		l.client.Pause()
		l.run(20 * time.Minute)
		if len(l.service.closed) != 0 {
			t.Fatal("the kernel of a paused process answers keep-alives, and yet the server gave up")
		}
	})
}

func TestAResetWaitsOutAPartition(t *testing.T) {
	l := connectedLab(t, Config{})
	r := &sink{}
	l.conn.Stream(0, "open", 10, r)
	l.run(time.Second)
	fault := l.n.Partition(clientSide, serverSide, Both)
	l.run(time.Second)
	l.server.Kill()
	l.run(5 * time.Second)
	if len(r.closed) != 0 {
		t.Fatal("the reset crossed the partition")
	}
	l.n.Heal(fault)
	l.run(10 * time.Second)
	if len(r.closed) != 1 || r.closed[0] != ErrReset {
		t.Fatalf("after healing the client heard %v", r.closed)
	}
}

func TestLossDelaysAndNeverLosesOrReorders(t *testing.T) {
	l := connectedLab(t, Config{})
	l.n.Degrade(clientSide, serverSide, Both, PathConfig{
		LossPPM: 300_000, ReorderPPM: 300_000, DuplicatePPM: 500_000, Extra: sim.Uniform(0, 5*time.Millisecond),
	})
	r := &sink{}
	l.conn.Stream(0, "open", 10, r)
	l.run(10 * time.Second)
	for i := range 200 {
		l.service.streams[0].Send(i, 100)
		l.run(time.Millisecond)
	}
	l.run(5 * time.Minute)
	if len(r.got) != 200 || len(r.closed) > 0 {
		t.Fatalf("got %d messages of 200, closed %v", len(r.got), r.closed)
	}
	for i, msg := range r.got {
		if msg != i {
			t.Fatalf("message %d is %v", i, msg)
		}
	}
	if l.n.Stats().Retransmissions < 20 {
		t.Fatalf("%d retransmissions with 30 %% loss", l.n.Stats().Retransmissions)
	}
}

func TestCorruptionBreaksConnections(t *testing.T) {
	l := connectedLab(t, Config{})
	l.service.mute = true
	r := l.call("a", 0)
	l.run(time.Second)
	l.n.Corrupt(clientSide, serverSide)
	l.run(time.Second)
	if r.err != ErrReset {
		t.Fatalf("got %v", r)
	}
	l.service.mute = false
	l.call("x", 0)
	l.run(time.Second)
	l.n.Degrade(clientSide, serverSide, To, PathConfig{CorruptPPM: 1_000_000})
	if r := l.call("b", 0); r != nil {
		l.run(time.Second)
		if r.err != ErrReset {
			t.Fatalf("got %v", r)
		}
	}
}

func TestAClogHoldsBackAndLosesNothing(t *testing.T) {
	l := connectedLab(t, Config{})
	l.n.Clog(clientSide, serverSide, To, 5*time.Second)
	r := l.call("a", 0)
	l.run(10 * time.Second)
	if r.String() != "a" || r.took() < 5*time.Second || r.took() > 5100*time.Millisecond {
		t.Fatalf("got %v after %v", r, r.took())
	}
	if !l.s.Idle() {
		l.run(10 * time.Minute)
		if !l.s.Idle() {
			t.Fatal("the clog left pings behind")
		}
	}
}

func TestBandwidthDelaysWhatIsLarge(t *testing.T) {
	l := connectedLab(t, Config{})
	l.n.Degrade(clientSide, serverSide, Both, PathConfig{BytesPerSecond: 1 << 20})
	start, took := l.s.Now(), time.Duration(0)
	l.conn.Call(0, "big", 10<<20, 0, func(any, error) { took = l.s.Now().Sub(start) })
	l.run(time.Minute)
	if took < 10*time.Second || took > 10100*time.Millisecond {
		t.Fatalf("10 MiB at 1 MiB/s took %v", took)
	}
}
