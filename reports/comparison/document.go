package comparison

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/reports/statistics"
)

// Version is the format of a Document.
const Version = "fauxkube.dev/comparison/v1alpha1"

// Header says what is compared. Runs belong to one comparison only if their headers are equal.
type Header struct {
	Version string `json:"version"`
	Binary  string `json:"binary"`
	// Subject names the workload and how it is run.
	Subject string `json:"subject"`
	// Ties is the rule by which a scheduler decides between nodes of equal score.
	Ties string `json:"ties"`
	// Schedulers and Scenarios in the order in which they were named.
	Schedulers []string `json:"schedulers"`
	// Bounds are those of the schedulers that are none, but say what is possible at most. Nobody is judged against them.
	Bounds []string `json:"bounds,omitempty"`
	// HostCost says what the host's cost of a decision covers.
	HostCost string `json:"host_cost"`
	// Details are what is known of schedulers beside their names.
	Details   []Detail   `json:"details,omitempty"`
	Scenarios []Scenario `json:"scenarios"`
	Seeds     []uint64   `json:"seeds"`
}

// Detail is what is known of a scheduler.
type Detail struct {
	Name string `json:"name"`
	// About says what it does, in a few words.
	About string `json:"about"`
	// Hash covers its configuration.
	Hash string `json:"hash"`
	// AssumedCost is set where its simulated latency rests on an assumption: it declares no cost.
	AssumedCost bool `json:"assumed_cost"`
}

// Scenario is one input of a comparison.
type Scenario struct {
	Name string `json:"name"`
	// Decides is the metric that decides who leads; the first of the document unless given.
	Decides string `json:"decides,omitempty"`
	// About says in a few words what is in it.
	About string `json:"about"`
	// Hash covers all of it.
	Hash string `json:"hash"`
}

// Direction is which values of a metric are better.
type Direction string

// The directions.
const (
	Higher Direction = "higher"
	Lower  Direction = "lower"
	// Neither is for metrics that only describe.
	Neither Direction = ""
)

// Metric describes one quantity that runs measure.
type Metric struct {
	Name string `json:"name"`
	// Title is what people call it, Unit what its values and Difference what differences are in.
	Title      string    `json:"title"`
	Unit       string    `json:"unit"`
	Difference string    `json:"difference"`
	Better     Direction `json:"better"`
	// At lists the points of a curve that tables show, empty for what a run has one value of; Axis is what they are.
	At   []float64 `json:"at,omitempty"`
	Axis string    `json:"axis,omitempty"`
	// JudgedAt is the point that verdicts are about, nil for what a run has one value of.
	JudgedAt *float64 `json:"judged_at"`
	// Digits behind the point.
	Digits int `json:"digits"`
	// Simulated is set where the cost model's times are what is measured.
	Simulated bool `json:"simulated,omitempty"`
	// Chart is set where values along the axis are worth a chart: at the points, or wherever all runs have one.
	Chart bool `json:"chart,omitempty"`
}

// Measure is one value that a run measured.
type Measure struct {
	Metric string   `json:"metric"`
	At     *float64 `json:"at"`
	Value  float64  `json:"value"`
}

// Run is one scheduler on one scenario with one seed.
type Run struct {
	Scheduler string    `json:"scheduler"`
	Scenario  string    `json:"scenario"`
	Seed      uint64    `json:"seed"`
	Measures  []Measure `json:"measures"`
	// Host is what the run took on the machine that ran it, Decisions what it decided meanwhile.
	Host      time.Duration `json:"host_ns"`
	Decisions int           `json:"decisions"`
}

// Document is a comparison.
type Document struct {
	Header
	// Partial is why runs are missing; empty where none are.
	Partial string `json:"partial,omitempty"`
	// Outcome is a hash over the rows.
	Outcome   string    `json:"outcome"`
	Metrics   []Metric  `json:"metrics"`
	Summaries []Summary `json:"summaries"`
	Verdicts  []Verdict `json:"verdicts"`
	Host      []Host    `json:"host"`

	runs []Run
}

