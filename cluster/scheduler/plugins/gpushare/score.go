package gpushare

import (
	"slices"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// CostRow implements framework.CostedPlugin.
func (p *Plugin) CostRow() string { return "scheduler.policy." + plugins[p.name] }

// Score is the policy's.
func (p *Plugin) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	return scoreOf(p.table.Scores(&p.attempt(c).pod), node.Slot), nil
}

// ScoreSlots implements framework.ColumnScorer.
func (p *Plugin) ScoreSlots(c *framework.Cycle, slots []int32, scores []int64) {
	all := p.table.Scores(&p.attempt(c).pod)
	for i, slot := range slots {
		scores[i] = scoreOf(all, slot)
	}
}

// scoreOf is a node's score. A profile without NodeResourcesFit may let nodes pass that the policy has no opinion of.
func scoreOf(scores []int64, slot int32) int64 {
	if score := scores[slot]; score != policies.Unfit {
		return score
	}
	return framework.MinNodeScore
}

// NormalizeScore lets a policy that looks at all nodes together have its say. Nodes larger than the largest of the published trace,
// which scores are relative to, may be beyond the bounds of scores.
func (p *Plugin) NormalizeScore(c *framework.Cycle, slots []int32, scores []int64) *framework.Status {
	if policies.Draws(p.policy) {
		p.draw(c, slots, scores)
		return nil
	}
	policies.Finish(p.policy, scores)
	for i, score := range scores {
		scores[i] = min(max(score, framework.MinNodeScore), framework.MaxNodeScore)
	}
	return nil
}

// pick is what was drawn for an attempt, so that an explanation of it draws nothing.
type pick struct {
	pod        *framework.PodInfo
	generation int64
	slot       int32
}

func (p *Plugin) draw(c *framework.Cycle, slots []int32, scores []int64) {
	if k := p.picked; k.pod == c.Pod && k.generation == c.Snapshot.Generation {
		if i := slices.Index(slots, k.slot); i >= 0 {
			clear(scores)
			scores[i] = framework.MaxNodeScore
			return
		}
	}
	policies.Finish(p.policy, scores)
	p.picked = pick{c.Pod, c.Snapshot.Generation, slots[slices.Index(scores, framework.MaxNodeScore)]}
}
