package scenarios

import (
	"path"
	"strings"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/sim"
)

// decision is an explained scheduling attempt, and when it was made.
type decision struct {
	at sim.Time
	scheduler.Explanation
}

// explain makes the scheduler explain what it does with the pods that were asked about.
func (r *run) explain(t *cluster.Topology) {
	if len(r.options.Explain) == 0 {
		return
	}
	t.Explain = func(namespace, name string) bool { return asksFor(r.options.Explain, namespace, name) }
	t.Explained = func(e scheduler.Explanation) {
		r.decisions = append(r.decisions, decision{r.simulation.Now(), e})
	}
}

// asksFor reports whether a pod is meant by one of the patterns. A pattern without a namespace is about the namespace default.
func asksFor(patterns []string, namespace, name string) bool {
	for _, pattern := range patterns {
		if !strings.Contains(pattern, "/") {
			pattern = "default/" + pattern
		}
		if ok, err := path.Match(pattern, namespace+"/"+name); ok && err == nil {
			return true
		}
	}
	return false
}

// explained turns the decisions into the report's form.
func (r *run) explained() []reports.Decision {
	var rows []reports.Decision
	for i := range r.decisions {
		d := &r.decisions[i]
		row := reports.Decision{
			Pod: d.Pod.Namespace + "/" + d.Pod.Name, At: r.seconds(d.at), Scheduler: d.Profile, Attempt: d.Attempt, Node: d.Node, Message: d.Message,
		}
		for k := range d.Nodes {
			row.Nodes = append(row.Nodes, explainedNode(&d.Nodes[k]))
		}
		rows = append(rows, row)
	}
	return rows
}

func explainedNode(n *runtime.NodeExplanation) reports.DecisionNode {
	row := reports.DecisionNode{Node: n.Node, Total: n.Total}
	for _, s := range n.Refusals {
		row.Refusals = append(row.Refusals, reports.Refusal{Plugin: s.Plugin(), Code: s.Code().String(), Reasons: s.Reasons()})
	}
	for _, p := range n.Parts {
		row.Scores = append(row.Scores, reports.Score{Plugin: p.Plugin, Raw: p.Raw, Score: p.Score, Weight: p.Weight})
	}
	return row
}
