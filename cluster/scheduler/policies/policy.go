package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Policy decides between nodes on which a pod fits.
type Policy interface {
	// Score of a node that fits; the higher the better.
	Score(n *Node, p *Pod) int64
	// GPUs are the indices of the node's GPUs that the pod gets.
	GPUs(n *Node, p *Pod) []int
}

// chooser is a policy that decides over all nodes that fit at once.
type chooser interface {
	choose(feasible []*Node) *Node
}

// normaliser is a policy whose scores are brought to 0 to 100 over the nodes that fit.
type normaliser interface{ normalise() }

// Draw gives uniform numbers below n to policies that choose at random.
type Draw func(n int) int

// Env is what policies are made from.
type Env struct {
	// Typical is the target workload of FGD.
	Typical []TypicalPod
	Draw    Draw
}

// builders is the table of policies by name.
var builders = map[string]func(Env) Policy{
	"random":        func(e Env) Policy { return &random{e.Draw} },
	"dotprod":       func(Env) Policy { return dotProd{} },
	"gpuclustering": func(Env) Policy { return gpuClustering{} },
	"gpupacking":    func(Env) Policy { return gpuPacking{} },
	"bestfit":       func(Env) Policy { return bestFit{} },
	"fgd":           func(e Env) Policy { return &fgd{typical: e.Typical} },
	"firstfit":      func(Env) Policy { return firstFit{} },
}

// Names lists the policies.
func Names() []string { return slices.Sorted(maps.Keys(builders)) }

// New makes the policy of that name. The error lists the known ones.
func New(name string, e Env) (Policy, error) {
	build := builders[strings.ToLower(name)]
	if build == nil {
		return nil, fmt.Errorf("%q is not a policy: want one of %s", name, strings.Join(Names(), ", "))
	}
	return build(e), nil
}

// Chooser finds the best node for one pod after the other, keeping the scores of nodes that have not changed.
type Chooser struct {
	policy Policy
	nodes  []*Node
	// kept holds per pod type the scores of all nodes as of their versions.
	kept     map[int][]keptScore
	feasible []*Node
	scores   []int64
}

type keptScore struct {
	version uint32
	known   bool
	fits    bool
	score   int64
}

// NewChooser decides over nodes, which must be sorted by name: ties go to the first.
func NewChooser(policy Policy, nodes []*Node) *Chooser {
	return &Chooser{policy: policy, nodes: nodes, kept: map[int][]keptScore{}}
}

// Best is the node for a pod, nil where it fits nowhere.
func (c *Chooser) Best(p *Pod) *Node {
	kept := c.kept[p.Type]
	if kept == nil {
		kept = make([]keptScore, len(c.nodes))
		c.kept[p.Type] = kept
	}
	c.feasible, c.scores = c.feasible[:0], c.scores[:0]
	for i, n := range c.nodes {
		k := &kept[i]
		if !k.known || k.version != n.version {
			*k = keptScore{version: n.version, known: true, fits: n.Fits(p)}
			if k.fits {
				k.score = c.policy.Score(n, p)
			}
		}
		if k.fits {
			c.feasible, c.scores = append(c.feasible, n), append(c.scores, k.score)
		}
	}
	if len(c.feasible) == 0 {
		return nil
	}
	if chooser, ok := c.policy.(chooser); ok {
		return chooser.choose(c.feasible)
	}
	if _, ok := c.policy.(normaliser); ok {
		minMax(c.scores)
	}
	best := 0
	for i, score := range c.scores {
		if score > c.scores[best] {
			best = i
		}
	}
	return c.feasible[best]
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
