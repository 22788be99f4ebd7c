package arrivals

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/gauges"
)

// Config is what is run.
type Config struct {
	// Nodes are empty. Each seed gives them names of its own, since names decide ties.
	Nodes []policies.Node
	// Source is used up by a run.
	Source Source
	// Typical is what FGD keeps nodes fit for, and fragmentation is measured by.
	Typical []policies.TypicalPod
	// Policy is one of policies.Names.
	Policy string
	Seed   uint64
	// TiesAtRandom draws between nodes of equal score; otherwise the first by name wins.
	TiesAtRandom bool
	// WarmUp is how long the cluster fills before averages and waiting count, Until when the run ends.
	WarmUp, Until time.Duration
}

// The streams of a run, and the purposes of draws that are not a source's.
const (
	sourceStream = "arrivals"
	nodesStream  = "nodes"
	policyStream = "policy"
	tiesStream   = "ties"
	purposeDraw  = sim.Purpose(0)
)

// Run runs one policy once. The error is an unknown policy.
func Run(c Config) (*Result, error) {
	s := sim.New(sim.Config{Seed: c.Seed, NoWatchdog: true})
	defer s.Close()
	workload := policies.NewWorkload(c.Typical)
	policy, err := policies.New(c.Policy, policies.Env{Workload: workload, Draw: draws(s, policyStream)})
	if err != nil {
		return nil, err
	}
	var tie policies.Draw
	if c.TiesAtRandom {
		tie = draws(s, tiesStream)
	}
	nodes := named(c.Nodes, s.Stream(nodesStream))
	r := &run{
		simulation: s, config: &c, draws: s.Stream(sourceStream), nodes: nodes, chooser: policies.NewChooser(policy, nodes, tie),
		meter: newMeter(&c, gauges.New(nodes, workload)),
	}
	r.arrival, r.departure, r.sample = s.Kind("arrival", arrive), s.Kind("departure", depart), s.Kind("sample", sample)
	r.awaitNext()
	for i := range int64(samples + 1) {
		s.At(sim.Time(int64(c.Until)/samples*i), 0, r.sample, uint64(i), r)
	}
	if err := s.Run(sim.Time(c.Until)); err != nil {
		return nil, fmt.Errorf("arrivals by %s, seed %d: %w", c.Policy, c.Seed, err)
	}
	return r.result(), nil
}

func draws(s *sim.Simulation, stream string) policies.Draw {
	r := s.Stream(stream)
	return func(n int) int { return int(r.Int63n(purposeDraw, int64(n))) }
}

// named are copies of nodes under drawn names, sorted by them.
func named(of []policies.Node, draws *sim.Stream) []*policies.Node {
	nodes := make([]*policies.Node, len(of))
	for i, position := range draws.Permutation(purposeDraw, len(of)) {
		nodes[i] = of[i].Copy()
		nodes[i].Name = fmt.Sprintf("%05d-%s", position, of[i].Name)
	}
	slices.SortFunc(nodes, func(a, b *policies.Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}

// run is a cluster on its way.
type run struct {
	simulation                 *sim.Simulation
	config                     *Config
	draws                      *sim.Stream
	nodes                      []*policies.Node
	chooser                    *policies.Chooser
	arrival, departure, sample sim.Kind
	next                       Job
	meter                      *meter

	// jobs are those that are there, by the number of their arrival; free are numbers to be given again.
	jobs []resident
	free []uint64
	// waiting holds, for each type that waits, who does.
	waiting []line
}

// resident is a job with its place.
type resident struct {
	job  Job
	node int
	gpus []int
}

// line is the pods of one type that wait, in the order of their arrival.
type line struct {
	jobs []Job
}

func (r *run) now() time.Duration { return r.simulation.Now().Duration() }

func (r *run) awaitNext() {
	j, ok := r.config.Source.Next(r.draws, r.now())
	if !ok || j.Arrives > r.config.Until {
		return
	}
	r.next = j
	r.simulation.At(sim.Time(max(j.Arrives, r.now())), 0, r.arrival, 0, r)
}

func arrive(_ uint64, ref any) {
	r := ref.(*run)
	j := r.next
	r.meter.pass(r.now())
	r.meter.arrived++
	if l := r.lineOf(j.Pod.Type); len(l.jobs) > 0 || !r.place(j) {
		l = r.lineOf(j.Pod.Type)
		l.jobs = append(l.jobs, j)
		r.meter.waiting++
	}
	r.awaitNext()
}

// lineOf is the line of a type.
func (r *run) lineOf(number int) *line {
	for len(r.waiting) <= number {
		r.waiting = append(r.waiting, line{})
	}
	return &r.waiting[number]
}

// place gives a job its place, if there is one.
func (r *run) place(j Job) bool {
	node, gpus := r.chooser.Place(&j.Pod)
	if node < 0 {
		return false
	}
	r.meter.placed(r.now(), &j, node)
	number := uint64(len(r.jobs))
	if n := len(r.free); n > 0 {
		number, r.free = r.free[n-1], r.free[:n-1]
	} else {
		r.jobs = append(r.jobs, resident{})
	}
	r.jobs[number] = resident{j, node, gpus}
	if leaves := r.simulation.Now().Add(j.Stays); leaves <= sim.Time(r.config.Until) {
		r.simulation.At(leaves, 0, r.departure, number, r)
	}
	return true
}

func depart(number uint64, ref any) {
	r := ref.(*run)
	r.meter.pass(r.now())
	left := r.jobs[number]
	r.jobs[number] = resident{}
	r.free = append(r.free, number)
	r.nodes[left.node].Remove(&left.job.Pod, left.gpus)
	r.chooser.Changed(left.node)
	r.meter.removed(left.node)
	r.fill(left.node)
}

// fill places those who wait on a node that has more room than before: the longest waiting of those that fit, until
// nobody fits.
func (r *run) fill(node int) {
	for {
		var first *line
		for i := range r.waiting {
			l := &r.waiting[i]
			if len(l.jobs) > 0 && (first == nil || l.jobs[0].Arrives < first.jobs[0].Arrives) && r.nodes[node].Fits(&l.jobs[0].Pod) {
				first = l
			}
		}
		if first == nil {
			return
		}
		j := first.jobs[0]
		first.jobs = first.jobs[1:]
		if !r.place(j) {
			panic(fmt.Sprintf("arrivals: %s fits on node %s, but is not placed", j.Pod.Name, r.nodes[node].Name))
		}
		r.meter.waiting--
	}
}

func sample(i uint64, ref any) {
	r := ref.(*run)
	r.meter.pass(r.now())
	r.meter.sample(int(i))
}

func (r *run) result() *Result {
	r.meter.pass(r.now())
	for i := range r.waiting {
		for j := range r.waiting[i].jobs {
			r.meter.stillWaiting(r.now(), &r.waiting[i].jobs[j])
		}
	}
	return r.meter.result()
}
