package policies

import "slices"

// Table keeps what a policy thinks of nodes, by type of pod, and looks again only at nodes that have changed since that type was last
// asked about.
type Table struct {
	policy Policy
	// nodes by index; nil where there is none.
	nodes []*Node
	// changes lists the indices of nodes in the order in which they changed.
	changes []int
	// views holds, per type of pod, what is known of all nodes.
	views map[int]*view
	// looked holds, by node, the last round of looking at changes in which it was looked at.
	looked []int
	round  int
}

// view is what one type of pod makes of the nodes.
type view struct {
	// scores by node; Unfit where the pod does not fit.
	scores []int64
	// seen is how much of changes has been taken over.
	seen int
}

// Unfit is below every score: the pod does not fit.
const Unfit = -1 << 62

// What is kept at most; whoever goes beyond begins anew, which costs one look at all nodes for each type of pod.
const (
	maxChanges = 1 << 16
	maxViews   = 1 << 10
)

// NewTable keeps the scores of nodes.
func NewTable(policy Policy, nodes []*Node) *Table {
	return &Table{policy: policy, nodes: nodes, views: map[int]*view{}, looked: make([]int, len(nodes))}
}

// Node is the node of an index; nil where there is none.
func (t *Table) Node(i int) *Node {
	if i < len(t.nodes) {
		return t.nodes[i]
	}
	return nil
}

// Set puts a node, or nil for none, in the place of the one of that index.
func (t *Table) Set(i int, n *Node) {
	if more := i + 1 - len(t.nodes); more > 0 {
		t.nodes = append(t.nodes, make([]*Node, more)...)
		t.looked = append(t.looked, make([]int, more)...)
	}
	t.nodes[i] = n
	t.Changed(i)
}

// Changed is to be called after pods were placed on the node of that index or removed from it.
func (t *Table) Changed(i int) {
	if len(t.changes) == maxChanges {
		t.Forget()
	}
	t.changes = append(t.changes, i)
}

// Forget drops all scores: the policy would give others now.
func (t *Table) Forget() {
	clear(t.views)
	t.changes = t.changes[:0]
}

// Scores are the policy's scores of all nodes for a pod, by index, Unfit where it does not fit. They are valid until the next change.
func (t *Table) Scores(p *Pod) []int64 {
	v := t.views[p.Type]
	if v == nil {
		if len(t.views) == maxViews {
			t.Forget()
		}
		v = &view{seen: len(t.changes)}
		t.views[p.Type] = v
		for _, n := range t.nodes {
			v.scores = append(v.scores, t.score(n, p))
		}
		return v.scores
	}
	for len(v.scores) < len(t.nodes) {
		v.scores = append(v.scores, Unfit) // New, and so among the changes.
	}
	t.round++
	for _, i := range t.changes[v.seen:] {
		if t.looked[i] != t.round {
			t.looked[i] = t.round
			v.scores[i] = t.score(t.nodes[i], p)
		}
	}
	v.seen = len(t.changes)
	return v.scores
}

func (t *Table) score(n *Node, p *Pod) int64 {
	if n == nil || !n.Fits(p) {
		return Unfit
	}
	return t.policy.Score(n, p)
}

// Draws reports whether a policy takes one of the nodes that fit without looking at them.
func Draws(policy Policy) bool {
	_, draws := policy.(drawer)
	return draws
}

// Finish turns the scores of the nodes that fit into those that are compared: a policy that looks at all of them at once has its
// say now, one that draws draws.
func Finish(policy Policy, scores []int64) {
	if _, normalises := policy.(normaliser); normalises {
		minMax(scores)
	}
	if d, draws := policy.(drawer); draws {
		clear(scores)
		scores[d.draw(len(scores))] = maxNodeScore
	}
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
