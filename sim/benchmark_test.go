package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// chain is an event that schedules itself again after a pseudo-random pause.
type chain struct {
	s    *sim.Simulation
	kind sim.Kind
	x    uint64
}

func (c *chain) again() {
	c.x = c.x*6364136223846793005 + 1442695040888963407
	c.s.At(c.s.Now().Add(time.Duration(c.x>>44)), 0, c.kind, c.x>>60, c)
}

func runChain(_ uint64, ref any) { ref.(*chain).again() }

// BenchmarkEvents measures pop, digest, dispatch and push of callback events at several numbers of pending ones.
func BenchmarkEvents(b *testing.B) {
	for _, pending := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("pending=%d", pending), func(b *testing.B) {
			s := sim.New(sim.Config{Seed: 1})
			defer s.Close()
			kind := s.Kind("chain", runChain)
			for i := range pending {
				(&chain{s: s, kind: kind, x: uint64(i)}).again()
			}
			run(b, s, 4*pending) // Let the queue's buckets reach their sizes.
			b.ReportAllocs()
			b.ResetTimer()
			run(b, s, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
}

// run runs a number of steps.
func run(b *testing.B, s *sim.Simulation, steps int) {
	b.Helper()
	s.StopAt(s.Steps() + uint64(steps))
	if err := s.Run(s.Now().Add(1000 * time.Hour)); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkTaskSwitches measures parking and resuming over 10,000 living tasks, each of which sleeps.
func BenchmarkTaskSwitches(b *testing.B) {
	const tasks, spread = 10_000, 4
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	switches := 0
	for i := range tasks {
		pause := time.Duration(100+i%spread) * time.Microsecond
		s.World().Go("sleeper", func(t *sim.Task) {
			for {
				t.Sleep(pause)
				switches++
			}
		})
	}
	b.ReportAllocs()
	if err := s.Run(s.Now().Add(time.Millisecond)); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	switches = 0
	run(b, s, b.N) // One step is one switch there and back.
	b.ReportMetric(float64(switches)/b.Elapsed().Seconds()/1e6, "Mswitches/s")
}

// BenchmarkCancelledDeadlines measures arming a deadline that never fires and cancelling it 200 us later.
func BenchmarkCancelledDeadlines(b *testing.B) {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	p := s.World()
	kind := s.Kind("deadline", func(uint64, any) { b.Error("a cancelled deadline fired") })
	var open [64]sim.Timer
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		p.Cancel(open[i%64])
		open[i%64] = p.At(time.Minute, 0, kind, 0, p)
	}
}

// BenchmarkDraw measures one draw from a table-based distribution.
func BenchmarkDraw(b *testing.B) {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	stream, d := s.Stream("bench"), sim.LogNormal(time.Millisecond, 10*time.Millisecond)
	b.ReportAllocs()
	for range b.N {
		stream.Duration(0, d)
	}
}
