package compare

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/workloads/synthetic"
)

// madeUp is a made-up comparison of two schedulers.
func madeUp(o Options) (Subject, error) {
	o.Seeds = []uint64{1, 2}
	if len(o.Schedulers) == 0 {
		o.Schedulers = []string{"fgd", "random"}
	}
	o.Nodes = 15
	return made.Subject(o)
}

func TestArrivalsMeasureAllMetrics(t *testing.T) {
	s, err := madeUp(Options{Loads: []string{"80", "recorded", "x2000"}, Process: "diurnal"})
	if err != nil {
		t.Fatal(err)
	}
	h := s.Header()
	var names []string
	hashes := map[string]bool{}
	for _, scenario := range h.Scenarios {
		names = append(names, scenario.Name)
		hashes[scenario.Hash] = true
	}
	if got := strings.Join(names, " "); got != "synthetic-15-load80 synthetic-15-recorded synthetic-15-x2000" || len(hashes) != 3 {
		t.Errorf("scenarios %s with %d hashes", got, len(hashes))
	}
	for _, c := range Cells(h) {
		r, err := s.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Run(t.Context(), c)
		if err != nil || fmt.Sprint(r.Measures) == "" || len(r.Measures) != len(again.Measures) {
			t.Fatalf("%v: another run: %v", c, err)
		}
		measured := map[string]bool{}
		for i, m := range r.Measures {
			measured[m.Metric] = true
			if m.Value != again.Measures[i].Value {
				t.Errorf("%v: %s is %v, and %v in another run", c, m.Metric, m.Value, again.Measures[i].Value)
			}
		}
		for _, m := range s.Metrics() {
			if !measured[m.Name] {
				t.Errorf("%v does not measure %s", c, m.Name)
			}
		}
		if r.Decisions == 0 {
			t.Errorf("%v decided nothing", c)
		}
	}
}

// Recorded times end with the last departure; faster ones with the last arrival.
func TestTimelines(t *testing.T) {
	trace := synthetic.Trace(15)
	jobs, err := trace.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) *timeline {
		line := &timeline{trace: trace, jobs: jobs}
		if err := line.read(text, &Options{Process: "poisson"}); err != nil {
			t.Fatal(err)
		}
		return line
	}
	var last, gone time.Duration
	for _, j := range jobs {
		last, gone = max(last, j.Arrives), max(gone, j.Arrives+j.Stays)
	}
	if got := read(Recorded).end(); got != gone {
		t.Errorf("recorded times end at %v, want %v", got, gone)
	}
	if got := read("x10").end(); got != last/10 {
		t.Errorf("ten times as fast they end at %v, want %v", got, last/10)
	}
	if jobs[len(jobs)-1].Arrives != last {
		t.Error("a faster timeline changed the trace's jobs")
	}
}

func TestArrivalOptionsAreChecked(t *testing.T) {
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Loads: []string{"0"}}, "--load 0: want a percentage above 0"},
		{Options{Loads: []string{"1e9"}}, "--load 1e9: want a percentage"},
		{Options{Loads: []string{"NaN"}}, "--load NaN: want a percentage"},
		{Options{Loads: []string{"x0"}}, "--load x0: want x and a whole number up to 1000000"},
		{Options{Loads: []string{"x"}}, "--load x: want x and a whole number"},
		{Options{Process: "never"}, "--process never: want one of poisson, bursty, diurnal"},
		{Options{Schedulers: []string{"fgd", "upperbound"}}, `no policy is called "upperbound"`},
		{Options{Schedulers: []string{"fgd", "fgd"}}, "scheduler fgd is named twice"},
		{Options{Scenarios: []string{"packing"}}, `compare synthetic takes no scenarios, got "packing"`},
	} {
		if _, err := madeUp(test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %s", test.o, err, test.want)
		}
	}
}
