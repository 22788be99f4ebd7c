package client

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// dumbQueue is a work queue of plain lists.
type dumbQueue struct {
	queue, dirty, processing []int
	waiting                  []dumbWait
	failures                 map[int]int
}

type dumbWait struct {
	key     int
	readyAt time.Duration
}

func without(s []int, k int) []int {
	return slices.DeleteFunc(slices.Clone(s), func(x int) bool { return x == k })
}

func (d *dumbQueue) add(k int) {
	if slices.Contains(d.dirty, k) {
		return
	}
	d.dirty = append(d.dirty, k)
	if !slices.Contains(d.processing, k) {
		d.queue = append(d.queue, k)
	}
}

func (d *dumbQueue) addAt(k int, now, readyAt time.Duration) {
	if readyAt <= now {
		d.add(k)
		return
	}
	for i := range d.waiting {
		if d.waiting[i].key == k {
			d.waiting[i].readyAt = min(d.waiting[i].readyAt, readyAt)
			return
		}
	}
	d.waiting = append(d.waiting, dumbWait{k, readyAt})
}

func (d *dumbQueue) advance(now time.Duration) {
	var ready, rest []dumbWait
	for _, w := range d.waiting {
		if w.readyAt <= now {
			ready = append(ready, w)
		} else {
			rest = append(rest, w)
		}
	}
	slices.SortStableFunc(ready, func(a, b dumbWait) int { return cmp.Compare(a.readyAt, b.readyAt) })
	d.waiting = rest
	for _, w := range ready {
		d.add(w.key)
	}
}

func (d *dumbQueue) get() (int, bool) {
	if len(d.queue) == 0 {
		return 0, false
	}
	k := d.queue[0]
	d.queue = d.queue[1:]
	d.dirty = without(d.dirty, k)
	d.processing = append(d.processing, k)
	return k, true
}

func (d *dumbQueue) done(k int) {
	if !slices.Contains(d.processing, k) {
		return
	}
	d.processing = without(d.processing, k)
	if slices.Contains(d.dirty, k) {
		d.queue = append(d.queue, k)
	}
}

func (d *dumbQueue) retryDelay(k int) time.Duration {
	delay := 5 * time.Millisecond
	for range d.failures[k] {
		delay = min(delay*2, 1000*time.Second)
	}
	d.failures[k]++
	return delay
}

func TestWorkQueueEqualsItsDumbTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := sim.New(sim.Config{Seed: 1})
		defer s.Close()
		var q *WorkQueue[int]
		m := host.NewMachine(s, host.Config{Name: "node-1"})
		m.Spawn("test", func(p *host.Process) {
			q = NewWorkQueue[int](p, "twin", QueueConfig{OverallQPSMilli: -1, Metrics: metrics.NewRegistry()})
		})
		twin := dumbQueue{failures: map[int]int{}}
		now := time.Duration(0)
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			k := rapid.IntRange(0, 5).Draw(rt, "key")
			switch rapid.SampledFrom([]string{"add", "after", "limited", "get", "get", "done", "done", "forget", "pass"}).Draw(rt, "op") {
			case "add":
				q.Add(k)
				twin.add(k)
			case "after":
				d := time.Duration(rapid.IntRange(-1, 40).Draw(rt, "millis")) * time.Millisecond
				q.AddAfter(k, d)
				twin.addAt(k, now, now+d)
			case "limited":
				q.AddRateLimited(k)
				twin.addAt(k, now, now+twin.retryDelay(k))
			case "get":
				got, ok := q.TryGet()
				want, wantOK := twin.get()
				if got != want || ok != wantOK {
					rt.Fatalf("Get %v %v, want %v %v", got, ok, want, wantOK)
				}
			case "done":
				q.Done(k)
				twin.done(k)
			case "forget":
				q.Forget(k)
				delete(twin.failures, k)
			case "pass":
				now += time.Duration(rapid.IntRange(1, 60).Draw(rt, "pass")) * time.Millisecond
				if err := s.Run(sim.Time(now)); err != nil {
					rt.Fatal(err)
				}
				twin.advance(now)
			}
			if q.Len() != len(twin.queue) || q.Waiting() != len(twin.waiting) || q.NumRequeues(k) != twin.failures[k] {
				rt.Fatalf("len %d waiting %d requeues %d, want %d %d %d",
					q.Len(), q.Waiting(), q.NumRequeues(k), len(twin.queue), len(twin.waiting), twin.failures[k])
			}
		}
	})
}

