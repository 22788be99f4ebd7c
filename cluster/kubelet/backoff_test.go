package kubelet

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/client-go/util/flowcontrol"
	testclock "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
)

// The twin is client-go's own Backoff on a fake clock.
func TestBackoffEqualsClientGos(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		clock := testclock.NewFakeClock(start)
		ours, theirs := newBackoff(crashBackoff, crashBackoffMax), flowcontrol.NewFakeBackOff(crashBackoff, crashBackoffMax, clock)
		now := moment(1)
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			ago := time.Duration(rapid.IntRange(0, 400).Draw(t, "ago")) * time.Second
			event, eventTime := now.Add(-ago), clock.Now().Add(-ago)
			got := fmt.Sprint(ours.since(key, event, now), ours.sinceUpdate(key, now), ours.delay(key))
			want := fmt.Sprint(theirs.IsInBackOffSince(key, eventTime), theirs.IsInBackOffSinceUpdate(key, clock.Now()), theirs.Get(key))
			if got != want {
				t.Fatalf("step %d, key %s: %s, client-go says %s", step, key, got, want)
			}
			if rapid.Bool().Draw(t, "fails") {
				ours.next(key, event, now)
				theirs.Next(key, eventTime)
			}
			pass := time.Duration(rapid.IntRange(0, 700).Draw(t, "pass")) * time.Second
			clock.Step(pass)
			now = now.Add(pass)
		}
	})
}

// The twin looks at all answers so far.
func TestProbeAnswersCountInARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		failures, successes := rapid.Int32Range(0, 4).Draw(t, "failures"), rapid.Int32Range(0, 4).Draw(t, "successes")
		var count tally
		var all []result
		for range rapid.IntRange(1, 30).Draw(t, "probes") {
			r := rapid.SampledFrom([]result{success, failure}).Draw(t, "answer")
			all = append(all, r)
			need := map[result]int32{success: max(successes, 1), failure: max(failures, 1)}[r]
			want := int32(len(all)) >= need
			for i := range need {
				want = want && all[len(all)-1-int(min(i, int32(len(all)-1)))] == r
			}
			if got := count.add(r, failures, successes); got != want {
				t.Fatalf("%v, thresholds %d and %d: %v, want %v", all, failures, successes, got, want)
			}
		}
	})
}

func TestDelaysDoubleToFiveMinutes(t *testing.T) {
	b := newBackoff(crashBackoff, crashBackoffMax)
	now := moment(1)
	var got []time.Duration
	for range 7 {
		b.next("k", now, now)
		got = append(got, b.delay("k"))
		now = now.Add(b.delay("k"))
	}
	if want := "[10s 20s 40s 1m20s 2m40s 5m0s 5m0s]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	now = now.Add(10*time.Minute + time.Second)
	b.next("k", now, now)
	if b.delay("k") != crashBackoff {
		t.Errorf("after ten quiet minutes the delay is %v", b.delay("k"))
	}
}
