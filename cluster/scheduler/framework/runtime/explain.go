package runtime

import (
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// NodeExplanation is what a profile's plugins think of a node.
type NodeExplanation struct {
	Node string
	// Refusals are those of every Filter plugin, in order; scheduling itself stops at the first.
	Refusals []*framework.Status
	// Parts and Total are the scores of a node that was compared with others.
	Parts []PartExplanation
	Total int64
}

// PartExplanation is a plugin's part of a node's score.
type PartExplanation struct {
	Plugin string
	// Raw is before, Score after normalisation; the total counts Score times Weight.
	Raw, Score, Weight int64
}

// Explain asks every Filter plugin about every node of the snapshot, and every Score plugin about the nodes that were scored in the attempt.
// It is an attempt of its own: nothing that the real one knows is changed. A pod that PreFilter refused has no nodes to speak of.
// Bare are the nodes that were scored, if an extender sent them back as bare objects.
func (f *Framework) Explain(pod *framework.PodInfo, snapshot *framework.Snapshot, scored []int32, bare []*framework.NodeInfo) []NodeExplanation {
	c := framework.NewCycle(pod, snapshot)
	c.Bare = bare
	nodes, _, status := f.PreFilter(c)
	if !status.IsSuccess() {
		return nil
	}
	list := make([]NodeExplanation, 0, len(snapshot.Order))
	at := map[int32]int{}
	for _, slot := range snapshot.Order {
		node := snapshot.Nodes[slot]
		at[slot] = len(list)
		e := NodeExplanation{Node: node.Name()}
		if nodes != nil && !nodes[node.Name()] {
			e.Refusals = []*framework.Status{framework.NewStatus(framework.UnschedulableAndUnresolvable, "left out by PreFilter")}
		} else {
			e.Refusals = f.refusals(c, node)
		}
		list = append(list, e)
	}
	f.explainScores(c, scored, list, at)
	return list
}

func (f *Framework) refusals(c *framework.Cycle, node *framework.NodeInfo) []*framework.Status {
	var refusals []*framework.Status
	for i := range f.filters {
		p := &f.filters[i]
		if c.SkipFilter.Has(p.id) {
			continue
		}
		if s := p.plugin.Filter(c, node); !s.IsSuccess() {
			refusals = append(refusals, s.WithPlugin(p.plugin.Name()))
		}
	}
	return refusals
}

// explainScores scores anew, plugin by plugin, keeping what the attempt forgets.
func (f *Framework) explainScores(c *framework.Cycle, scored []int32, list []NodeExplanation, at map[int32]int) {
	if len(scored) == 0 {
		return
	}
	for _, p := range f.preScores {
		if p.plugin.PreScore(c, scored).IsSkip() {
			c.SkipScore = c.SkipScore.With(p.id)
		}
	}
	for i := range f.scorers {
		p := &f.scorers[i]
		if c.SkipScore.Has(p.id) {
			continue
		}
		raw, scores := make([]int64, len(scored)), make([]int64, len(scored))
		if !nodeByNode(c, p, scored, raw).IsSuccess() {
			continue
		}
		copy(scores, raw)
		if p.normalize != nil {
			p.normalize.NormalizeScore(c, scored, scores)
		}
		for k, slot := range scored {
			e := &list[at[slot]]
			e.Parts = append(e.Parts, PartExplanation{p.plugin.Name(), raw[k], scores[k], p.weight})
			e.Total += scores[k] * p.weight
		}
	}
}
