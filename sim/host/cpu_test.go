package host

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
)

func TestWorkQueuesForTheCores(t *testing.T) {
	for _, c := range []struct {
		cores int
		costs []int // milliseconds
		want  []int
	}{
		{1, []int{10, 10, 10}, []int{10, 20, 30}},
		{2, []int{10, 10, 10}, []int{10, 10, 20}},
		{2, []int{30, 10, 10, 10}, []int{30, 10, 20, 30}},
		{4, []int{5, 6, 7, 8}, []int{5, 6, 7, 8}},
		{1, []int{10, 0, 10}, []int{10, 0, 20}},
	} {
		s := newSimulation(t, 1)
		p := NewMachine(s, Config{Name: "m", Cores: c.cores}).Spawn("p", func(*Process) {})
		op := p.Costs().Register("work", Cost{PerUnit: time.Millisecond})
		got := make([]int, len(c.costs))
		for i, cost := range c.costs {
			p.ChargeFunc(op, int64(cost), func() { got[i] = int(s.Now().Duration() / time.Millisecond) })
		}
		run(t, s, time.Second)
		if !slices.Equal(got, c.want) {
			t.Errorf("%d cores, work %v: done at %v, want %v", c.cores, c.costs, got, c.want)
		}
	}
}

func TestWorkThatCostsNothingIsDoneAtThisInstantButLater(t *testing.T) {
	s := newSimulation(t, 1)
	p := NewMachine(s, Config{Name: "m"}).Spawn("p", func(*Process) {})
	busy, free := p.Costs().Register("busy", Cost{Fixed: time.Hour}), p.Op("nobody registered this")
	p.ChargeFunc(busy, 1, func() {})
	done := false
	p.ChargeFunc(free, 1, func() { done = true })
	if done {
		t.Fatal("done inside the call")
	}
	run(t, s, 0)
	if !done {
		t.Fatal("not done at this instant")
	}
}

func TestALaneKeepsOrder(t *testing.T) {
	s := sim.New(sim.Config{Mode: sim.Hunt, NoWatchdog: true})
	defer s.Close()
	p := NewMachine(s, Config{Name: "m"}).Spawn("p", func(*Process) {})
	var got []uint64
	k := s.Kind("test.note", func(num uint64, ref any) { *ref.(*[]uint64) = append(*ref.(*[]uint64), num) })
	lane := p.NewLane()
	for i := range uint64(50) {
		p.Charge(p.Op("free"), 1, lane, k, i, &got)
	}
	run(t, s, 0)
	if !slices.IsSorted(got) || len(got) != 50 {
		t.Fatalf("got %v", got)
	}
}

func TestComputeParksTheTask(t *testing.T) {
	s := newSimulation(t, 1)
	p := NewMachine(s, Config{Name: "m"}).Spawn("p", func(*Process) {})
	op := p.Costs().Register("work", Cost{Fixed: time.Second})
	d := &diary{s: s}
	for i := range 2 {
		p.Go("worker", func(task *sim.Task) {
			for range 2 {
				p.Compute(task, op, 1)
				d.note("%d", i)
			}
		})
	}
	run(t, s, time.Minute)
	d.expect(t, "1s 0", "2s 1", "3s 0", "4s 1")
}

func TestTheDeadAndThePausedLeaveTheCores(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(p *Process)
		want []string
	}{
		{"kill", (*Process).Kill, []string{"15ms q", "25ms q"}},
		{"pause", (*Process).Pause, []string{"15ms q", "25ms q", "1.005s p", "1.015s p"}},
	} {
		s := newSimulation(t, 1)
		d := &diary{s: s}
		m := NewMachine(s, Config{Name: "m"})
		p, q := m.Spawn("p", func(*Process) {}), m.Spawn("q", func(*Process) {})
		op := p.Costs().Register("work", Cost{Fixed: 10 * time.Millisecond})
		for _, x := range []*Process{p, q, p, q} {
			x.ChargeFunc(op, 1, func() { d.note("%s", x.Program()) })
		}
		run(t, s, 5*time.Millisecond)
		c.do(p)
		run(t, s, 995*time.Millisecond)
		p.Resume()
		run(t, s, time.Second)
		d.expect(t, c.want...)
	}
}

