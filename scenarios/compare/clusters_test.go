package compare

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// value is a run's value of a metric that it has one of.
func value(t *testing.T, r comparison.Run, metric string) float64 {
	t.Helper()
	for _, m := range r.Measures {
		if m.Metric == metric && m.At == nil {
			return m.Value
		}
	}
	t.Fatalf("%s has no value of %s", cellOf(&r), metric)
	return 0
}

func twoZones(t *testing.T, o Options) Subject {
	t.Helper()
	o.Scenarios = []string{"testdata/two-zones.yaml"}
	s, err := NewClusters(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every built-in scheduler runs; those that fill nodes use fewer of them, and all of it can be repeated.
func TestSchedulersOfWholeClusters(t *testing.T) {
	var names []string
	for name := range builtIn {
		names = append(names, name)
	}
	slices.Sort(names)
	s := twoZones(t, Options{Schedulers: names, Seeds: []uint64{7}})
	used := map[string]float64{}
	for _, c := range Cells(s.Header()) {
		r, err := s.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Run(t.Context(), c)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%s is not repeated: %v", c, err)
		}
		used[c.Scheduler] = value(t, r, "nodes_used")
		for metric, want := range map[string]float64{"pods": 6, "failed": 0, "failed_checks": 0, "used_cpu_milli": 3000, "used_mem_bytes": 6 << 30, "used_gpu_milli": 0} {
			if got := value(t, r, metric); got != want {
				t.Errorf("%s: %s is %v, want %v", c, metric, got, want)
			}
		}
	}
	if used["bin-packing"] >= used["most-allocated"] || used["bin-packing"] >= used["default"] {
		t.Errorf("nodes in use: %v", used)
	}
}

// What runs measure on the host is kept apart from what they simulate: with and without it, all measures are equal.
func TestHostIsMeasuredApart(t *testing.T) {
	var ticks time.Duration
	clock := func() time.Duration { ticks += time.Microsecond; return ticks }
	cell := Cell{"default", "two-zones", 1}
	plain, err := twoZones(t, Options{Seeds: []uint64{1}}).Run(t.Context(), cell)
	if err != nil {
		t.Fatal(err)
	}
	measured, err := twoZones(t, Options{Seeds: []uint64{1}, Stopwatch: func() *scheduler.Stopwatch { return &scheduler.Stopwatch{Now: clock} }}).Run(t.Context(), cell)
	if err != nil {
		t.Fatal(err)
	}
	if plain.Host != 0 || plain.Decisions != 0 || measured.Decisions < 6 || measured.Host != time.Duration(measured.Decisions)*time.Microsecond {
		t.Errorf("%v for %d decisions, %v for %d without a clock", measured.Host, measured.Decisions, plain.Host, plain.Decisions)
	}
	if !reflect.DeepEqual(plain.Measures, measured.Measures) {
		t.Error("measuring the host changes what is simulated")
	}
}

// A scheduler that declares what it costs is slower in the simulation, and nothing is assumed of it.
func TestDeclaredCosts(t *testing.T) {
	own := Scheduler{policy: "fgd"}
	foreign := Scheduler{Plugins: map[string]config.Factory{"Mine": nil}}
	assumed, err := foreign.resolve("mine", "name")
	if err != nil || !assumed.assumed {
		t.Fatalf("nothing declared: %+v, %v", assumed, err)
	}
	if r, err := own.resolve("mine", "name"); err != nil || r.assumed {
		t.Fatalf("a policy declares what it costs: %+v, %v", r, err)
	}
	own.Costs = map[string]host.Cost{"scheduler.policy.fgd": {PerUnit: 50 * time.Millisecond, Source: "made up"}}
	declared, err := own.resolve("mine", "name")
	if err != nil || declared.assumed || declared.hash == assumed.hash {
		t.Fatalf("declared: %+v, %v", declared, err)
	}
	if all := declared.withCosts(map[string]host.Cost{"scheduler.policy.fgd": {}, "scheduler.bind": {Fixed: 1}}); all["scheduler.policy.fgd"].PerUnit != 50*time.Millisecond || all["scheduler.bind"].Fixed != 1 {
		t.Errorf("costs are %v", all)
	}
	s := twoZones(t, Options{Schedulers: []string{"fgd"}, Seeds: []uint64{1}}).(*Clusters)
	latency := func() float64 {
		r, err := s.Run(t.Context(), Cell{"fgd", "two-zones", 1})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(r.Measures, func(m comparison.Measure) bool { return m.Metric == attempts && *m.At == 50 })
		return r.Measures[i].Value
	}
	before := latency()
	s.schedulers[0] = declared
	if after := latency(); after < before+100 {
		t.Errorf("attempts take %v ms, with 50 ms for each node's score %v", before, after)
	}
}

// A run that is stopped is none.
func TestStoppedRunIsNone(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s := twoZones(t, Options{Seeds: []uint64{1}, Started: func(s *sim.Simulation) { s.World().After(time.Second, stop) }})
	if r, err := s.Run(ctx, Cell{"default", "two-zones", 1}); !errors.Is(err, context.Canceled) || len(r.Measures) > 0 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestRegisterRefusesWhatCannotBe(t *testing.T) {
	for name, s := range map[string]Scheduler{
		"default": {About: "taken"}, "a/b": {}, "": {}, "wrong": {Configuration: "kind: Pod"},
		"foreign": {Configuration: profile("\n  plugins: {multiPoint: {enabled: [{name: Nonesuch}]}}")},
	} {
		func() {
			defer func() {
				if message, _ := recover().(string); !strings.HasPrefix(message, "compare: ") {
					t.Errorf("%q: %q", name, message)
				}
			}()
			Register(name, s)
		}()
	}
}
