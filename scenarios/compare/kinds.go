package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
)

// Options say what to compare, as the command line does. Which fields mean something depends on the kind.
type Options struct {
	// Scenarios are the arguments: names of the library or files for whole clusters, else what follows the kind's name.
	Scenarios []string
	// Schedulers are names: of the kind's own, registered ones, or files.
	Schedulers []string
	Seeds      []uint64
	// Ties is the rule for nodes of equal score.
	Ties string
	// Decides is the metric that decides who leads; empty is the kind's or the scenario's own.
	Decides string
	// Trace is a folder with traces, Pods are lists of pods in it.
	Trace string
	Pods  []string
	// Arrivals has pods of a trace come and go; Loads are percentages of the GPUs that they ask for, or Recorded; Process is
	// the name of an arrival process.
	Arrivals bool
	Loads    []string
	Process  string
	// WholeCluster feeds a trace's pods to a whole simulated cluster, by the protocol.
	WholeCluster bool
	// Nodes is the size of a cluster that is made up.
	Nodes int
	// Load finds the scenarios that an argument names.
	Load func(argument string) ([]*scenarios.Scenario, error)
	// Started sees every simulation before its first step.
	Started func(*sim.Simulation)
	// Stopwatch makes what measures decisions on the host; nil measures nothing.
	Stopwatch func() *scheduler.Stopwatch
}

// Kind is one way to compare schedulers. The command line knows no more of it than this.
type Kind struct {
	// Name is the first argument; that of whole clusters is empty, since their arguments are scenarios.
	Name string
	// About says what it is, for the help.
	About string
	// Flags are those that only some kinds take, of: trace, pods, arrivals, load, process, whole-cluster, nodes.
	Flags []string
	// Default is what counts for flags that are not given, Seeds the text for those.
	Default Options
	Seeds   string
	// Ties are the rules for nodes of equal score, the default first.
	Ties []string
	// Known are the names of schedulers, for completion.
	Known func() []string
	// New checks everything that can be wrong before anything runs.
	New func(Options) (Subject, error)
}

// Kinds is the table of them, whole clusters last, since their arguments may be anything. Who adds a kind of comparison
// adds a row.
var Kinds = []Kind{published, made, clusters}

// KindOf finds the kind that the arguments are about, and what of them is left for it. Without any it is one that needs
// nothing.
func KindOf(arguments []string) (*Kind, []string) {
	if len(arguments) == 0 {
		return &made, nil
	}
	for i := range Kinds {
		if k := &Kinds[i]; k.Name == arguments[0] {
			return k, arguments[1:]
		}
	}
	return &clusters, arguments
}

// check finds what is wrong with any kind's options.
func (o *Options) check() error {
	if len(o.Schedulers) == 0 {
		return errors.New("name at least one scheduler")
	}
	for i, name := range o.Schedulers {
		if slices.Contains(o.Schedulers[:i], name) {
			return fmt.Errorf("scheduler %s is named twice", name)
		}
	}
	if len(o.Seeds) == 0 {
		return errors.New("name at least one seed")
	}
	for i, seed := range o.Seeds {
		if seed > math.MaxInt64 {
			return fmt.Errorf("seed %d is too large: at most %d", seed, math.MaxInt64)
		}
		if slices.Contains(o.Seeds[:i], seed) {
			return fmt.Errorf("seed %d is named twice", seed)
		}
	}
	return nil
}

// Subject is New with what is left open filled in from the defaults.
func (k *Kind) Subject(o Options) (Subject, error) {
	if len(o.Schedulers) == 0 {
		o.Schedulers = k.Default.Schedulers
	}
	if len(o.Pods) == 0 {
		o.Pods = k.Default.Pods
	}
	if len(o.Loads) == 0 {
		o.Loads = k.Default.Loads
	}
	if o.Nodes == 0 {
		o.Nodes = k.Default.Nodes
	}
	if o.Ties == "" {
		o.Ties = k.Ties[0]
	}
	if !slices.Contains(k.Ties, o.Ties) {
		return nil, fmt.Errorf("ties are not broken by %q here: want one of %s", o.Ties, strings.Join(k.Ties, ", "))
	}
	s, err := k.New(o)
	if err != nil || o.Decides == "" {
		return s, err
	}
	if m := find(s.Metrics(), o.Decides); m == nil || m.Better == comparison.Neither {
		return nil, fmt.Errorf("%q is not a metric that can decide: want one of %s", o.Decides, strings.Join(deciding(s.Metrics()), ", "))
	}
	return decided{s, o.Decides}, nil
}

// decided is a subject of which somebody has said which metric decides.
type decided struct {
	Subject
	metric string
}

// Header implements Subject.
func (d decided) Header() comparison.Header {
	h := d.Subject.Header()
	for i := range h.Scenarios {
		h.Scenarios[i].Decides = d.metric
	}
	return h
}
