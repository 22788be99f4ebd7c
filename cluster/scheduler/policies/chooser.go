package policies

import "slices"

// Chooser finds the best node for one pod after the other.
type Chooser struct {
	policy Policy
	nodes  []*Node
	// changes lists the indices of nodes in the order in which they changed.
	changes []int
	// views holds, per type of pod, what is known of all nodes.
	views map[int]*view

	// tie chooses between nodes of equal score; nil takes the first.
	tie Draw
	// looked holds, by node, the last round of looking at changes in which it was looked at.
	looked []int
	round  int

	// Buffers of Best.
	fitting []int
	scores  []int64
}

// view is what one type of pod makes of the nodes.
type view struct {
	// scores by node; unfit where the pod does not fit.
	scores []int64
	// seen is how much of changes has been taken over.
	seen int
}

// unfit is below every score.
const unfit = -1 << 62

// NewChooser decides over nodes, which must be sorted by name: ties go to the first, or where tie is not nil, to one that
// it draws.
func NewChooser(policy Policy, nodes []*Node, tie Draw) *Chooser {
	return &Chooser{policy: policy, nodes: nodes, tie: tie, views: map[int]*view{}, looked: make([]int, len(nodes))}
}

// Place puts the pod on the best node and returns that node's index, -1 where it fits nowhere.
func (c *Chooser) Place(p *Pod) int {
	i := c.Best(p)
	if i >= 0 {
		c.nodes[i].Place(p, c.policy.GPUs(c.nodes[i], p))
		c.Changed(i)
	}
	return i
}

// Changed is to be called after pods were placed on the node of that index or removed from it, other than by Place.
func (c *Chooser) Changed(i int) { c.changes = append(c.changes, i) }

// Best is the index of the best node for a pod, -1 where it fits nowhere.
func (c *Chooser) Best(p *Pod) int {
	scores := c.view(p).scores
	_, normalises := c.policy.(normaliser)
	d, draws := c.policy.(drawer)
	if !normalises && !draws {
		return c.highest(scores)
	}
	c.fitting, c.scores = c.fitting[:0], c.scores[:0]
	for i, score := range scores {
		if score != unfit {
			c.fitting, c.scores = append(c.fitting, i), append(c.scores, score)
		}
	}
	if len(c.fitting) == 0 {
		return -1
	}
	if draws {
		return c.fitting[d.draw(len(c.fitting))]
	}
	minMax(c.scores)
	return c.fitting[c.highest(c.scores)]
}

// view brings what the pod's type knows up to date.
func (c *Chooser) view(p *Pod) *view {
	v := c.views[p.Type]
	if v == nil {
		v = &view{scores: make([]int64, len(c.nodes)), seen: len(c.changes)}
		c.views[p.Type] = v
		for i, n := range c.nodes {
			v.scores[i] = c.score(n, p)
		}
		return v
	}
	c.round++
	for _, i := range c.changes[v.seen:] {
		if c.looked[i] != c.round {
			c.looked[i] = c.round
			v.scores[i] = c.score(c.nodes[i], p)
		}
	}
	v.seen = len(c.changes)
	return v
}

func (c *Chooser) score(n *Node, p *Pod) int64 {
	if !n.Fits(p) {
		return unfit
	}
	return c.policy.Score(n, p)
}

// highest is the index of the highest score by the rule for ties, -1 if nothing fits.
func (c *Chooser) highest(scores []int64) int {
	best, highest, equals := -1, int64(unfit), 0
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

// minMax stretches scores to 0 to 100 in integers; equal scores become 0.
func minMax(scores []int64) {
	low, high := slices.Min(scores), slices.Max(scores)
	for i := range scores {
		if high == low {
			scores[i] = 0
		} else {
			scores[i] = (scores[i] - low) * maxNodeScore / (high - low)
		}
	}
}
