package compare

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/workloads/arrivals"
	"github.com/fauxkube/fauxkube/workloads/generators"
	"github.com/fauxkube/fauxkube/workloads/openb"
	"github.com/fauxkube/fauxkube/workloads/synthetic"
)

// Arrivals compares policies while pods come and go.
type Arrivals struct {
	options   Options
	timelines []timeline
}

// timeline is one scenario: a cluster, and who comes when.
type timeline struct {
	name  string
	about string
	trace *openb.Trace
	jobs  []arrivals.Job
	// load is in percent; 0 stands for the recorded times, speed times as fast.
	load  float64
	speed int64
}

// Recorded is a load that is none: pods come when they came. After fast comes a number of times as fast as that.
const (
	Recorded = "recorded"
	fast     = "x"
)

// Offered loads cut stays to an hour, so that the cluster is as full as it will be after that time; what follows is
// measured for two more.
const (
	longestStay = time.Hour
	offeredFor  = 3 * time.Hour
)

// processes are the arrival processes of offered loads, by name. Bursts come three times as fast as the mean, for two
// minutes of eleven; the day has a weight for each of 24 hours, here compressed into the measured time.
var processes = map[string]func(mean time.Duration) generators.Process{
	"poisson": generators.Poisson,
	"bursty": func(mean time.Duration) generators.Process {
		return generators.Bursty(generators.Phase{Mean: mean * 9 / 5, For: 9 * time.Minute}, generators.Phase{Mean: mean / 3, For: 2 * time.Minute})
	},
	"diurnal": func(mean time.Duration) generators.Process {
		return generators.Diurnal(mean, offeredFor-longestStay, synthetic.HourWeights())
	},
}

// Processes are their names, the default first.
func Processes() []string { return []string{"poisson", "bursty", "diurnal"} }

// made is the row of Kinds for synthetic traces, and what compare does without arguments.
var made = Kind{
	Name: "synthetic",
	About: "pods of a made-up trace with the statistics of openb's, which is built in: they come and go, keep the cluster's GPUs at a " +
		"load of so many percent, and wait where they do not fit. Without arguments, this is what is compared on.",
	Flags:   []string{"load", "process", "nodes"},
	Default: Options{Schedulers: []string{"bestfit", "dotprod", "fgd", "firstfit", "gpupacking", "random"}, Loads: []string{"95"}, Nodes: 300},
	Seeds:   "1-10",
	Ties:    []string{string(openb.ByName), string(openb.AtRandom)},
	Known:   policies.Names,
	New: func(o Options) (Subject, error) {
		if o.Nodes < 1 || o.Nodes > synthetic.FullNodes {
			return nil, fmt.Errorf("--nodes %d: want a number from 1 to %d, the size of the cluster that the trace is fitted to", o.Nodes, synthetic.FullNodes)
		}
		if len(o.Scenarios) > 0 {
			return nil, fmt.Errorf("compare synthetic takes no scenarios, got %q", strings.Join(o.Scenarios, " "))
		}
		return newArrivals(o, []*openb.Trace{synthetic.Trace(o.Nodes)})
	},
}

// recordedAndOffered are the loads of real traces unless others are given.
var recordedAndOffered = []string{Recorded, "95"}

