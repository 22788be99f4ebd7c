package sim

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim/trace"
)

// bustle is a small world with everything in it: tasks, queues, kills, draws, cancelled timers.
func bustle(s *Simulation) {
	var q Queue[int]
	r := s.Stream("bustle")
	for i := range 4 {
		p := s.NewProcess(fmt.Sprint("p", i), s.NewClock())
		start := func() {
			p.Go("worker", func(t *Task) {
				for {
					n := q.Take(t)
					t.Sleep(time.Duration(r.Int63n(0, 1000)) * time.Microsecond)
					if n < 1000 {
						q.Push(n + 1)
					}
				}
			})
		}
		start()
		s.After(time.Duration(20+i)*time.Millisecond, func() { p.Kill(); p.Start(); start(); q.Push(i) })
		q.Push(i)
	}
}

func TestEqualSeedsGiveEqualDigests(t *testing.T) {
	run := func(seed uint64, m Mode, w io.Writer) (uint64, uint64) {
		s := New(Config{Seed: seed, Mode: m, Trace: w})
		defer s.Close()
		bustle(s)
		if err := s.Run(Time(time.Second)); err != nil {
			t.Fatal(err)
		}
		return s.Digest(), s.Steps()
	}
	for _, m := range []Mode{Benchmark, Hunt} {
		first, steps := run(1, m, nil)
		if again, _ := run(1, m, &bytes.Buffer{}); again != first {
			t.Errorf("%v: a second run with a trace gave digest %016x, the first %016x", m, again, first)
		}
		if other, _ := run(2, m, nil); other == first {
			t.Errorf("%v: another seed gave the same digest", m)
		}
		if steps < 1000 {
			t.Errorf("%v: only %d steps: the test looks at nothing", m, steps)
		}
	}
}

// A fork replays to its step and differs afterwards.
func TestForkChangesTheRunFromItsStepOn(t *testing.T) {
	run := func(epoch uint64) []Block {
		var blocks []Block
		s := New(Config{
			Seed: 1, ForkStep: 300, ForkEpoch: epoch, BlockSteps: 100,
			OnBlock: func(b Block) { blocks = append(blocks, b) },
		})
		defer s.Close()
		bustle(s)
		if err := s.Run(Time(time.Second)); err != nil {
			t.Fatal(err)
		}
		return blocks
	}
	a, b := run(1), run(2)
	for i := range 2 {
		if a[i] != b[i] {
			t.Errorf("block %d differs before the fork", i)
		}
	}
	if a[4] == b[4] {
		t.Error("the fork changed nothing")
	}
}

func TestTraceHoldsWhatTheRingHolds(t *testing.T) {
	var file bytes.Buffer
	s := New(Config{Seed: 3, Trace: &file, Scenario: 0xabc})
	bustle(s)
	fact := s.Kind("bytes", nil)
	s.After(time.Millisecond, func() { s.Observe(fact, 17, 4) })
	if err := s.Run(Time(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := s.TraceError(); err != nil {
		t.Fatal(err)
	}
	r, err := trace.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if h := r.Header(); h.Seed != 3 || h.Mode != "benchmark" || h.Scenario != "0000000000000abc" {
		t.Errorf("header %+v", h)
	}
	want := s.Recent()
	for i := 0; ; i++ {
		record, err := r.Next()
		if err == io.EOF {
			if i != len(want) {
				t.Errorf("%d records in the trace, %d in the ring", i, len(want))
			}
			return
		}
		if err != nil || record != want[i] {
			t.Fatalf("record %d is %+v (%v), want %+v", i, record, err, want[i])
		}
		if r.KindName(record.Kind) != s.KindName(Kind(record.Kind)) {
			t.Errorf("record %d names its kind %s", i, r.KindName(record.Kind))
		}
	}
}
