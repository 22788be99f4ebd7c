package reports

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown renders runs as a step summary: a line per scenario, then each failure.
func WriteMarkdown(w io.Writer, runs []*Report) error {
	var b strings.Builder
	all := groups(runs)
	failed := 0
	for _, g := range all {
		if len(g.failing()) > 0 {
			failed++
		}
	}
	fmt.Fprintf(&b, "## Fauxkube: %d of %d scenarios held\n\n", len(all)-failed, len(all))
	b.WriteString("| | scenario | seeds | failing seeds | simulated |\n|---|---|---|---|---|\n")
	for _, g := range all {
		mark, seeds := "✅", "-"
		if failing := g.failing(); len(failing) > 0 {
			mark, seeds = "❌", strings.Trim(fmt.Sprint(failing), "[]")
		}
		var simulated float64
		for _, r := range g.runs {
			simulated += r.SimulatedSeconds
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %s |\n", mark, escape(g.name), len(g.runs), seeds, seconds(simulated))
	}
	for _, g := range all {
		for _, c := range g.cases() {
			if len(c.failures) > 0 {
				fmt.Fprintf(&b, "\n### %s: %s\n\n%s\n\n```\n%s\n```\n", escape(g.name), escape(c.name), escape(c.summary()),
					strings.ReplaceAll(strings.Join(c.failures, "\n"), "```", "'''"))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *group) failing() []uint64 {
	var seeds []uint64
	for _, r := range g.runs {
		if r.Verdict != Held {
			seeds = append(seeds, r.Seed)
		}
	}
	return seeds
}

// escape keeps text from being taken for a table's border or for markup.
func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(text)
}
