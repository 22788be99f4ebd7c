package noderesources

import (
	"fmt"
	"math"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// StrategyType says how NodeResourcesFit ranks nodes.
type StrategyType string

const (
	LeastAllocated           StrategyType = "LeastAllocated"
	MostAllocated            StrategyType = "MostAllocated"
	RequestedToCapacityRatio StrategyType = "RequestedToCapacityRatio"
)

// Strategy is a ScoringStrategy. The zero value is the default: LeastAllocated over CPU and memory, equally.
type Strategy struct {
	Type      StrategyType
	Resources []ResourceWeight
	Shape     []ShapePoint // RequestedToCapacityRatio only
}

// ResourceWeight is a resource that counts in a score.
type ResourceWeight struct {
	Name   corev1.ResourceName
	Weight int64
}

// ShapePoint is a corner of the function from utilisation (0..100) to score (0..10).
type ShapePoint struct{ Utilization, Score int64 }

// maxShapeScore is the largest score of a ShapePoint (pkg/scheduler/apis/config/types.go: MaxCustomPriorityScore).
const maxShapeScore = 10

var defaultResources = []ResourceWeight{{corev1.ResourceCPU, 1}, {corev1.ResourceMemory, 1}}

// allocationScorer scores nodes by requested and allocatable amounts.
type allocationScorer struct {
	columns []scoredColumn
	// one scores a resource by what is requested, the pod included, and allocatable.
	one func(requested, allocatable int64) int64
	// ratio: resources that score 0 don't count, and the mean is rounded.
	ratio bool
}

type scoredColumn struct {
	column int
	weight int64
	scalar bool // counts only for pods that ask for it
}

func columnsOf(h *framework.Handle, resources []ResourceWeight) []scoredColumn {
	if len(resources) == 0 {
		resources = defaultResources
	}
	var columns []scoredColumn
	for _, r := range resources {
		scalar := framework.IsScalar(r.Name)
		switch r.Name {
		case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		default:
			if !scalar {
				continue // nodes are not counted by it
			}
		}
		columns = append(columns, scoredColumn{column: h.Symbols.Column(r.Name), weight: max(r.Weight, 1), scalar: scalar})
	}
	return columns
}

func newAllocationScorer(h *framework.Handle, s Strategy) (*allocationScorer, error) {
	scorer := &allocationScorer{columns: columnsOf(h, s.Resources)}
	switch s.Type {
	case LeastAllocated, "":
		scorer.one = leastRequested
	case MostAllocated:
		scorer.one = mostRequested
	case RequestedToCapacityRatio:
		if len(s.Shape) == 0 {
			return nil, fmt.Errorf("at least one point must be specified in scoringStrategy.requestedToCapacityRatio.shape")
		}
		scorer.one, scorer.ratio = requestedToCapacity(s.Shape), true
	default:
		return nil, fmt.Errorf("scoring strategy %s is not supported", s.Type)
	}
	return scorer, nil
}

func leastRequested(requested, allocatable int64) int64 {
	if requested > allocatable {
		return 0
	}
	return (allocatable - requested) * framework.MaxNodeScore / allocatable
}

// mostRequested caps at the node: pods that ask for nothing count as if they did.
func mostRequested(requested, allocatable int64) int64 {
	return min(requested, allocatable) * framework.MaxNodeScore / allocatable
}

func requestedToCapacity(shape []ShapePoint) func(requested, allocatable int64) int64 {
	return func(requested, allocatable int64) int64 {
		utilization := int64(100)
		if requested <= allocatable {
			utilization = requested * 100 / allocatable
		}
		return interpolate(shape, utilization)
	}
}

// interpolate is linear between the corners and constant outside.
func interpolate(shape []ShapePoint, at int64) int64 {
	const scale = framework.MaxNodeScore / maxShapeScore
	for i, p := range shape {
		if at > p.Utilization {
			continue
		}
		if i == 0 {
			return p.Score * scale
		}
		before := shape[i-1]
		rise := (p.Score - before.Score) * scale
		return before.Score*scale + rise*(at-before.Utilization)/(p.Utilization-before.Utilization)
	}
	return shape[len(shape)-1].Score * scale
}

// scoreState is what an attempt scores: the columns that count for the pod and what it asks of them.
type scoreState struct {
	columns []podColumn
	pair    bool // CPU and memory, in this order: the default
}

type podColumn struct {
	column  int
	weight  int64
	request int64
}

func (s *allocationScorer) prepare(requests framework.Vector) *scoreState {
	return prepare(s.columns, requests)
}

func prepare(columns []scoredColumn, requests framework.Vector) *scoreState {
	state := &scoreState{columns: make([]podColumn, 0, len(columns))}
	for _, c := range columns {
		request := requests.At(c.column)
		if c.scalar && request == 0 {
			continue
		}
		state.columns = append(state.columns, podColumn{c.column, c.weight, request})
	}
	state.pair = len(state.columns) == 2 && state.columns[0].column == framework.ColumnCPU && state.columns[1].column == framework.ColumnMemory
	return state
}

// score is the definition: the weighted mean over the resources that the node has.
func (s *allocationScorer) score(state *scoreState, node *framework.NodeInfo) int64 {
	var sum, weights int64
	for _, c := range state.columns {
		allocatable := node.Allocatable.At(c.column)
		if allocatable == 0 {
			continue
		}
		requested := node.Requested.At(c.column)
		switch c.column {
		case framework.ColumnCPU:
			requested = node.NonZeroCPU
		case framework.ColumnMemory:
			requested = node.NonZeroMemory
		}
		score := s.one(requested+c.request, allocatable)
		if s.ratio && score <= 0 {
			continue
		}
		sum += score * c.weight
		weights += c.weight
	}
	return s.mean(sum, weights)
}

func (s *allocationScorer) mean(sum, weights int64) int64 {
	switch {
	case weights == 0:
		return 0
	case s.ratio:
		return int64(math.Round(float64(sum) / float64(weights)))
	default:
		return sum / weights
	}
}

// scoreSlots computes the same from columns; the default resources without a call a node.
func (s *allocationScorer) scoreSlots(state *scoreState, snapshot *framework.Snapshot, slots []int32, scores []int64) {
	if !state.pair || s.ratio {
		for i, slot := range slots {
			scores[i] = s.score(state, snapshot.Nodes[slot])
		}
		return
	}
	cpu, memory := state.columns[0], state.columns[1]
	allocatableCPU, allocatableMemory := snapshot.Allocatable[framework.ColumnCPU], snapshot.Allocatable[framework.ColumnMemory]
	for i, slot := range slots {
		var sum, weights int64
		if a := allocatableCPU[slot]; a != 0 {
			sum += s.one(snapshot.NonZeroCPU[slot]+cpu.request, a) * cpu.weight
			weights += cpu.weight
		}
		if a := allocatableMemory[slot]; a != 0 {
			sum += s.one(snapshot.NonZeroMemory[slot]+memory.request, a) * memory.weight
			weights += memory.weight
		}
		if weights > 0 {
			scores[i] = sum / weights
		}
	}
}
