package noderesources

import (
	"math"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Balanced is NodeResourcesBalancedAllocation: a Score plugin.
type Balanced struct {
	signedByRequests
	columns []scoredColumn
	state   framework.StateKey
}

var skip = framework.NewStatus(framework.Skip)

// NewBalanced returns the plugin; no resources means CPU and memory.
func NewBalanced(h *framework.Handle, resources []ResourceWeight) *Balanced {
	return &Balanced{columns: columnsOf(h, resources), state: h.NewStateKey()}
}

func (*Balanced) Name() string { return names.NodeResourcesBalancedAllocation }

// PreScore leaves out pods that ask for none of the resources: they would gather on one node (kubernetes/kubernetes issue
// 129138).
func (b *Balanced) PreScore(c *framework.Cycle, _ []int32) *framework.Status {
	state := prepare(b.columns, c.Pod.Amounts)
	for _, column := range state.columns {
		if column.request != 0 {
			c.Write(b.state, state)
			return nil
		}
	}
	return skip
}

// Score compares how evenly the node's resources are used with the pod and without: 75 if the pod changes nothing, more if
// it evens them out.
func (b *Balanced) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	state := framework.StateOf[scoreState](c, b.state)
	var with, without fractions
	for _, column := range state.columns {
		if allocatable := node.Allocatable.At(column.column); allocatable != 0 {
			requested := node.Requested.At(column.column)
			with.add(requested+column.request, allocatable)
			without.add(requested, allocatable)
		}
	}
	return improvement(with.evenness(), without.evenness()), nil
}

// ScoreSlots implements framework.ColumnScorer.
func (b *Balanced) ScoreSlots(c *framework.Cycle, slots []int32, scores []int64) {
	s, state := c.Snapshot, framework.StateOf[scoreState](c, b.state)
	if !state.pair {
		for i, slot := range slots {
			scores[i], _ = b.Score(c, s.Nodes[slot])
		}
		return
	}
	allocatableCPU, allocatableMemory := s.Allocatable[framework.ColumnCPU], s.Allocatable[framework.ColumnMemory]
	requestedCPU, requestedMemory := s.Requested[framework.ColumnCPU], s.Requested[framework.ColumnMemory]
	cpu, memory := state.columns[0].request, state.columns[1].request
	for i, slot := range slots {
		ac, am := allocatableCPU[slot], allocatableMemory[slot]
		if ac == 0 || am == 0 {
			scores[i] = improvement(framework.MaxNodeScore, framework.MaxNodeScore)
			continue
		}
		rc, rm := requestedCPU[slot], requestedMemory[slot]
		with := evennessOfTwo(fraction(rc+cpu, ac), fraction(rm+memory, am))
		without := evennessOfTwo(fraction(rc, ac), fraction(rm, am))
		scores[i] = improvement(with, without)
	}
}

// improvement maps the difference of two values in 50..100 to 50..100.
func improvement(with, without int64) int64 {
	const half = framework.MaxNodeScore / 2
	return half + (half+with-without)/2
}

func fraction(requested, allocatable int64) float64 {
	return min(float64(requested)/float64(allocatable), 1)
}

func evennessOfTwo(a, b float64) int64 {
	return int64((1 - math.Abs((a-b)/2)) * framework.MaxNodeScore)
}

// fractions collects the used shares of a node's resources.
type fractions struct {
	used  [8]float64
	more  []float64
	n     int
	total float64
}

func (f *fractions) add(requested, allocatable int64) {
	share := fraction(requested, allocatable)
	if f.n < len(f.used) {
		f.used[f.n] = share
	} else {
		f.more = append(f.more, share)
	}
	f.n++
	f.total += share
}

// evenness is 100 less the standard deviation of the shares, in percent.
func (f *fractions) evenness() int64 {
	switch {
	case f.n < 2:
		return framework.MaxNodeScore
	case f.n == 2:
		return evennessOfTwo(f.used[0], f.used[1])
	}
	mean := f.total / float64(f.n)
	var sum float64
	add := func(share float64) {
		d := share - mean
		sum += float64(d * d) // rounded, so that no processor fuses it with the addition
	}
	for _, share := range f.used[:min(f.n, len(f.used))] {
		add(share)
	}
	for _, share := range f.more {
		add(share)
	}
	deviation := math.Sqrt(sum / float64(f.n))
	return int64((1 - deviation) * framework.MaxNodeScore)
}