func TestWorkQueueForgetsKeysOfWhichNothingIsLeft(t *testing.T) {
	onHost(t, time.Minute, func(s *sim.Simulation, p *host.Process) {
		q := NewWorkQueue[string](p, "", QueueConfig{})
		for _, k := range []string{"a", "b", "c"} {
			q.Add(k)
			q.AddRateLimited(k)
		}
		p.Go("worker", func(t *sim.Task) {
			for {
				k, _ := q.Get(t)
				q.Forget(k)
				q.Done(k)
			}
		})
		p.After(time.Second, func() {
			if len(q.entries) != 0 {
				t.Errorf("%d entries left", len(q.entries))
			}
		})
	})
}

func TestWorkQueueRetriesDoubleFrom5MillisecondsTo1000Seconds(t *testing.T) {
	onHost(t, time.Second, func(s *sim.Simulation, p *host.Process) {
		q := NewWorkQueue[string](p, "", QueueConfig{})
		var delays []time.Duration
		for range 70 {
			delays = append(delays, q.when("k"))
		}
		for i, want := range []time.Duration{5e6, 10e6, 20e6, 40e6, 80e6, 160e6} {
			if delays[i] != want {
				t.Errorf("retry %d after %v, want %v", i, delays[i], want)
			}
		}
		if delays[17] != 655360*time.Millisecond || delays[18] != 1000*time.Second || delays[69] != 1000*time.Second {
			t.Errorf("late retries after %v, %v, %v", delays[17], delays[18], delays[69])
		}
	})
}

func TestWorkQueueHoldsAllRetriesTo10ASecondAfterABurstOf100(t *testing.T) {
	onHost(t, time.Second, func(s *sim.Simulation, p *host.Process) {
		q := NewWorkQueue[int](p, "", QueueConfig{})
		for k := range 120 {
			got := q.when(k)
			want := max(5*time.Millisecond, time.Duration(k-99)*100*time.Millisecond)
			if got != want {
				t.Fatalf("retry of key %d after %v, want %v", k, got, want)
			}
		}
	})
}

func TestWorkQueueWorkersNeverShareAKey(t *testing.T) {
	busy := map[int]bool{}
	worked := 0
	onHost(t, time.Hour, func(s *sim.Simulation, p *host.Process) {
		q := NewWorkQueue[int](p, "", QueueConfig{})
		for range 5 {
			p.Go("worker", func(task *sim.Task) {
				for {
					k, ok := q.Get(task)
					if !ok {
						return
					}
					if busy[k] {
						t.Errorf("key %d is worked on twice", k)
					}
					busy[k] = true
					q.Add(k) // dirty while processing
					task.Sleep(10 * time.Millisecond)
					busy[k] = false
					worked++
					q.Done(k)
				}
			})
		}
		for k := range 3 {
			q.Add(k)
		}
		p.After(time.Second, q.ShutDown)
	})
	if worked < 250 {
		t.Errorf("%d rounds in a second of three keys at 10 ms", worked)
	}
}

func TestWorkQueueShutDownHandsOutWhatIsQueuedThenEnds(t *testing.T) {
	var got []int
	ended := 0
	onHost(t, time.Minute, func(s *sim.Simulation, p *host.Process) {
		q := NewWorkQueue[int](p, "", QueueConfig{})
		q.Add(1)
		q.Add(2)
		q.AddAfter(3, time.Second)
		q.ShutDown()
		q.Add(4)
		for range 2 {
			p.Go("worker", func(task *sim.Task) {
				for {
					k, ok := q.Get(task)
					if !ok {
						ended++
						return
					}
					got = append(got, k)
					q.Done(k)
				}
			})
		}
	})
	if !slices.Equal(got, []int{1, 2}) || ended != 2 {
		t.Fatalf("got %v, %d workers ended", got, ended)
	}
}

func TestWorkQueueMeasuresWaitAndWork(t *testing.T) {
	r := metrics.NewRegistry()
	onHost(t, time.Minute, func(s *sim.Simulation, p *host.Process) {
		q := NewWorkQueue[int](p, "deployment", QueueConfig{Metrics: r})
		q.Add(1)
		q.Add(2)
		p.Go("worker", func(task *sim.Task) {
			for {
				k, _ := q.Get(task)
				task.Sleep(3 * time.Second)
				q.Done(k)
			}
		})
	})
	wait := r.Histogram("workqueue_queue_duration_seconds", "name", "deployment")
	work := r.Histogram("workqueue_work_duration_seconds", "name", "deployment")
	if wait.Max() != int64(3*time.Second) || work.Sum() != int64(6*time.Second) {
		t.Errorf("longest wait %d, work %d", wait.Max(), work.Sum())
	}
	if n := r.Sum("workqueue_adds_total", "name", "deployment"); n != 2 {
		t.Errorf("%d adds", n)
	}
	if n := r.Sum("workqueue_depth"); n != 0 {
		t.Errorf("depth %d", n)
	}
}
