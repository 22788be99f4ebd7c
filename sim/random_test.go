package sim

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Adding draws of another stream, of another purpose or at another time moves no draw.
func TestDrawsDependOnNothingElse(t *testing.T) {
	draws := func(disturb bool) []uint64 {
		s := New(Config{Seed: 7})
		defer s.Close()
		own, other := s.Stream("own"), s.Stream("other")
		var got []uint64
		for i := range 10 {
			s.After(time.Duration(i)*time.Second, func() {
				if disturb {
					other.Uint64(1)
					own.Uint64(2)
				}
				got = append(got, own.Uint64(1), own.Uint64(1))
			})
			if disturb {
				s.After(time.Duration(i)*time.Second+1, func() { own.Uint64(1) })
			}
		}
		if err := s.Run(Time(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return got
	}
	plain, disturbed := draws(false), draws(true)
	if !slices.Equal(plain, disturbed) {
		t.Errorf("draws moved:\n%v\n%v", plain, disturbed)
	}
	slices.Sort(plain)
	if len(slices.Compact(plain)) != 20 {
		t.Error("draws repeat")
	}
}

// The values are part of the promise: equal on every processor and in every release.
func TestDrawsAreTheSameEverywhere(t *testing.T) {
	s := New(Config{Seed: 42})
	defer s.Close()
	r := s.Stream("golden")
	got := fmt.Sprint(r.Uint64(0), r.Int63n(1, 1000), r.Duration(2, LogNormal(time.Millisecond, 10*time.Millisecond)),
		r.Duration(3, Exponential(time.Second)), r.Duration(4, HeavyTail(1, 1<<40)), HashString("golden"))
	if want := "7225091460788144112 547 3.44588ms 776.874857ms 2ns 7669624754458581107"; got != want {
		t.Errorf("drew %s, want %s", got, want)
	}
}

func TestDistributionsHaveTheirQuantiles(t *testing.T) {
	const ms = time.Millisecond
	cases := []struct {
		d              Distribution
		p50, p99, p999 time.Duration
	}{
		{Fixed(ms), ms, ms, ms},
		{Uniform(0, 100*ms), 50 * ms, 99 * ms, 99900 * time.Microsecond},
		{LogNormal(780*time.Microsecond, 2380*time.Microsecond), 780 * time.Microsecond, 2380 * time.Microsecond, 3430 * time.Microsecond},
		{Exponential(10 * ms), 6931 * time.Microsecond, 46052 * time.Microsecond, 69078 * time.Microsecond},
		{WithTail(Fixed(ms), 5000, Fixed(12*ms)), ms, ms, 12 * ms},
	}
	s := New(Config{})
	defer s.Close()
	for i, c := range cases {
		r := s.Stream(fmt.Sprint(i))
		samples := make([]time.Duration, 200_000)
		for j := range samples {
			samples[j] = r.Duration(0, c.d)
		}
		slices.Sort(samples)
		for _, q := range []struct {
			p    float64
			want time.Duration
		}{{.5, c.p50}, {.99, c.p99}, {.999, c.p999}} {
			got := samples[int(q.p*float64(len(samples)))]
			if math.Abs(float64(got-q.want)) > .04*float64(q.want) {
				t.Errorf("%v: quantile %v is %v, want %v", c.d, q.p, got, q.want)
			}
		}
	}
}

func TestClocks(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	c := s.NewClock()
	p := s.NewProcess("p", c)
	start := p.Wall()
	c.SetDrift(100_000) // A tenth too fast.
	c.SetOffset(time.Hour)
	fired := Time(0)
	p.After(11*time.Second, func() { fired = s.Now() })
	if err := s.Run(Time(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if fired != Time(10*time.Second) {
		t.Errorf("11 s of a clock a tenth too fast took %v, want 10s", fired)
	}
	if got := p.Monotonic(); got != Monotonic(22*time.Second) {
		t.Errorf("the monotonic clock shows %d, want 22 s", got)
	}
	if got := time.Duration(p.Wall() - start); got != time.Hour+22*time.Second {
		t.Errorf("the wall clock moved by %v, want 1h0m22s", got)
	}
}

// A timer of a clock that runs too fast or too slow never goes off before that clock shows its time.
func TestTimersOfWrongClocksAreNotEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Config{NoWatchdog: true})
		defer s.Close()
		c := s.NewClock()
		p := s.NewProcess("p", c)
		if err := s.Run(Time(rapid.Int64Range(0, 1<<40).Draw(t, "start"))); err != nil {
			t.Fatal(err)
		}
		c.SetDrift(rapid.Int64Range(-200_000, 200_000).Draw(t, "drift"))
		if err := s.Run(s.Now() + Time(rapid.Int64Range(0, 1<<30).Draw(t, "pause"))); err != nil {
			t.Fatal(err)
		}
		d := time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "duration"))
		target := p.Monotonic().Add(d)
		fired := false
		p.After(d, func() { fired = p.Monotonic() >= target })
		if err := s.Run(s.Now().Add(4 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		if !fired {
			t.Fatalf("a timer of %v went off early", d)
		}
	})
}
