package controller

import (
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

func TestExpectationsHoldUntilSeenOrTooOld(t *testing.T) {
	var now sim.Monotonic
	e := NewExpectations(func() sim.Monotonic { return now })
	if !e.Satisfied("rs") {
		t.Error("nothing was expected")
	}
	e.ExpectCreations("rs", 2)
	e.CreationObserved("rs")
	if e.Satisfied("rs") {
		t.Error("one of two creations is outstanding")
	}
	e.CreationObserved("rs")
	if !e.Satisfied("rs") {
		t.Error("both creations were seen")
	}
	e.ExpectDeletions("rs", []string{"a", "b"})
	e.DeletionObserved("rs", "a")
	e.DeletionObserved("rs", "a") // The timestamp and the removal of one pod.
	e.DeletionObserved("rs", "x")
	if e.Satisfied("rs") {
		t.Error("b is still there")
	}
	now = now.Add(ExpectationsTimeout)
	if e.Satisfied("rs") {
		t.Error("five minutes are not over yet")
	}
	now = now.Add(1)
	if !e.Satisfied("rs") {
		t.Error("after five minutes the controller counts again")
	}
	e.ExpectCreations("rs", 1)
	e.Forget("rs")
	if !e.Satisfied("rs") {
		t.Error("a new object of the same name starts afresh")
	}
}

func TestLateDeletionsAreStillRecognised(t *testing.T) {
	e := NewExpectations(func() sim.Monotonic { return 0 })
	e.ExpectDeletions("rs", []string{"a"})
	e.ExpectCreations("rs", 1)
	e.DeletionObserved("rs", "a")
	if e.Satisfied("rs") {
		t.Error("the creation is outstanding")
	}
	e.CreationObserved("rs")
	if !e.Satisfied("rs") {
		t.Error("everything was seen")
	}
}

func TestReadsWaitForOwnWrites(t *testing.T) {
	read := map[*api.Resource]uint64{api.Pods: 5, api.ReplicaSets: 5}
	c := NewConsistency(func(r *api.Resource) uint64 { return read[r] })
	c.WroteAt("rs", "u", api.Pods, 7)
	c.WroteAt("rs", "u", api.Pods, 6)
	c.WroteAt("rs", "u", api.ReplicaSets, 5)
	err := c.EnsureReady("rs")
	if want := "read version: 5 is not as new as written version: 7 for group resource pods"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if c.EnsureReady("another") != nil {
		t.Error("nothing was written for another")
	}
	read[api.Pods] = 7
	if err := c.EnsureReady("rs"); err != nil {
		t.Error(err)
	}
	c.WroteAt("rs", "u", api.Pods, 9)
	c.WroteAt("rs", "v", api.ReplicaSets, 1) // Another object of the name: what was written for the first is void.
	if err := c.EnsureReady("rs"); err != nil {
		t.Error(err)
	}
	c.WroteAt("rs", "v", api.Pods, 99)
	c.Clear("rs", "u")
	if c.EnsureReady("rs") == nil {
		t.Error("only its own owner clears a record")
	}
	c.Clear("rs", "v")
	if c.EnsureReady("rs") != nil {
		t.Error("cleared")
	}
}

func TestSlowStartDoublesItsBatchesAndStopsAtAFailure(t *testing.T) {
	for _, c := range []struct {
		n, failAt int // the failAt-th request fails, counted from 1
		batches   []int
		succeed   int
	}{
		{n: 0, batches: nil},
		{n: 1, batches: []int{1}, succeed: 1},
		{n: 10, batches: []int{1, 2, 4, 3}, succeed: 10},
		{n: 500, batches: []int{1, 2, 4, 8, 16, 32, 64, 128, 245}, succeed: 500},
		{n: 10, failAt: 3, batches: []int{1, 2}, succeed: 2},
		{n: 10, failAt: 1, batches: []int{1}, succeed: 0},
	} {
		batches, succeed, err := runSlowStart(t, c.n, c.failAt)
		if len(batches) != len(c.batches) || succeed != c.succeed || (err != nil) != (c.failAt > 0) {
			t.Errorf("%d requests, number %d fails: batches %v, %d succeed, %v", c.n, c.failAt, batches, succeed, err)
		}
		for i := range batches {
			if batches[i] != c.batches[i] {
				t.Errorf("%d requests: batches %v, want %v", c.n, batches, c.batches)
				break
			}
		}
	}
}

// runSlowStart runs a slow start whose requests take a second each; requests of one instant are a batch.
func runSlowStart(t *testing.T, n, failAt int) (batches []int, succeed int, err error) {
	s := sim.New(sim.Config{})
	defer s.Close()
	p := s.NewProcess("p", s.NewClock())
	started, last := 0, sim.Monotonic(-1)
	p.Go("slow start", func(task *sim.Task) {
		succeed, err = SlowStart(task, n, func(done func(error)) {
			started++
			if now := p.Monotonic(); now != last {
				batches, last = append(batches, 0), now
			}
			batches[len(batches)-1]++
			var outcome error
			if started == failAt {
				outcome = sim.ErrTimeout
			}
			p.After(time.Second, func() { done(outcome) })
		})
	})
	if e := s.Run(sim.Time(time.Hour)); e != nil {
		t.Fatal(e)
	}
	return batches, succeed, err
}
