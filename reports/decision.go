package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Decision explains one attempt to schedule a pod.
type Decision struct {
	Pod       string   `json:"pod"` // namespace/name
	At        *float64 `json:"atSeconds"`
	Scheduler string   `json:"scheduler"`
	Attempt   int      `json:"attempt"`
	// Node was chosen; empty if none was, and then Message says why.
	Node    string         `json:"node,omitempty"`
	Message string         `json:"message,omitempty"`
	Nodes   []DecisionNode `json:"nodes,omitempty"`
}

// DecisionNode is what the plugins said of a node.
type DecisionNode struct {
	Node     string    `json:"node"`
	Refusals []Refusal `json:"refusals,omitempty"`
	Scores   []Score   `json:"scores,omitempty"`
	Total    int64     `json:"total,omitempty"`
}

// Refusal is a Filter plugin's no.
type Refusal struct {
	Plugin  string   `json:"plugin"`
	Code    string   `json:"code"`
	Reasons []string `json:"reasons"`
}

// Score is a Score plugin's part: Score is Raw after normalisation, and counts Weight times.
type Score struct {
	Plugin string `json:"plugin"`
	Raw    int64  `json:"raw"`
	Score  int64  `json:"score"`
	Weight int64  `json:"weight"`
}

// WriteDecisions renders explanations for people.
func WriteDecisions(w io.Writer, decisions []Decision) error {
	p := &printer{w: w}
	p.decisions(decisions)
	return p.err
}

// Lines of a decision's tables: the best nodes, and refusals with the nodes that they are about.
const (
	shownNodes    = 10
	shownRefusals = 20
	namedNodes    = 3
)

func (p *printer) decisions(decisions []Decision) {
	for i := range decisions {
		d := &decisions[i]
		outcome := "chose " + d.Node
		if d.Node == "" {
			outcome = "found no node: " + d.Message
		} else if d.Message != "" {
			outcome += " (" + d.Message + ")"
		}
		p.printf("\nPod %s, attempt %d at %s: %s %s\n", d.Pod, d.Attempt, at(d.At), d.Scheduler, outcome)
		p.scores(d)
		p.refusals(d)
	}
}

// scores shows the nodes that were compared, the best first.
func (p *printer) scores(d *Decision) {
	var compared []*DecisionNode
	for i := range d.Nodes {
		if len(d.Nodes[i].Scores) > 0 {
			compared = append(compared, &d.Nodes[i])
		}
	}
	if len(compared) == 0 {
		return
	}
	slices.SortStableFunc(compared, func(a, b *DecisionNode) int { return int(b.Total - a.Total) })
	header := []string{"node", "total"}
	for _, s := range compared[0].Scores {
		header = append(header, fmt.Sprintf("%s x%d", s.Plugin, s.Weight))
	}
	var rows [][]string
	for _, n := range compared[:min(len(compared), shownNodes)] {
		row := []string{n.Node, fmt.Sprint(n.Total)}
		for _, s := range n.Scores {
			row = append(row, fmt.Sprintf("%d (%d)", s.Score, s.Raw))
		}
		rows = append(rows, row)
	}
	p.table(fmt.Sprintf("Scores (raw) of the best %d of %d nodes that were compared", len(rows), len(compared)), header, rows)
}

// refusals shows every reason once, with how many nodes it is about.
func (p *printer) refusals(d *Decision) {
	type group struct {
		plugin, why string
		nodes       []string
	}
	var groups []*group
	for i := range d.Nodes {
		for _, r := range d.Nodes[i].Refusals {
			why := strings.Join(r.Reasons, ", ")
			k := slices.IndexFunc(groups, func(g *group) bool { return g.plugin == r.Plugin && g.why == why })
			if k < 0 {
				k = len(groups)
				groups = append(groups, &group{plugin: r.Plugin, why: why})
			}
			groups[k].nodes = append(groups[k].nodes, d.Nodes[i].Node)
		}
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return len(b.nodes) - len(a.nodes) })
	var rows [][]string
	for _, g := range groups[:min(len(groups), shownRefusals)] {
		names := strings.Join(g.nodes[:min(len(g.nodes), namedNodes)], ", ")
		if len(g.nodes) > namedNodes {
			names += ", ..."
		}
		rows = append(rows, []string{fmt.Sprint(len(g.nodes)), g.plugin, g.why, names})
	}
	p.table("Refusals", []string{"nodes", "plugin", "reason", ""}, rows)
}