func TestSpeedChangesWorkInHand(t *testing.T) {
	s := newSimulation(t, 1)
	d := &diary{s: s}
	m := NewMachine(s, Config{Name: "m"})
	p := m.Spawn("p", func(*Process) {})
	op := p.Costs().Register("work", Cost{Fixed: 10 * time.Second})
	p.ChargeFunc(op, 1, func() { d.note("first") })
	p.ChargeFunc(op, 1, func() { d.note("second") })
	run(t, s, 4*time.Second)
	m.SetSpeed(500) // 6 s of the first are left, which take 12.
	run(t, s, 6*time.Second)
	m.SetSpeed(2000) // 3 s of the first are left, which take 1.5.
	run(t, s, time.Minute)
	d.expect(t, "11.5s first", "16.5s second")
}

func TestTheReportNamesEveryOperation(t *testing.T) {
	s := newSimulation(t, 1)
	p := NewMachine(s, Config{Name: "m"}).Spawn("p", func(*Process) {})
	a := p.Costs().Register("a", Cost{Fixed: 3 * time.Millisecond, Source: "measured"})
	b := p.Costs().Register("b", Cost{PerUnit: time.Millisecond, Dist: sim.Fixed(time.Millisecond)})
	p.Op("c")
	p.ChargeFunc(a, 1, func() {})
	p.ChargeFunc(b, 8, func() {})
	if err := p.Costs().Override("nonsense", Cost{}); err == nil {
		t.Error("an unknown operation was overridden")
	}
	if err := p.Costs().Override("a", Cost{Fixed: -1}); err == nil {
		t.Error("a negative cost was accepted")
	}
	if err := p.Costs().Override("a", Cost{Fixed: time.Hour}); err != nil {
		t.Error(err)
	}
	p.Costs().Register("a", Cost{Fixed: time.Second}) // The scenario's word stands.
	var got []string
	for _, r := range p.Costs().Report() {
		got = append(got, fmt.Sprintf("%s %d %d %v %d %v %v", r.Name, r.Count, r.Units, r.CPU, r.SharePPM, r.Overridden, r.Assumed))
	}
	want := []string{"b 1 8 9ms 750000 false false", "a 1 1 3ms 250000 true false", "c 0 0 0s 0 false true"}
	if !slices.Equal(got, want) || p.Costs().Cost(a).Fixed != time.Hour {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// naive is the dumb twin of the cores: it lives through every nanosecond.
type naive struct {
	cores   int
	waiting []job
	running []job
	done    map[int]int
}

type job struct{ id, owner, left int }

func (n *naive) tick(now int) {
	for len(n.running) < n.cores && len(n.waiting) > 0 {
		n.running = append(n.running, n.waiting[0])
		n.waiting = n.waiting[1:]
	}
	kept := n.running[:0]
	for _, j := range n.running {
		j.left--
		if j.left == 0 {
			n.done[j.id] = now + 1
			continue
		}
		kept = append(kept, j)
	}
	n.running = kept
}

// remove takes away the work of an owner: what was running first, then what was waiting.
func (n *naive) remove(owner int) (taken []job) {
	split := func(from []job) (rest []job) {
		for _, j := range from {
			if j.owner == owner {
				taken = append(taken, j)
			} else {
				rest = append(rest, j)
			}
		}
		return rest
	}
	n.running = split(n.running)
	n.waiting = split(n.waiting)
	return taken
}

func TestTheCoresAgreeWithANaiveSimulator(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := sim.New(sim.Config{NoWatchdog: true})
		defer s.Close()
		cores := rapid.IntRange(1, 4).Draw(rt, "cores")
		m := NewMachine(s, Config{Name: "m", Cores: cores})
		var processes []*Process
		for i := range 3 {
			processes = append(processes, m.Spawn(fmt.Sprint(i), func(*Process) {}))
		}
		op := processes[0].Costs().Register("work", Cost{PerUnit: 1})
		twin := &naive{cores: cores, done: map[int]int{}}
		got := map[int]int{}
		paused := map[int][]job{}
		next := 0
		rt.Repeat(map[string]func(*rapid.T){
			"charge": func(rt *rapid.T) {
				i, units, id := rapid.IntRange(0, 2).Draw(rt, "process"), rapid.IntRange(1, 30).Draw(rt, "units"), next
				next++
				processes[i].ChargeFunc(op, int64(units), func() { got[id] = int(s.Now()) })
				if _, ok := paused[i]; ok {
					paused[i] = append(paused[i], job{id, i, units})
				} else {
					twin.waiting = append(twin.waiting, job{id, i, units})
				}
			},
			"pass": func(rt *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(rt, "nanos") {
					twin.tick(int(s.Now()))
					if err := s.Run(s.Now() + 1); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"kill": func(rt *rapid.T) {
				i := rapid.IntRange(0, 2).Draw(rt, "process")
				processes[i].Kill()
				processes[i].Start()
				twin.remove(i)
				delete(paused, i)
			},
			"pause": func(rt *rapid.T) {
				i := rapid.IntRange(0, 2).Draw(rt, "process")
				if _, ok := paused[i]; !ok {
					paused[i] = twin.remove(i)
					processes[i].Pause()
				}
			},
			"resume": func(rt *rapid.T) {
				i := rapid.IntRange(0, 2).Draw(rt, "process")
				if jobs, ok := paused[i]; ok {
					twin.waiting = append(twin.waiting, jobs...)
					delete(paused, i)
					processes[i].Resume()
				}
			},
			"": func(rt *rapid.T) {
				if fmt.Sprint(got) != fmt.Sprint(twin.done) {
					rt.Fatalf("at %d done at %v, the naive simulator says %v", s.Now(), got, twin.done)
				}
			},
		})
	})
}

func TestEqualSeedsRepeatTheDigest(t *testing.T) {
	episode := func(seed uint64) uint64 {
		s := newSimulation(t, seed)
		m := NewMachine(s, Config{Name: "m", Cores: 2})
		p := m.Spawn("p", func(*Process) {})
		op := p.Costs().Register("work", Cost{Fixed: time.Millisecond, Dist: sim.Exponential(5 * time.Millisecond)})
		var again func()
		again = func() { p.ChargeFunc(op, 1, again) }
		for range 5 {
			again()
		}
		run(t, s, time.Second)
		m.Reboot(time.Second)
		run(t, s, 5*time.Second)
		return s.Digest()
	}
	first, again := episode(1), episode(1)
	if first != again {
		t.Fatal("one seed, two digests")
	}
	if first == episode(2) {
		t.Fatal("two seeds, one digest")
	}
}

func BenchmarkCharge(b *testing.B) {
	for _, c := range []struct {
		name string
		cost Cost
	}{
		{"free", Cost{}},
		{"fixed", Cost{Fixed: time.Microsecond}},
		{"drawn", Cost{Dist: sim.Uniform(0, time.Microsecond)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newSimulation(b, 1)
			p := NewMachine(s, Config{Name: "m", Cores: 16}).Spawn("p", func(*Process) {})
			l := &loop{p: p, op: p.Costs().Register("work", c.cost), left: b.N}
			l.kind = s.Kind("test.loop", func(_ uint64, ref any) { ref.(*loop).again() })
			b.ReportAllocs()
			b.ResetTimer()
			for range 100 {
				l.again()
			}
			for !s.Idle() {
				run(b, s, time.Second)
			}
		})
	}
}

type loop struct {
	p    *Process
	op   Op
	kind sim.Kind
	left int
}

func (l *loop) again() {
	if l.left--; l.left >= 0 {
		l.p.Charge(l.op, 1, 0, l.kind, 0, l)
	}
}

// Work that nobody waits for makes the next piece wait, also when it is planned anew half-way, and has no event.
func TestSpentTimeKeepsACoreBusyWithoutAnEvent(t *testing.T) {
	s := newSimulation(t, 1)
	d := &diary{s: s}
	m := NewMachine(s, Config{Name: "m"})
	p := m.Spawn("p", func(*Process) {})
	op := p.Costs().Register("work", Cost{Fixed: 10 * time.Millisecond})
	p.Spend(op, 1)
	if s.Pending() != 0 {
		t.Errorf("%d events for work that nobody waits for", s.Pending())
	}
	p.ChargeFunc(op, 1, func() { d.note("after") })
	run(t, s, 5*time.Millisecond)
	m.SetSpeed(500) // 5 ms of the first and all of the second are left, at half the speed.
	run(t, s, time.Second)
	d.expect(t, "35ms after")
	if p.CPU() != 20*time.Millisecond {
		t.Errorf("charged %v", p.CPU())
	}
}
