package policies

import "slices"

// Chooser finds the best node for one pod after the other.
type Chooser struct {
	*Table
	// tie chooses between nodes of equal score; nil takes the first.
	tie Draw

	// Buffers of Best.
	fitting []int
	scores  []int64
}

// NewChooser decides over nodes, which must be sorted by name: ties go to the first, or where tie is not nil, to one that
// it draws.
func NewChooser(policy Policy, nodes []*Node, tie Draw) *Chooser {
	return &Chooser{Table: NewTable(policy, nodes), tie: tie}
}

// Place puts the pod on the best node and returns that node's index, -1 where it fits nowhere, and the GPUs that it got.
func (c *Chooser) Place(p *Pod) (node int, gpus []int) {
	i := c.Best(p)
	if i >= 0 {
		gpus = c.policy.GPUs(c.nodes[i], p)
		c.nodes[i].Place(p, gpus)
		c.Changed(i)
	}
	return i, gpus
}

// Best is the index of the best node for a pod, -1 where it fits nowhere.
func (c *Chooser) Best(p *Pod) int {
	scores := c.Scores(p)
	_, normalises := c.policy.(normaliser)
	_, draws := c.policy.(drawer)
	if !normalises && !draws {
		return c.highest(scores)
	}
	c.fitting, c.scores = c.fitting[:0], c.scores[:0]
	for i, score := range scores {
		if score != Unfit {
			c.fitting, c.scores = append(c.fitting, i), append(c.scores, score)
		}
	}
	if len(c.fitting) == 0 {
		return -1
	}
	Finish(c.policy, c.scores)
	return c.fitting[c.highest(c.scores)]
}

// highest is the index of the highest score by the rule for ties, -1 if nothing fits.
func (c *Chooser) highest(scores []int64) int {
	best, highest, equals := -1, int64(Unfit), 0
	for i, score := range scores {
		if score > highest {
			best, highest, equals = i, score, 0
		}
		if score == highest {
			equals++
		}
	}
	if c.tie == nil || equals < 2 || best < 0 {
		return best
	}
	for skip := c.tie(equals); skip > 0; skip-- {
		best++
		best += slices.Index(scores[best:], highest)
	}
	return best
}
