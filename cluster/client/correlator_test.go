package client

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/sim"
)

func at(d time.Duration) moment {
	return moment{wall: sim.Wall(1_767_225_600_000_000_000 + int64(d)), monotonic: sim.Monotonic(d)}
}

func podEvent(message string, now moment) *corev1.Event {
	e := &corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: "web-0", UID: "u", APIVersion: "v1"},
		Reason:         "BackOff", Type: "Warning", Message: message, Count: 1,
		Source:         corev1.EventSource{Component: "kubelet", Host: "node-1"},
		FirstTimestamp: now.time(), LastTimestamp: now.time(),
		ReportingController: "kubelet", ReportingInstance: "node-1",
	}
	e.Name, e.Namespace = fmt.Sprintf("web-0.%x", int64(now.wall)), "default"
	return e
}

func TestCorrelatorSendsWhatARealControlPlaneSent(t *testing.T) {
	file, err := os.Open("testdata/deployment-events.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	correlators := map[string]*correlator{}
	numbers := map[string]int{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		f := strings.SplitN(lines.Text(), "|", 9)
		millis, _ := strconv.Atoi(f[0])
		component, object, reason, message := f[1], f[2], f[3], f[8]
		c := correlators[component]
		if c == nil {
			c = newCorrelator()
			correlators[component] = c
		}
		now := at(time.Duration(millis) * time.Millisecond)
		got := c.correlate(&corev1.Event{
			ObjectMeta:     podEvent("", now).ObjectMeta,
			InvolvedObject: corev1.ObjectReference{Name: object}, Reason: reason, Message: message, Count: 1, Type: "Normal",
			Source: corev1.EventSource{Component: component}, ReportingController: component,
		}, now)
		if got.dropped {
			t.Fatalf("dropped, but it was sent: %s", lines.Text())
		}
		number, known := numbers[component+got.event.Name+object]
		if !known {
			number = len(numbers)
			numbers[component+got.event.Name+object] = number
		}
		c.observe(got.event)
		verb, kind := "create", "plain"
		if got.patch {
			verb = "patch"
		}
		if strings.HasPrefix(got.event.Message, aggregatePrefix) {
			kind = "combined"
		}
		have := fmt.Sprintf("%s|%d|%d|%s", verb, number, got.event.Count, kind)
		if want := strings.Join(f[4:8], "|"); have != want {
			t.Errorf("%s\n got %s\nwant %s", lines.Text(), have, want)
		}
	}
	if len(numbers) == 0 {
		t.Fatal("the recording is empty")
	}
}

func TestCorrelatorCountsEqualEventsUnderTheFirstOnesName(t *testing.T) {
	c := newCorrelator()
	first := c.correlate(podEvent("m", at(0)), at(0))
	again := c.correlate(podEvent("m", at(time.Hour)), at(time.Hour))
	if first.patch || !again.patch || again.event.Count != 2 || again.event.Name != first.event.Name {
		t.Fatalf("first %+v, again %+v", first, again)
	}
	if !again.event.FirstTimestamp.Equal(&first.event.FirstTimestamp) || again.event.LastTimestamp.Equal(&first.event.LastTimestamp) {
		t.Errorf("timestamps %v to %v", again.event.FirstTimestamp, again.event.LastTimestamp)
	}
}

func TestCorrelatorStartsAGroupAnewAfterTenQuietMinutes(t *testing.T) {
	for _, c := range []struct {
		quiet    time.Duration
		combined bool
	}{{10 * time.Minute, true}, {10*time.Minute + 1, false}} {
		correlator := newCorrelator()
		for n := range 9 {
			correlator.correlate(podEvent(fmt.Sprint(n), at(0)), at(0))
		}
		got := correlator.correlate(podEvent("tenth", at(c.quiet)), at(c.quiet))
		if combined := strings.HasPrefix(got.event.Message, aggregatePrefix); combined != c.combined {
			t.Errorf("after %v: %q", c.quiet, got.event.Message)
		}
	}
}

func TestCorrelatorGivesACombinedEventNoReporter(t *testing.T) {
	c := newCorrelator()
	var last correlated
	for n := range 10 {
		last = c.correlate(podEvent(fmt.Sprint(n), at(0)), at(0))
	}
	e := last.event
	if e.ReportingController != "" || e.ReportingInstance != "" || e.Source.Component != "kubelet" || e.Count != 1 {
		t.Errorf("%+v", e)
	}
	if want := fmt.Sprintf("web-0.%x", int64(at(0).wall)); e.Name != want {
		t.Errorf("name %s, want %s", e.Name, want)
	}
}

func TestSpamFilterAdmits25ThenOneEveryFiveMinutesAndCountsTheRest(t *testing.T) {
	c := newCorrelator()
	sent := 0
	for range 40 {
		if !c.correlate(podEvent("m", at(0)), at(0)).dropped {
			sent++
		}
	}
	if sent != 25 {
		t.Fatalf("%d of 40 sent, want 25", sent)
	}
	if !c.correlate(podEvent("m", at(0)), at(5*time.Minute-1)).dropped {
		t.Error("sent before five minutes were over")
	}
	late := c.correlate(podEvent("m", at(0)), at(5*time.Minute))
	if late.dropped || late.event.Count != 42 {
		t.Errorf("after five minutes: %+v", late)
	}
}

func TestSpamFilterKnowsSourcesAndObjectsApart(t *testing.T) {
	c := newCorrelator()
	for range 30 {
		c.correlate(podEvent("m", at(0)), at(0))
	}
	other := podEvent("m", at(0))
	other.InvolvedObject.UID = "v"
	if c.correlate(other, at(0)).dropped {
		t.Error("another object shares the bucket")
	}
}

func TestLRUForgetsWhatWasUsedLongestAgo(t *testing.T) {
	for name, hash := range map[string]func(*int) uint64{
		"hashes that differ":  func(k *int) uint64 { return uint64(*k) },
		"hashes that collide": func(k *int) uint64 { return uint64(*k % 2) },
	} {
		c := newLRU[int, string](3, hash)
		get := func(k int) *string { return c.get(&k) }
		put := func(k int) bool {
			v, known := c.place(&k)
			*v = fmt.Sprint(k)
			return known
		}
		for k := range 3 {
			put(k)
		}
		get(0)
		if put(3) || get(1) != nil || get(0) == nil || get(2) == nil || get(3) == nil {
			t.Errorf("%s: kept %v", name, c.entries)
		}
		if !put(0) || c.count != 3 || put(4) || get(2) != nil || *get(3) != "3" || *get(0) != "0" {
			t.Errorf("%s: a known key was put, then another", name)
		}
	}
}

func TestEventNames(t *testing.T) {
	for name, want := range map[string]string{
		"web-799b96bdbf": "web-799b96bdbf.18e9ef21c4e500b2",
		"node-1":         "node-1.18e9ef21c4e500b2",
		"a.b":            "a.b.18e9ef21c4e500b2",
	} {
		if got := eventName(name, 0x18e9ef21c4e500b2, nil); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	s := sim.New(sim.Config{})
	defer s.Close()
	for _, name := range []string{"UPPER", "under_score", "a..b", "-a", "a-", strings.Repeat("x", 250)} {
		got := eventName(name, 0x18e9ef21c4e500b2, s.Stream("test"))
		if len(got) != 36 || got[14] != '4' || !strings.ContainsRune("89ab", rune(got[19])) {
			t.Errorf("name for %q: %s", name, got)
		}
	}
}
