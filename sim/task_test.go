package sim

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// goroutinesAfter runs fn and reports by how many the goroutines have grown.
func goroutinesAfter(fn func()) int {
	before := runtime.NumGoroutine()
	fn()
	for range 100 { // Goroutines that are done need a moment to be counted out.
		if runtime.NumGoroutine() <= before {
			return 0
		}
		time.Sleep(time.Millisecond)
	}
	return runtime.NumGoroutine() - before
}

func TestKilledTasks(t *testing.T) {
	type world struct {
		s    *Simulation
		p    *Process
		note func(string)
	}
	cases := []struct {
		name string
		// start makes the task; the process is killed at 10 s.
		start     func(w world)
		want      string
		swallowed int
	}{
		{"while parked", func(w world) {
			w.p.Go("a", func(t *Task) {
				defer w.note("deferred")
				t.Sleep(time.Hour)
				w.note("went on")
			})
		}, "deferred", 0},
		{"inside a defer", func(w world) {
			w.p.Go("a", func(t *Task) {
				defer w.note("outer")
				defer func() {
					w.note("in")
					t.Sleep(time.Hour)
					w.note("went on")
				}()
			})
		}, "in outer", 0},
		{"with simulated calls in its defers", func(w world) {
			w.p.Go("a", func(t *Task) {
				for i := range 5 {
					defer func() {
						w.note(fmt.Sprint(i))
						t.Sleep(time.Second)
						w.note("went on")
					}()
				}
				t.Sleep(time.Hour)
			})
		}, "4 3 2 1 0", 0},
		{"inside a loop that recovers", func(w world) {
			w.p.Go("a", func(t *Task) {
				for {
					func() {
						defer func() {
							if r := recover(); r != nil {
								w.note("recovered")
							}
						}()
						t.Sleep(time.Hour)
						w.note("went on")
					}()
				}
			})
		}, "recovered recovered recovered", 1},
		{"before it ever ran", func(w world) {
			w.s.After(10*time.Second, func() {
				w.p.Go("a", func(*Task) { w.note("ran") })
				w.p.Kill()
			})
		}, "", 0},
		{"by itself", func(w world) {
			w.p.Go("a", func(t *Task) {
				defer w.note("deferred")
				w.p.Kill()
				w.note("went on")
			})
		}, "deferred", 0},
		{"twice", func(w world) {
			w.p.Go("a", func(t *Task) {
				defer w.note("deferred")
				t.Sleep(10 * time.Second)
				w.note("went on")
			})
			w.s.After(10*time.Second-1, func() { w.p.Kill(); w.p.Kill() })
		}, "deferred", 0},
		{"while waiting for another task of the same process", func(w world) {
			child := w.p.Go("child", func(t *Task) {
				defer w.note("child")
				t.Sleep(time.Hour)
			})
			w.p.Go("parent", func(t *Task) {
				defer w.note("parent")
				t.Wait(Forever, child)
				w.note("went on")
			})
		}, "child parent", 0},
		{"by the defer of a task that is being killed", func(w world) {
			w.p.Go("a", func(t *Task) {
				defer w.note("a")
				defer w.p.Kill()
				t.Sleep(time.Hour)
			})
			w.p.Go("b", func(t *Task) {
				defer w.note("b")
				t.Sleep(time.Hour)
			})
		}, "a b", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			leaked := goroutinesAfter(func() {
				s := New(Config{})
				defer s.Close()
				var notes []string
				p := s.NewProcess("victim", s.NewClock())
				c.start(world{s: s, p: p, note: func(n string) { notes = append(notes, n) }})
				s.After(10*time.Second, p.Kill)
				if err := s.Run(Time(time.Minute)); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(notes, " "); got != c.want {
					t.Errorf("noted %q, want %q", got, c.want)
				}
				if got := len(s.Swallowed()); got != c.swallowed {
					t.Errorf("%d tasks reported as swallowing their death, want %d: %v", got, c.swallowed, s.Swallowed())
				}
			})
			if leaked > 0 {
				t.Errorf("%d goroutines left", leaked)
			}
		})
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	leaked := goroutinesAfter(func() {
		s := New(Config{})
		for i := range 1000 {
			s.World().Go("sleeper", func(t *Task) { t.Sleep(time.Duration(i) * time.Second) })
		}
		if err := s.Run(Time(500 * time.Second)); err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
	if leaked > 0 {
		t.Errorf("%d goroutines left", leaked)
	}
}

func TestTaskPanicKeepsItsStack(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	s.World().Go("unlucky", func(t *Task) {
		t.Sleep(time.Second)
		panic("out of luck")
	})
	defer func() {
		p, ok := recover().(*TaskPanic)
		if !ok || p.Value != "out of luck" || p.Task != "world/unlucky" || !strings.Contains(p.Stack, "task_test.go") {
			t.Errorf("Run panicked with %v", p)
		}
	}()
	_ = s.Run(Time(time.Minute))
	t.Error("Run returned")
}

func TestWaitOnSeveral(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	var q Queue[int]
	var flag Signal
	var f Future[string]
	p := s.World()
	alarm := p.NewAlarm()
	var got []string
	p.Go("waiter", func(t *Task) {
		for range 5 {
			i := t.Wait(3*time.Second, &q, &flag, &f, alarm)
			got = append(got, fmt.Sprint(t.Process().Monotonic().Sub(0), "=", i))
			switch i {
			case 0:
				q.Pop()
			case 1:
				flag.Clear()
			case 2:
				f = Future[string]{}
			case 3:
				alarm.Stop()
			}
		}
	})
	s.After(time.Second, func() { flag.Set(); q.Push(1) }) // Both: the lower index first.
	s.After(2*time.Second, func() { f.Set("x", nil); alarm.Reset(time.Second) })
	if err := s.Run(Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if want := "[1s=0 1s=1 2s=2 3s=3 6s=-1]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// Each item wakes one worker; none is left lying while a worker sleeps, also when a woken worker took something else
// or was killed on its way.
func TestQueueWakesWorkersWithoutLosingItems(t *testing.T) {
	for seed := range uint64(30) {
		s := New(Config{Seed: seed, Mode: Hunt})
		var work Queue[int]
		var other Queue[int]
		victim := s.NewProcess("victim", s.NewClock())
		done := 0
		worker := func(t *Task) {
			for {
				switch t.Wait(Forever, &other, &work) {
				case 0:
					other.Pop()
				case 1:
					work.Pop()
				}
				done++
				t.Sleep(time.Millisecond)
			}
		}
		for range 3 {
			victim.Go("worker", worker)
			s.World().Go("worker", worker)
		}
		for i := range 50 {
			s.After(time.Duration(i)*700*time.Microsecond, func() { work.Push(i); other.Push(i) })
		}
		s.After(10*time.Millisecond, func() { work.Push(-1); work.Push(-2); victim.Kill() })
		if err := s.Run(Time(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if done < 100 || work.Len() > 0 || other.Len() > 0 {
			t.Errorf("seed %d: %d items done, %d and %d left lying", seed, done, work.Len(), other.Len())
		}
		s.Close()
	}
}

func TestTaskDeadline(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	var kept bool
	var inside, outside error
	var waited int
	s.World().Go("bounded", func(task *Task) {
		var never Signal
		kept = task.Within(2*time.Second, func() {
			waited = task.Wait(Forever, &never)
			inside = task.Err()
		})
		outside = task.Err()
	})
	if err := s.Run(Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if kept || waited != -1 || inside == nil || outside != nil {
		t.Errorf("kept %v, Wait gave %d, Err inside %v and outside %v", kept, waited, inside, outside)
	}
}

func TestPausedProcessCatchesUpInOrder(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	p := s.NewProcess("p", s.NewClock())
	var got []string
	note := func(what string) func() {
		return func() { got = append(got, fmt.Sprintf("%s@%v", what, s.Now())) }
	}
	cancelled := p.After(3*time.Second, note("cancelled"))
	p.After(4*time.Second, note("late"))
	p.After(2*time.Second, func() { note("first")(); p.Cancel(cancelled) })
	s.After(time.Second, p.Pause)
	s.After(5*time.Second, func() { p.Resume(); p.After(0, note("new")) })
	p.After(6*time.Second, note("after"))
	if err := s.Run(Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if want := "[first@5s late@5s new@5s after@6s]"; fmt.Sprint(got) != want {
		t.Errorf("ran %v, want %s", got, want)
	}
}

func TestDeadIncarnationsEventsAreDropped(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	p := s.NewProcess("p", s.NewClock())
	var got []uint32
	kind := s.Kind("note", func(num uint64, _ any) { got = append(got, uint32(num)) })
	p.At(2*time.Second, 0, kind, 1, nil)
	s.After(time.Second, func() {
		p.Kill()
		if timer := p.At(time.Second, 0, kind, 99, nil); !timer.IsZero() {
			t.Error("a dead process scheduled an event")
		}
		p.Start()
		p.At(2*time.Second, 0, kind, 2, nil)
	})
	if err := s.Run(Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[2]" || s.Dropped() != 1 {
		t.Errorf("ran %v and dropped %d, want [2] and 1", got, s.Dropped())
	}
}

func TestLivelockNamesWhoWakesWhom(t *testing.T) {
	s := New(Config{StepsPerInstant: 1000})
	defer s.Close()
	var ping, pong *Process
	var pingKind, pongKind Kind
	pingKind = s.Kind("ping", func(uint64, any) { pong.At(0, 0, pongKind, 0, nil) })
	pongKind = s.Kind("pong", func(uint64, any) { ping.At(0, 0, pingKind, 0, nil) })
	ping, pong = s.NewProcess("alice", s.NewClock()), s.NewProcess("bob", s.NewClock())
	ping.At(time.Second, 0, pingKind, 0, nil)
	err := s.Run(Time(time.Minute))
	var livelock *LivelockError
	if !errors.As(err, &livelock) || livelock.At != Time(time.Second) {
		t.Fatalf("Run returned %v, want a livelock at 1s", err)
	}
	for _, want := range []string{"alice ping -> bob pong", "bob pong -> alice ping"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q:\n%v", want, err)
		}
	}
}

func TestWatchdogPrintsTheStackOfAStepThatDoesNotEnd(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	var out bytes.Buffer
	s.watchdog.patience, s.watchdog.out = 20*time.Millisecond, &out
	s.After(time.Second, stuckForAWhile)
	if err := s.Run(Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "stuckForAWhile") {
		t.Errorf("the watchdog printed %q", out.String())
	}
}

func stuckForAWhile() { time.Sleep(100 * time.Millisecond) }

// A process that is killed between its resumption and its catching up leaves nothing scheduled.
func TestKillBetweenResumeAndCatchUpLeavesNothing(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	p := s.NewProcess("p", s.NewClock())
	p.After(2*time.Second, func() { t.Error("an event of a dead incarnation ran") })
	s.After(time.Second, p.Pause)
	s.After(3*time.Second, func() { p.Resume(); p.Kill() })
	if err := s.Run(Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if !s.Idle() {
		t.Errorf("%d events are still pending", s.Pending())
	}
}
