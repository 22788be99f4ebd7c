package openb

import (
	"math/rand"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// Run places the trace's workload by the policy of that name, with the draws of the seed. The error is an unknown name.
func Run(t *Trace, policy string, seed int64) (*Result, error) {
	r := rand.New(rand.NewSource(seed))
	pods := arrivals(t, r)
	nodes := namedNodes(t, r)
	workload := policies.NewWorkload(Typical(t.Pods))
	p, err := policies.New(policy, policies.Env{Workload: workload, Draw: r.Intn})
	if err != nil {
		return nil, err
	}
	run := &run{
		nodes: nodes, chooser: policies.NewChooser(p, nodes), workload: workload,
		fragmented: make([]float64, len(nodes)),
		tally:      tally{capacity: t.GPUCapacity()},
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
		r.measure(i)
	}
	r.tally.add(r.arrived, r.end.UsedGPUMilli, r.total)
}

func (r *run) measure(node int) {
	now := r.workload.Fragmentation(r.nodes[node])
	r.total += now - r.fragmented[node]
	r.fragmented[node] = now
}

func (r *run) result() *Result {
	result := &Result{EndState: r.end}
	result.Allocated, result.Fragmented = r.tally.curves()
	return result
}
