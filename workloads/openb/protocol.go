package openb

import (
	"math/rand"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/workloads/gauges"
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
	pods := inOrder(t, r)
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
	run, chooser := newRun(t, scene), policies.NewChooser(p, scene.Nodes, tie)
	for i := range scene.Pods {
		pod := &scene.Pods[i]
		node, gpus := chooser.Place(pod)
		if node < 0 {
			placed(Placement{Pod: pod})
		} else {
			placed(Placement{pod, scene.Nodes[node].Name, gpus})
		}
		run.count(pod, node)
	}
	return run.result(), nil
}

// Replay is the result of a seed's pods having been placed elsewhere, in the order of arrival.
func Replay(t *Trace, seed int64, placements []Placement) *Result {
	scene, _ := Draw(t, seed)
	run := newRun(t, scene)
	for _, p := range placements {
		i := slices.IndexFunc(scene.Nodes, func(n *policies.Node) bool { return n.Name == p.Node })
		if i >= 0 {
			scene.Nodes[i].Place(p.Pod, p.GPUs)
		}
		run.count(p.Pod, i)
	}
	return run.result()
}

func newRun(t *Trace, scene *Scene) *run {
	return &run{gauges: gauges.New(scene.Nodes, scene.Workload), tally: tally{capacity: t.GPUCapacity()}}
}

// run takes the measures of one pass of the protocol.
type run struct {
	gauges       *gauges.Gauges
	arrived      int64
	pods, failed int
	tally        tally
}

// count takes the measures after a pod was placed on the node of that index, or nowhere.
func (r *run) count(p *policies.Pod, node int) {
	r.pods++
	r.arrived += p.TotalGPUMilli()
	if node < 0 {
		r.failed++
	} else {
		r.gauges.Placed(node)
	}
	r.tally.add(r.arrived, read(r.gauges))
}

func (r *run) result() *Result {
	result := r.tally.curves()
	result.EndState = EndState{
		Pods: r.pods, Failed: r.failed, UsedGPUMilli: r.gauges.UsedGPUMilli(), UsedCPUMilli: r.gauges.UsedCPUMilli(),
		UsedMemoryBytes: r.gauges.UsedMemoryBytes(), UsedNodes: r.gauges.UsedNodes(),
	}
	return result
}
