package openb

import (
	"math/rand"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// Ties is the rule by which a run decides between nodes of equal score.
type Ties string

// The rules.
const (
	// ByName takes the first by name, the names being drawn per seed: the published rule.
	ByName Ties = "name"
	// AtRandom draws one, as kube-scheduler does.
	AtRandom Ties = "random"
)

// Run places the trace's workload by the policy of that name, with the draws of the seed. The error is an unknown name.
func Run(t *Trace, policy string, seed int64, ties Ties) (*Result, error) {
	r := rand.New(rand.NewSource(seed))
	pods := arrivals(t, r)
	nodes := namedNodes(t, r)
	workload := policies.NewWorkload(Typical(t.Pods))
	p, err := policies.New(policy, policies.Env{Workload: workload, Draw: r.Intn})
	if err != nil {
		return nil, err
	}
	var tie policies.Draw
	if ties == AtRandom {
		tie = rand.New(rand.NewSource(^seed)).Intn // A stream of its own moves no other draw.
	}
	run := &run{
		nodes: nodes, chooser: policies.NewChooser(p, nodes, tie), workload: workload,
		fragmented: make([]float64, len(nodes)), inUse: make([]bool, len(nodes)),
		tally: tally{capacity: t.GPUCapacity()},
	}
	for i := range nodes {
		run.measure(i)
	}
	for i := range pods {
		run.arrive(&pods[i])
	}
	return run.result(), nil
}

// run is one pass of the protocol.
type run struct {
	nodes    []*policies.Node
	chooser  *policies.Chooser
	workload *policies.Workload
	// fragmented is each node's fragmentation, in thousandths of GPUs, and total that of all.
	fragmented []float64
	total      float64
	inUse      []bool
	arrived    int64
	end        EndState
	tally      tally
}

// arrive places one pod, or not, and takes the measures.
func (r *run) arrive(p *policies.Pod) {
	r.end.Pods++
	r.arrived += p.TotalGPUMilli()
	if i := r.chooser.Place(p); i < 0 {
		r.end.Failed++
	} else {
		r.end.UsedGPUMilli += p.TotalGPUMilli()
		r.end.UsedCPUMilli += p.CPUMilli
		r.end.UsedMemoryBytes += p.MemoryBytes
		if !r.inUse[i] {
			r.inUse[i] = true
			r.end.UsedNodes++
		}
		r.measure(i)
	}
	r.tally.add(r.arrived, &r.end, r.total)
}

func (r *run) measure(node int) {
	now := r.workload.Fragmentation(r.nodes[node])
	r.total += now - r.fragmented[node]
	r.fragmented[node] = now
}

func (r *run) result() *Result {
	result := r.tally.curves()
	result.EndState = r.end
	return result
}