// newArrivals checks everything that can be wrong.
func newArrivals(o Options, traces []*openb.Trace) (Subject, error) {
	o.Schedulers = slices.Clone(o.Schedulers)
	for i, name := range o.Schedulers {
		o.Schedulers[i] = strings.ToLower(strings.TrimSpace(name))
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	for _, name := range o.Schedulers {
		if _, err := policies.New(name, policies.Env{}); err != nil {
			return nil, err
		}
	}
	if o.Process == "" {
		o.Process = Processes()[0]
	}
	if processes[o.Process] == nil {
		return nil, fmt.Errorf("--process %s: want one of %s", o.Process, strings.Join(Processes(), ", "))
	}
	a := &Arrivals{options: o}
	for _, trace := range traces {
		jobs, err := trace.Jobs()
		if err != nil {
			return nil, err
		}
		for _, text := range o.Loads {
			t := timeline{trace: trace, jobs: jobs}
			if err := t.read(text, &o); err != nil {
				return nil, err
			}
			if slices.ContainsFunc(a.timelines, func(other timeline) bool { return other.name == t.name }) {
				return nil, fmt.Errorf("%s is named twice", t.name)
			}
			a.timelines = append(a.timelines, t)
		}
	}
	if len(a.timelines) == 0 {
		return nil, errors.New("name at least one load")
	}
	return a, nil
}

// maxLoad keeps the line of those who wait within memory.
const maxLoad = 1000

// read takes over a load.
func (t *timeline) read(text string, o *Options) error {
	short := scenarioName(t.trace.Name)
	size := fmt.Sprintf("%d nodes, %d GPUs", len(t.trace.Nodes), t.trace.GPUCapacity()/policies.GPUMilli)
	if factor, is := strings.CutPrefix(text, fast); is || text == Recorded {
		return t.readSpeed(text, factor, short, size)
	}
	load, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || math.IsNaN(load) || load <= 0 || load > maxLoad {
		return fmt.Errorf("--load %s: want a percentage above 0 and up to %d, %s, or x400 for recorded times 400 times as fast", text, maxLoad, Recorded)
	}
	t.load = load
	t.name = fmt.Sprintf("%s-load%g", short, load)
	t.about = fmt.Sprintf("%s, %s arrivals ask for %g %% of the GPUs, stay up to %g h; measured for %g h once the cluster has filled",
		size, o.Process, load, longestStay.Hours(), (offeredFor - longestStay).Hours())
	_, err = t.source(o)
	return err
}

// maxSpeed has a month go by in three seconds.
const maxSpeed = 1_000_000

// readSpeed takes over recorded times, faster or as they are. How long pods stay does not change.
func (t *timeline) readSpeed(text, factor, short, size string) error {
	t.speed = 1
	if text != Recorded {
		n, err := strconv.ParseInt(factor, 10, 64)
		if err != nil || n < 1 || n > maxSpeed {
			return fmt.Errorf("--load %s: want x and a whole number up to %d: recorded times so many times as fast", text, maxSpeed)
		}
		t.speed = n
		t.jobs = slices.Clone(t.jobs)
		for i := range t.jobs {
			t.jobs[i].Arrives /= time.Duration(n)
		}
	}
	last := time.Duration(0)
	for i := range t.jobs {
		last = max(last, t.jobs[i].Arrives)
	}
	t.name = short + "-" + text
	t.about = fmt.Sprintf("%s, %d pods come as recorded", size, len(t.jobs))
	if t.speed > 1 {
		t.about += fmt.Sprintf(", %d times as fast", t.speed)
	}
	if last > 48*time.Hour {
		t.about += fmt.Sprintf(": in %.0f days, and leave", last.Hours()/24)
	} else {
		t.about += fmt.Sprintf(": in %.0f minutes, and leave", last.Minutes())
	}
	return nil
}

// end is when a run of recorded times ends: as they are when the last pod has gone, faster when the last has come, since
// what stayed for months would outlast all of it.
func (t *timeline) end() (last time.Duration) {
	for i := range t.jobs {
		leaves := t.jobs[i].Arrives
		if t.speed == 1 {
			leaves += t.jobs[i].Stays
		}
		last = max(last, leaves)
	}
	return max(last, time.Second)
}

func (t *timeline) source(o *Options) (arrivals.Source, error) {
	if t.load == 0 {
		return arrivals.Recorded(t.jobs), nil
	}
	return arrivals.Offered(t.jobs, t.trace.Nodes, t.load, longestStay, processes[o.Process])
}

// Header implements Subject.
func (a *Arrivals) Header() comparison.Header {
	h := comparison.Header{
		Version: comparison.Version, Subject: "arrivals and departures", Ties: tieRules[openb.Ties(a.options.Ties)],
		Schedulers: a.options.Schedulers, Seeds: a.options.Seeds,
	}
	for i := range a.timelines {
		t := &a.timelines[i]
		h.Scenarios = append(h.Scenarios, comparison.Scenario{Name: t.name, About: t.about, Hash: t.hash(a.options.Process)})
	}
	return h
}

// hash covers all that decides a run.
func (t *timeline) hash(process string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %g %d %s\n", hash(t.trace), t.load, t.speed, process)
	for i := range t.jobs {
		fmt.Fprintf(h, "%d %d\n", t.jobs[i].Arrives, t.jobs[i].Stays)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Run implements Subject.
func (a *Arrivals) Run(_ context.Context, c Cell) (comparison.Run, error) {
	t := &a.timelines[slices.IndexFunc(a.timelines, func(t timeline) bool { return t.name == c.Scenario })]
	source, err := t.source(&a.options)
	if err != nil {
		return comparison.Run{}, err
	}
	config := arrivals.Config{
		Nodes: t.trace.Nodes, Source: source, Typical: openb.Typical(t.trace.Pods), Policy: c.Scheduler, Seed: c.Seed,
		TiesAtRandom: a.options.Ties == string(openb.AtRandom), WarmUp: longestStay, Until: offeredFor,
	}
	if t.load == 0 {
		config.WarmUp, config.Until = 0, t.end()
	}
	r, err := arrivals.Run(config)
	if err != nil {
		return comparison.Run{}, err
	}
	return comparison.Run{Scheduler: c.Scheduler, Scenario: c.Scenario, Seed: c.Seed, Decisions: r.Placed, Measures: arrivalMeasures(r)}, nil
}
