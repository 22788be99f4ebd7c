package openb

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// The published protocol's parameters.
const (
	inflation     = 1.3 // times the GPU capacity is what arrives
	droppedFirst  = 1   // draws before the shuffle
	droppedSecond = 10  // draws before the nodes are named
)

// inOrder are the pods in the order of their arrival, with their types numbered.
func inOrder(t *Trace, r *rand.Rand) []policies.Pod {
	sorted := slices.Clone(t.Pods)
	slices.SortStableFunc(sorted, func(a, b policies.Pod) int { return cmp.Compare(a.Name, b.Name) })
	policies.NumberTypes(sorted)
	for range droppedFirst {
		r.Int()
	}
	pods := slices.Clone(sorted)
	r.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
	target := inflation * float64(t.GPUCapacity())
	var total int64
	for i := range pods {
		total += pods[i].TotalGPUMilli()
	}
	switch {
	case float64(total) > target:
		return deflate(pods, total, target, r)
	case float64(total) < target:
		return inflate(pods, sorted, total, target, r)
	}
	return pods
}

// deflate removes drawn pods until the others ask for no more than the target.
func deflate(pods []policies.Pod, total int64, target float64, r *rand.Rand) []policies.Pod {
	for float64(total) > target {
		i := r.Intn(len(pods))
		total -= pods[i].TotalGPUMilli()
		pods = slices.Delete(pods, i, i+1)
	}
	return pods
}

// inflate appends clones of pods drawn from originals, up to the one that would exceed the target. That test counts one
// GPU of the clone while the total counts all: so a clone that asks for several may still be added and go past the
// target, after which another draw is made and found too much, whatever it is.
func inflate(pods, originals []policies.Pod, total int64, target float64, r *rand.Rand) []policies.Pod {
	for number := 0; ; number++ {
		clone := originals[r.Intn(len(originals))]
		if float64(total+clone.GPUMilli) > target {
			return pods
		}
		total += clone.TotalGPUMilli()
		clone.Name = fmt.Sprintf("%s-clone-%d", clone.Name, number)
		pods = append(pods, clone)
	}
}

// namedNodes are fresh nodes under drawn names, sorted by them: the names decide ties.
func namedNodes(t *Trace, r *rand.Rand) []*policies.Node {
	nodes := make([]*policies.Node, len(t.Nodes))
	for i := range t.Nodes {
		nodes[i] = t.Nodes[i].Copy()
	}
	byName := func(a, b *policies.Node) int { return strings.Compare(a.Name, b.Name) }
	slices.SortStableFunc(nodes, byName)
	for range droppedSecond {
		r.Int()
	}
	for i, position := range r.Perm(len(nodes)) {
		nodes[i].Name = fmt.Sprintf("%04d-%s", position, nodes[i].Name)
	}
	slices.SortFunc(nodes, byName)
	return nodes
}

// Typical is the target workload: the most frequent requests that make up 95 % of the pods, and their shares of these.
func Typical(pods []policies.Pod) []policies.TypicalPod {
	census := policies.Census{}
	for i := range pods {
		census.Add(&pods[i])
	}
	return census.Typical()
}
