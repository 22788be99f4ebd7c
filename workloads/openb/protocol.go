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

// Scene is what a seed makes of a trace: who arrives in which order, at nodes of which names.
type Scene struct {
	// Pods in the order of their arrival.
	Pods []policies.Pod
	// Nodes are empty, and sorted by name.
	Nodes []*policies.Node
	// Workload is what FGD keeps nodes fit for.
	Workload *policies.Workload
}

// Draw makes the scene of a seed. What policies draw follows in the same stream.
func Draw(t *Trace, seed int64) (*Scene, policies.Draw) {
	r := rand.New(rand.NewSource(seed))
	pods := arrivals(t, r)
	return &Scene{pods, namedNodes(t, r), policies.NewWorkload(Typical(t.Pods))}, r.Intn
}

// Placement is where a pod went.
type Placement struct {
	Pod *policies.Pod
	// Node is empty where the pod fitted nowhere.
	Node string
	GPUs []int
}

// Run places the trace's workload by the policy of that name, with the draws of the seed. The error is an unknown name.
func Run(t *Trace, policy string, seed int64, ties Ties) (*Result, error) {
	return Follow(t, policy, seed, ties, func(Placement) {})
}

// Follow is Run, and tells where each pod went.
func Follow(t *Trace, policy string, seed int64, ties Ties, placed func(Placement)) (*Result, error) {
	scene, draw := Draw(t, seed)
	p, err := policies.New(policy, policies.Env{Workload: scene.Workload, Draw: draw})
	if err != nil {
		return nil, err
	}
	var tie policies.Draw
	if ties == AtRandom {
		tie = rand.New(rand.NewSource(^seed)).Intn // A stream of its own moves no other draw.
	}
	run := &run{
		nodes: scene.Nodes, chooser: policies.NewChooser(p, scene.Nodes, tie), workload: scene.Workload, placed: placed,
		fragmented: make([]float64, len(scene.Nodes)), inUse: make([]bool, len(scene.Nodes)),
		tally: tally{capacity: t.GPUCapacity()},
	}
	for i := range scene.Nodes {
		run.measure(i)
	}
	for i := range scene.Pods {
		run.arrive(&scene.Pods[i])
	}
	return run.result(), nil
}

// run is one pass of the protocol.
type run struct {
	nodes    []*policies.Node
	chooser  *policies.Chooser
	workload *policies.Workload
	placed   func(Placement)
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
	i, gpus := r.chooser.Place(p)
	if i < 0 {
		r.end.Failed++
		r.placed(Placement{Pod: p})
	} else {
		r.placed(Placement{p, r.nodes[i].Name, gpus})
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
