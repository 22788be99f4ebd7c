package sim

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// twin is the event queue as one would write it without a thought: a list, searched for the least time.
type twin struct {
	times []Time
	names []uint64
}

func (q *twin) push(at Time, name uint64) {
	q.times, q.names = append(q.times, at), append(q.names, name)
}

func (q *twin) pop() (uint64, bool) {
	if len(q.times) == 0 {
		return 0, false
	}
	least := 0
	for i, at := range q.times {
		if at < q.times[least] {
			least = i
		}
	}
	name := q.names[least]
	q.times, q.names = slices.Delete(q.times, least, least+1), slices.Delete(q.names, least, least+1)
	return name, true
}

func (q *twin) cancel(name uint64) bool {
	i := slices.Index(q.names, name)
	if i < 0 {
		return false
	}
	q.times, q.names = slices.Delete(q.times, i, i+1), slices.Delete(q.names, i, i+1)
	return true
}

// Events run in order of time and, at one time, in the order of their scheduling, whatever is cancelled in between.
func TestQueueEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Config{NoWatchdog: true})
		defer s.Close()
		var ran []uint64
		kind := s.Kind("note", func(num uint64, _ any) { ran = append(ran, num) })
		dumb := &twin{}
		timers := map[uint64]Timer{}
		var name uint64
		t.Repeat(map[string]func(*rapid.T){
			"schedule": func(t *rapid.T) {
				name++
				at := s.Now().Add(time.Duration(rapid.SampledFrom([]int64{0, 1, 2, 3, 7, 100, 1 << 20, 1 << 40}).Draw(t, "pause")))
				timers[name] = s.At(at, 0, kind, name, nil)
				dumb.push(at, name)
			},
			"cancel": func(t *rapid.T) {
				victim := rapid.Uint64Range(0, name).Draw(t, "victim")
				if got, want := s.Cancel(timers[victim]), dumb.cancel(victim); got != want {
					t.Fatalf("Cancel(%d) = %v, want %v", victim, got, want)
				}
			},
			"step": func(t *rapid.T) {
				ran = ran[:0]
				want, ok := dumb.pop()
				did, err := s.Step()
				if err != nil || did != ok {
					t.Fatalf("Step() = %v, %v, want %v", did, err, ok)
				}
				if ok && (len(ran) != 1 || ran[0] != want) {
					t.Fatalf("ran %v, want %d", ran, want)
				}
			},
			"": func(t *rapid.T) {
				if s.Pending() != len(dumb.times) {
					t.Fatalf("%d pending, want %d", s.Pending(), len(dumb.times))
				}
			},
		})
	})
}

// Cancelled deadlines must not stay in memory until their time comes.
func TestCancelledTimersLeaveNothingBehind(t *testing.T) {
	s := New(Config{NoWatchdog: true})
	defer s.Close()
	p := s.World()
	deadline := s.Kind("deadline", func(uint64, any) { t.Error("a cancelled deadline fired") })
	answer := s.Kind("answer", func(_ uint64, ref any) { p.Cancel(*ref.(*Timer)) })
	// 10,000 RPCs a second for 100 s, answered after 1 ms, with a deadline of a minute.
	for range 1_000_000 {
		timer := p.At(time.Minute, 0, deadline, 0, nil)
		p.At(time.Millisecond, 0, answer, 0, &timer)
		if err := s.Run(s.Now().Add(100 * time.Microsecond)); err != nil {
			t.Fatal(err)
		}
	}
	if s.Pending() > 20 || len(s.slots) > 64 {
		t.Errorf("%d events pending in %d slots, want the ten that are open", s.Pending(), len(s.slots))
	}
	entries := 0
	for i := range s.queue.buckets {
		entries += len(s.queue.buckets[i].entries)
	}
	if entries > 2*sweepFloor {
		t.Errorf("%d entries in the queue, want at most %d", entries, 2*sweepFloor)
	}
}

func TestLaneKeepsItsOrderWhenHunting(t *testing.T) {
	reordered := false
	for seed := range uint64(50) {
		s := New(Config{Seed: seed, Mode: Hunt, NoWatchdog: true})
		var ran []uint64
		kind := s.Kind("note", func(num uint64, _ any) { ran = append(ran, num) })
		lanes := []Lane{s.NewLane(), s.NewLane(), 0}
		for i := range uint64(60) {
			s.At(5, lanes[i%3], kind, i, nil)
		}
		if err := s.Run(10); err != nil {
			t.Fatal(err)
		}
		s.Close()
		for lane := range uint64(2) {
			var own []uint64
			for _, n := range ran {
				if n%3 == lane {
					own = append(own, n)
				}
			}
			if len(own) != 20 || !slices.IsSorted(own) {
				t.Errorf("seed %d, lane %d ran as %v", seed, lane, own)
			}
		}
		reordered = reordered || !slices.IsSorted(ran)
	}
	if !reordered {
		t.Error("hunting never changed the order across lanes")
	}
}

func TestTheLastEventOfAnInstantKnowsThatItIs(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	var last []bool
	look := func() { last = append(last, s.LastOfInstant()) }
	s.After(time.Second, look)
	s.After(time.Second, func() { look(); s.After(0, look) })
	s.After(2*time.Second, look)
	if err := s.Run(Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if want := []bool{false, true, true, true}; !slices.Equal(last, want) {
		t.Errorf("%v, want %v", last, want)
	}
}
