package host

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

func newSimulation(t testing.TB, seed uint64) *sim.Simulation {
	s := sim.New(sim.Config{Seed: seed, NoWatchdog: true})
	t.Cleanup(s.Close)
	return s
}

func run(t testing.TB, s *sim.Simulation, d time.Duration) {
	t.Helper()
	if err := s.Run(s.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

// diary notes what happens and when.
type diary struct {
	s       *sim.Simulation
	entries []string
}

func (d *diary) note(format string, args ...any) {
	d.entries = append(d.entries, fmt.Sprintf("%v %s", d.s.Now(), fmt.Sprintf(format, args...)))
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(d.entries, want) {
		t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(d.entries, "\n  "), strings.Join(want, "\n  "))
	}
	d.entries = nil
}

func TestAProcessLivesThroughIncarnations(t *testing.T) {
	s := newSimulation(t, 1)
	d := &diary{s: s}
	m := NewMachine(s, Config{Name: "m"})
	p := m.Spawn("p", func(p *Process) {
		d.note("start %d", p.Incarnation())
		p.After(3*time.Second, func() { d.note("timer of %d", p.Incarnation()) })
	})
	d.expect(t, "0s start 1")
	run(t, s, time.Second)
	p.Restart(time.Second)
	if p.IsUp() {
		t.Fatal("up while restarting")
	}
	run(t, s, 10*time.Second)
	d.expect(t, "2s start 2", "5s timer of 2")
	p.Restart(time.Second)
	p.Kill() // Takes the restart back.
	run(t, s, 10*time.Second)
	d.expect(t)
	p.Start()
	d.expect(t, "21s start 3")
}

func TestAMachineCrashEndsEverythingAndABootStartsItInOrder(t *testing.T) {
	s := newSimulation(t, 1)
	d := &diary{s: s}
	m := NewMachine(s, Config{Name: "m"})
	for _, name := range []string{"b", "a"} {
		m.Spawn(name, func(p *Process) {
			d.note("start %s %d", name, p.Incarnation())
			p.After(time.Second, func() { d.note("timer of %s", name) })
		})
	}
	d.expect(t, "0s start b 1", "0s start a 1")
	m.Crash()
	late := m.Spawn("late", func(p *Process) { d.note("start late") })
	if m.Up() || late.IsUp() || m.Process("a").IsUp() {
		t.Fatal("something lives on a machine without power")
	}
	run(t, s, 5*time.Second)
	d.expect(t)
	m.Process("a").Start() // Without power, nothing starts.
	m.Boot()
	d.expect(t, "5s start b 2", "5s start a 2", "5s start late")
	m.Reboot(10 * time.Second)
	run(t, s, 9*time.Second)
	d.expect(t)
	run(t, s, time.Second)
	d.expect(t, "15s start b 3", "15s start a 3", "15s start late")
}

func TestAPausedProcessCatchesUpInOrder(t *testing.T) {
	for _, whole := range []bool{false, true} {
		s := newSimulation(t, 1)
		d := &diary{s: s}
		m := NewMachine(s, Config{Name: "m"})
		p := m.Spawn("p", func(p *Process) {
			for i := range 5 {
				p.After(time.Duration(i)*time.Second, func() { d.note("timer %d", i) })
			}
		})
		run(t, s, 500*time.Millisecond)
		if whole {
			m.Pause()
		} else {
			p.Pause()
		}
		run(t, s, 2*time.Second)
		if whole {
			m.Resume()
		} else {
			p.Resume()
		}
		run(t, s, 5*time.Second)
		d.expect(t, "0s timer 0", "2.5s timer 1", "2.5s timer 2", "3s timer 3", "4s timer 4")
	}
}

func TestAProcessStaysPausedWhenItsMachineThaws(t *testing.T) {
	s := newSimulation(t, 1)
	m := NewMachine(s, Config{Name: "m"})
	p, q := m.Spawn("p", func(*Process) {}), m.Spawn("q", func(*Process) {})
	p.Pause()
	m.Pause()
	m.Resume()
	if !p.Process.Paused() || q.Process.Paused() {
		t.Fatal("want p paused and q not")
	}
	m.Pause()
	p.Resume()
	if !p.Process.Paused() {
		t.Fatal("p runs on a frozen machine")
	}
	m.Resume()
	if p.Process.Paused() {
		t.Fatal("p stays paused")
	}
}

func TestGroupsFailTogether(t *testing.T) {
	s := newSimulation(t, 1)
	var starts []string
	for i := range 6 {
		name := fmt.Sprintf("m%d", i)
		m := NewMachine(s, Config{Name: name, Rack: fmt.Sprintf("r%d", i/2), Zone: fmt.Sprintf("z%d", i/3), Region: "here"})
		m.Spawn("p", func(*Process) { starts = append(starts, name) })
	}
	starts = nil
	f := FleetOf(s)
	f.Zone("z0").Crash()
	f.Rack("r2").Reboot(time.Second)
	up := f.where(func(m *Machine) bool { return m.Up() }).Names()
	if !slices.Equal(up, []string{"m3"}) {
		t.Fatalf("up: %v", up)
	}
	run(t, s, time.Minute)
	f.Region("here").Boot()
	if !slices.Equal(starts, []string{"m4", "m5", "m0", "m1", "m2"}) {
		t.Fatalf("started in order %v", starts)
	}
}

func TestClocksAreTheMachines(t *testing.T) {
	s := newSimulation(t, 1)
	m := NewMachine(s, Config{Name: "m"})
	p := m.Spawn("p", func(*Process) {})
	m.Clock().SetDrift(100_000) // 10 % fast.
	m.Clock().SetOffset(-time.Hour)
	d := &diary{s: s}
	p.After(11*time.Second, func() { d.note("timer") })
	before, wall := p.Monotonic(), p.Wall()
	run(t, s, 10*time.Second)
	d.expect(t, "10s timer")
	if got := p.Monotonic().Sub(before); got != 11*time.Second {
		t.Fatalf("a clock that is 10 %% fast measured %v in 10 s", got)
	}
	if wall.Time() != s.Start().Add(-time.Hour) {
		t.Fatalf("wall clock shows %v", wall.Time())
	}
	m.Clock().Step(time.Minute)
	if got := p.Wall() - wall; time.Duration(got) != 71*time.Second {
		t.Fatalf("after a step of a minute the wall clock moved by %v", time.Duration(got))
	}
}

func TestATaskMayKillItsOwnProcess(t *testing.T) {
	s := newSimulation(t, 1)
	m := NewMachine(s, Config{Name: "m"})
	d := &diary{s: s}
	var p *Process
	p = m.Spawn("p", func(q *Process) {
		d.note("start %d", q.Incarnation())
		if q.Incarnation() > 1 {
			return
		}
		q.Go("suicide", func(task *sim.Task) {
			task.Sleep(time.Second)
			p.Restart(time.Second)
			d.note("unreachable")
		})
	})
	run(t, s, time.Minute)
	d.expect(t, "0s start 1", "2s start 2")
}

func TestATaskMayCrashItsOwnMachine(t *testing.T) {
	s := newSimulation(t, 1)
	m := NewMachine(s, Config{Name: "m"})
	m.Spawn("p", func(q *Process) {
		q.Go("suicide", func(task *sim.Task) {
			task.Sleep(time.Second)
			m.Crash()
			t.Error("unreachable")
		})
	})
	other := m.Spawn("q", func(*Process) {})
	run(t, s, time.Minute)
	if m.Up() || other.IsUp() || m.Process("p").IsUp() {
		t.Fatal("something survived")
	}
}
