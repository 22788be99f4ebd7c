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

// drawer is a policy that takes one of the nodes that fit without looking at them.
type drawer interface {
	// draw is the index of one of count nodes.
	draw(count int) int
}

// normaliser is a policy whose scores are brought to 0 to 100 over the nodes that fit.
type normaliser interface{ normalise() }

// Draw gives uniform numbers from 0 to n-1 to policies that choose at random.
type Draw func(n int) int

// Env is what policies are made from.
type Env struct {
	// Workload is what FGD keeps nodes fit for.
	Workload *Workload
	Draw     Draw
}

// builders is the table of policies by name.
var builders = map[string]func(Env) Policy{
	"random":        func(e Env) Policy { return &random{e.Draw} },
	"dotprod":       func(Env) Policy { return dotProd{} },
	"gpuclustering": func(Env) Policy { return gpuClustering{} },
	"gpupacking":    func(Env) Policy { return gpuPacking{} },
	"bestfit":       func(Env) Policy { return bestFit{} },
	"fgd":           func(e Env) Policy { return &fgd{workload: e.Workload} },
	"firstfit":      func(Env) Policy { return firstFit{} },
}

// Names lists the policies.
func Names() []string { return slices.Sorted(maps.Keys(builders)) }

// New makes the policy of that name. The error lists the known ones.
func New(name string, e Env) (Policy, error) {
	build := builders[name]
	if build == nil {
		return nil, fmt.Errorf("no policy is called %q: there are %s", name, strings.Join(Names(), ", "))
	}
	return build(e), nil
}
