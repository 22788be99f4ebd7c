package client

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// onHost runs body in a fresh simulation with one process, then everything that it has caused, up to limit.
func onHost(t testing.TB, limit time.Duration, body func(s *sim.Simulation, p *host.Process)) {
	t.Helper()
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	m := host.NewMachine(s, host.Config{Name: "node-1", Cores: 1})
	m.Spawn("test", func(p *host.Process) { body(s, p) })
	if err := s.Run(sim.Time(limit)); err != nil {
		t.Fatal(err)
	}
}

// recordGrant notes when it was granted.
type recordGrant struct {
	p  *host.Process
	at *[]time.Duration
}

func (g recordGrant) granted() { *g.at = append(*g.at, time.Duration(g.p.Monotonic())) }

func TestBucketGrantsBurstThenRateInOrderOfArrival(t *testing.T) {
	var grants []time.Duration
	onHost(t, time.Minute, func(s *sim.Simulation, p *host.Process) {
		b := NewTokenBucket(p, 20_000, 30) // the controller manager's
		for range 100 {
			if g := (recordGrant{p, &grants}); b.take(g) {
				g.granted()
			}
		}
	})
	if len(grants) != 100 {
		t.Fatalf("%d grants of 100", len(grants))
	}
	for i, at := range grants {
		want := time.Duration(max(0, i-29)) * 50 * time.Millisecond
		if at != want {
			t.Fatalf("request %d granted at %v, want %v", i, at, want)
		}
	}
}

func TestBucketNeverHoldsMoreThanItsBurst(t *testing.T) {
	var grants []time.Duration
	onHost(t, time.Hour, func(s *sim.Simulation, p *host.Process) {
		b := NewTokenBucket(p, 5_000, 2)
		p.After(10*time.Minute, func() {
			for range 3 {
				if g := (recordGrant{p, &grants}); b.take(g) {
					g.granted()
				}
			}
		})
	})
	want := []time.Duration{10 * time.Minute, 10 * time.Minute, 10*time.Minute + 200*time.Millisecond}
	for i := range want {
		if grants[i] != want[i] {
			t.Fatalf("grants %v, want %v", grants, want)
		}
	}
}

// dumbBucket keeps the instants at which each token is free again: a request takes the burst-th last grant's instant
// plus burst intervals, or now.
type dumbBucket struct {
	interval time.Duration
	burst    int
	grants   []time.Duration
}

func (d *dumbBucket) take(now time.Duration) time.Duration {
	at := now
	if n := len(d.grants); n > 0 {
		at = max(at, d.grants[n-1])
	}
	// A bucket of burst tokens: in any window, grants <= burst + window/interval. So the k-th grant before this one
	// must lie at least (k-burst+1) intervals back.
	for k := d.burst; k <= len(d.grants); k++ {
		at = max(at, d.grants[len(d.grants)-k]+time.Duration(k-d.burst+1)*d.interval)
	}
	d.grants = append(d.grants, at)
	return at
}

func TestBucketEqualsItsDumbTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		interval := time.Duration(rapid.SampledFrom([]int{1, 10, 20, 50, 200, 1000}).Draw(rt, "intervalMillis")) * time.Millisecond
		burst := rapid.IntRange(1, 40).Draw(rt, "burst")
		gaps := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 120).Draw(rt, "gapsMillis")
		twin := dumbBucket{interval: interval, burst: burst}
		l := newRate(int64(time.Second/interval)*1000, burst, 0)
		now := sim.Monotonic(0)
		for _, gap := range gaps {
			now = now.Add(time.Duration(gap) * time.Millisecond)
			got := time.Duration(now.Add(l.reserve(now)))
			if want := twin.take(time.Duration(now)); got != want {
				rt.Fatalf("at %v: granted at %v, want %v (interval %v, burst %d)", now, got, want, interval, burst)
			}
		}
	})
}

func TestBucketTryAcceptDoesNotReserve(t *testing.T) {
	onHost(t, time.Hour, func(s *sim.Simulation, p *host.Process) {
		b := NewTokenBucket(p, 100, 1) // the node lifecycle controller's eviction rate
		if !b.TryAccept() || b.TryAccept() {
			t.Error("burst of 1 must admit exactly one")
		}
		p.After(9*time.Second, func() {
			if b.TryAccept() {
				t.Error("admitted before the token was there")
			}
		})
		p.After(10*time.Second, func() {
			if !b.TryAccept() {
				t.Error("not admitted when the token was there")
			}
		})
	})
}

func TestBucketWaitParksTheTask(t *testing.T) {
	var waits []time.Duration
	onHost(t, time.Hour, func(s *sim.Simulation, p *host.Process) {
		b := NewTokenBucket(p, 1_000, 1)
		p.Go("waiter", func(t *sim.Task) {
			for range 3 {
				waits = append(waits, b.Wait(t))
			}
		})
	})
	if len(waits) != 3 || waits[0] != 0 || waits[1] != time.Second || waits[2] != time.Second {
		t.Fatalf("waits %v", waits)
	}
}

func TestTimersOfDriftingClocksComeToAnEnd(t *testing.T) {
	for _, ppm := range []int64{-300, -1, 1, 77, 300} {
		granted, worked := 0, 0
		onHost(t, time.Hour, func(s *sim.Simulation, p *host.Process) {
			p.Machine().Clock().SetDrift(ppm)
			b := NewTokenBucket(p, 7_000, 1) // intervals that are no whole number of anything
			q := NewWorkQueue[int](p, "", QueueConfig{})
			for i := range 50 {
				q.AddAfter(i, time.Duration(i+1)*777_777_777)
				p.Go("waiter", func(t *sim.Task) {
					b.Wait(t)
					granted++
				})
			}
			p.Go("worker", func(t *sim.Task) {
				for {
					k, _ := q.Get(t)
					worked++
					q.Done(k)
				}
			})
		})
		if granted != 50 || worked != 50 {
			t.Errorf("drift %d: %d granted, %d worked on", ppm, granted, worked)
		}
	}
}
