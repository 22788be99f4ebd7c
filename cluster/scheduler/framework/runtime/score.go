package runtime

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Scores are one attempt's scores: the weighted sum by feasible node, and each plugin's part. Valid until the next attempt.
type Scores struct {
	Slots  []int32
	Total  []int64
	Plugin []PluginScores
	// Extender are the parts of extenders, already multiplied by their weights.
	Extender []PluginScores
	// extended says which nodes an extender scored.
	extended []bool
}

// PluginScores are a plugin's normalised scores, before the weight.
type PluginScores struct {
	Name   string
	Weight int64
	Scores []int64
}

// Score runs PreScore, Score and NormalizeScore for the feasible nodes. into is reused.
func (f *Framework) Score(c *framework.Cycle, slots []int32, into *Scores) *framework.Status {
	into.Slots = slots
	into.Total = zeroed(into.Total, len(slots))
	used := into.Plugin[:0]
	for _, p := range f.preScores {
		s := p.plugin.PreScore(c, slots)
		if s.IsSkip() {
			c.SkipScore = c.SkipScore.With(p.id)
		} else if !s.IsSuccess() {
			return framework.AsStatus(fmt.Errorf("running PreScore plugin %q: %w", p.plugin.Name(), s.AsError()))
		}
	}
	for i := range f.scorers {
		p := &f.scorers[i]
		if c.SkipScore.Has(p.id) {
			continue
		}
		used = oneMore(used)
		part := &used[len(used)-1]
		part.Name, part.Weight = p.plugin.Name(), p.weight
		part.Scores = zeroed(part.Scores, len(slots))
		if status := f.scorePart(c, p, slots, part.Scores); !status.IsSuccess() {
			return status
		}
		for n, score := range part.Scores {
			into.Total[n] += p.weight * score
		}
	}
	into.Plugin = used
	return nil
}

// oneMore lengthens the list, keeping the buffers of what was there in an earlier attempt.
func oneMore(parts []PluginScores) []PluginScores {
	if len(parts) < cap(parts) {
		return parts[:len(parts)+1]
	}
	return append(parts, PluginScores{})
}

func zeroed(scores []int64, n int) []int64 {
	if cap(scores) < n {
		return make([]int64, n)
	}
	scores = scores[:n]
	clear(scores)
	return scores
}

// scorePart fills one plugin's scores and brings them into bounds.
func (f *Framework) scorePart(c *framework.Cycle, p *scorer, slots []int32, scores []int64) *framework.Status {
	if status := f.rawScores(c, p, slots, scores); !status.IsSuccess() {
		return framework.AsStatus(fmt.Errorf("running Score plugins: %w", fmt.Errorf("plugin %q failed with: %w", p.plugin.Name(), status.AsError())))
	}
	if p.normalize != nil {
		if status := p.normalize.NormalizeScore(c, slots, scores); !status.IsSuccess() {
			return framework.AsStatus(fmt.Errorf("running Normalize on Score plugins: %w", fmt.Errorf("plugin %q failed with: %w", p.plugin.Name(), status.AsError())))
		}
	}
	for _, score := range scores {
		if score < framework.MinNodeScore || score > framework.MaxNodeScore {
			return framework.AsStatus(fmt.Errorf("applying score defaultWeights on Score plugins: plugin %q returns an invalid score %v, it should in the range of [%v, %v] after normalizing",
				p.plugin.Name(), score, framework.MinNodeScore, framework.MaxNodeScore))
		}
	}
	return nil
}

func (f *Framework) rawScores(c *framework.Cycle, p *scorer, slots []int32, scores []int64) *framework.Status {
	switch {
	case f.plain || c.Bare != nil || p.column == nil && p.object == nil:
		return nodeByNode(c, p, slots, scores)
	case p.column != nil:
		p.column.ScoreSlots(c, slots, scores)
		return nil
	default:
		return f.objectScores(c, p, slots, scores)
	}
}

func nodeByNode(c *framework.Cycle, p *scorer, slots []int32, scores []int64) *framework.Status {
	for i, slot := range slots {
		node := c.Snapshot.Nodes[slot]
		if c.Bare != nil {
			node = c.Bare[i]
		}
		score, status := p.plugin.Score(c, node)
		if !status.IsSuccess() {
			return status
		}
		scores[i] = score
	}
	return nil
}

func (f *Framework) objectScores(c *framework.Cycle, p *scorer, slots []int32, scores []int64) *framework.Status {
	key := append(make([]byte, 0, 256), byte(p.id))
	known := f.raw.find(p.object.AppendScoreClass(key, c.Pod.Pod), len(c.Snapshot.Nodes))
	if known == nil {
		return nodeByNode(c, p, slots, scores)
	}
	for i, slot := range slots {
		version := c.Snapshot.ObjectVersion[slot]
		if known.versions[slot] != version {
			score, status := p.plugin.Score(c, c.Snapshot.Nodes[slot])
			if !status.IsSuccess() {
				return status
			}
			known.answers[slot], known.versions[slot] = score, version
		}
		scores[i] = known.answers[slot]
	}
	return nil
}
