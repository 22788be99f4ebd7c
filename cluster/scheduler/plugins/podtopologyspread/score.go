package podtopologyspread

import (
	"math"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// scoreState is what an attempt scores by.
type scoreState struct {
	tally       *tally
	constraints []constraint
	weights     []float64
	requireAll  bool // nodes without the labels of all constraints score 0
	bare        bool // the nodes to be scored have no pods: see framework.NodeInfo.Bare
}

// PreScore leaves out pods without ScheduleAnyway constraints.
func (p *PodTopologySpread) PreScore(c *framework.Cycle, feasible []int32) *framework.Status {
	constraints, err := p.constraints(c.Pod.Pod, corev1.ScheduleAnyway)
	if err != nil {
		return errorf("calculating preScoreState: %w", err)
	}
	if len(constraints) == 0 {
		return skip
	}
	requireAll := len(c.Pod.Pod.Spec.TopologySpreadConstraints) > 0 || !p.system
	s := &scoreState{
		tally: p.tally(c, constraints, requireAll), constraints: constraints, requireAll: requireAll, bare: c.Bare != nil,
		weights: make([]float64, len(constraints)),
	}
	for i := range constraints {
		s.weights[i] = normalizingWeight(s.size(i, feasible))
	}
	c.Write(p.scoreState, s)
	return nil
}

// ignores reports whether a node is not scored.
func (s *scoreState) ignores(slot int32) bool { return s.requireAll && s.tally.lacksKey(slot) }

// size returns how many domains the feasible nodes are in; every host is its own.
func (s *scoreState) size(i int, feasible []int32) int {
	part := &s.tally.parts[i]
	hosts := s.constraints[i].topologyKey == corev1.LabelHostname
	seen := make([]bool, len(part.values)+1) // one more for nodes without the label
	n := 0
	for _, slot := range feasible {
		if s.ignores(slot) {
			continue
		}
		if hosts {
			n++
		} else if d := part.nodes[slot].domain + 1; !seen[d] {
			seen[d] = true
			n++
		}
	}
	return n
}

// normalizingWeight makes a constraint weigh more the more domains there are: the counts of many small domains are small.
func normalizingWeight(domains int) float64 { return math.Log(float64(domains + 2)) }

// Score sums, over the constraints, the matching pods of the node's domain. Lower is better, until NormalizeScore.
func (p *PodTopologySpread) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	return framework.StateOf[scoreState](c, p.scoreState).score(node.Slot), nil
}

// ScoreSlots implements framework.ColumnScorer.
func (p *PodTopologySpread) ScoreSlots(c *framework.Cycle, slots []int32, scores []int64) {
	s := framework.StateOf[scoreState](c, p.scoreState)
	for i, slot := range slots {
		scores[i] = s.score(slot)
	}
}

func (s *scoreState) score(slot int32) int64 {
	if s.ignores(slot) {
		return 0
	}
	var score float64
	for i := range s.constraints {
		part := &s.tally.parts[i]
		node := &part.nodes[slot]
		if node.domain < 0 {
			continue
		}
		matching := node.matching
		if s.constraints[i].topologyKey != corev1.LabelHostname {
			matching = part.values[node.domain].sum
		} else if s.bare {
			matching = 0
		}
		// A skew that is allowed should not cost: maxSkew-1 waters the difference down.
		score += float64(float64(matching)*s.weights[i]) + float64(s.constraints[i].maxSkew-1)
	}
	return int64(math.Round(score))
}

// NormalizeScore turns the sums round: the smallest becomes the best. Nodes that are not scored get 0.
func (p *PodTopologySpread) NormalizeScore(c *framework.Cycle, slots []int32, scores []int64) *framework.Status {
	s := framework.StateOf[scoreState](c, p.scoreState)
	smallest, largest := int64(math.MaxInt64), int64(0)
	for i, score := range scores {
		if !s.ignores(slots[i]) {
			smallest, largest = min(smallest, score), max(largest, score)
		}
	}
	for i, score := range scores {
		switch {
		case s.ignores(slots[i]):
			scores[i] = 0
		case largest == 0:
			scores[i] = framework.MaxNodeScore
		default:
			scores[i] = framework.MaxNodeScore * (largest + smallest - score) / largest
		}
	}
	return nil
}