// Summary describes one scheduler's values of one metric over the seeds.
type Summary struct {
	Scenario  string   `json:"scenario"`
	Scheduler string   `json:"scheduler"`
	Metric    string   `json:"metric"`
	At        *float64 `json:"at"`
	Seeds     int      `json:"seeds"`
	Median    float64  `json:"median"`
	// Low and High are the ends of the median's 95 % bootstrap interval.
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

// Host is what runs took on the machines that ran them, side by side with others: not comparable between machines.
type Host struct {
	Scheduler string `json:"scheduler"`
	Runs      int    `json:"runs"`
	// Nanoseconds of host time per decision, all that a run does included.
	Least  float64 `json:"least_ns_per_decision"`
	Median float64 `json:"median_ns_per_decision"`
}

// New makes the document of the runs. The first metric is the one that decides who leads.
func New(h Header, metrics []Metric, runs []Run) *Document {
	h.Version = Version
	d := &Document{Header: h, Metrics: metrics, runs: slices.Clone(runs)}
	d.sort()
	d.Outcome = d.hash()
	for _, scenario := range d.Scenarios {
		for i := range metrics {
			d.summarise(scenario.Name, &metrics[i])
			d.judge(scenario.Name, &metrics[i])
		}
	}
	d.measureHost()
	return d
}

// Runs are the runs in the order of scenarios, seeds and schedulers.
func (d *Document) Runs() []Run { return d.runs }

// sort brings runs into the order of the header.
func (d *Document) sort() {
	key := func(r Run) [3]int {
		return [3]int{
			slices.IndexFunc(d.Scenarios, func(s Scenario) bool { return s.Name == r.Scenario }),
			slices.Index(d.Seeds, r.Seed), slices.Index(d.Schedulers, r.Scheduler),
		}
	}
	slices.SortStableFunc(d.runs, func(a, b Run) int {
		x, y := key(a), key(b)
		return slices.Compare(x[:], y[:])
	})
}

// hash covers every row.
func (d *Document) hash() string {
	h := fnv.New64a()
	for _, line := range d.rowLines() {
		h.Write(line)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// complete lists the seeds for which every scheduler has run: the pairs.
func (d *Document) complete(scenario string) []uint64 {
	count := map[uint64]int{}
	for i := range d.runs {
		if d.runs[i].Scenario == scenario {
			count[d.runs[i].Seed]++
		}
	}
	var seeds []uint64
	for _, seed := range d.Seeds {
		if count[seed] == len(d.Schedulers) {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

// values are one scheduler's values of a metric, by seed. Nil where a run did not measure it.
func (d *Document) values(scenario, scheduler, metric string, at *float64) []float64 {
	var values []float64
	seeds := d.complete(scenario)
	for i := range d.runs {
		r := &d.runs[i]
		if r.Scenario != scenario || r.Scheduler != scheduler || !slices.Contains(seeds, r.Seed) {
			continue
		}
		for _, m := range r.Measures {
			if m.Metric == metric && same(m.At, at) {
				values = append(values, m.Value)
			}
		}
	}
	if len(values) != len(seeds) {
		return nil
	}
	return values
}

func same(a, b *float64) bool { return a == b || a != nil && b != nil && *a == *b }

// points are where a metric is summarised.
func (m *Metric) points() []*float64 {
	if m.JudgedAt == nil {
		return []*float64{nil}
	}
	var points []*float64
	for i := range m.At {
		points = append(points, &m.At[i])
	}
	if !slices.Contains(m.At, *m.JudgedAt) {
		points = append(points, m.JudgedAt)
	}
	return points
}

func (d *Document) summarise(scenario string, m *Metric) {
	for _, scheduler := range d.Schedulers {
		for _, at := range m.points() {
			values := d.values(scenario, scheduler, m.Name, at)
			if len(values) == 0 {
				continue
			}
			low, high := statistics.Interval(values)
			d.Summaries = append(d.Summaries, Summary{
				Scenario: scenario, Scheduler: scheduler, Metric: m.Name, At: at, Seeds: len(values),
				Median: statistics.Median(values), Low: low, High: high,
				Mean: statistics.Mean(values), Deviation: statistics.Deviation(values),
			})
		}
	}
}

// Summary finds one of them; nil where there is none.
func (d *Document) Summary(scenario, scheduler, metric string, at *float64) *Summary {
	for i := range d.Summaries {
		s := &d.Summaries[i]
		if s.Scenario == scenario && s.Scheduler == scheduler && s.Metric == metric && same(s.At, at) {
			return s
		}
	}
	return nil
}

func (d *Document) measureHost() {
	for _, scheduler := range d.Schedulers {
		var costs []float64
		for i := range d.runs {
			if r := &d.runs[i]; r.Scheduler == scheduler && r.Decisions > 0 {
				costs = append(costs, float64(r.Host.Nanoseconds())/float64(r.Decisions))
			}
		}
		if len(costs) > 0 {
			d.Host = append(d.Host, Host{scheduler, len(costs), slices.Min(costs), statistics.Median(costs)})
		}
	}
}
