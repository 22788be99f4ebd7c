package golden

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict is the outcome of comparing one item.
type Verdict string

// The verdicts.
const (
	Equal     Verdict = "equal"
	Tolerated Verdict = "tolerated"
	Different Verdict = "different"
)

// Row compares one item.
type Row struct {
	// Item begins with its sort: objects, order, events, requests, times, output, final.
	Item               string
	Recorded, Replayed string
	// Kind says in which way the item differs; tolerances refer to it.
	Kind    string
	Verdict Verdict
	Reason  string
	// Detail shows the first difference.
	Detail string
	// numbers are set for items that are counts or times.
	numbers *[2]float64
}

// Table is a comparison.
type Table struct {
	Name string
	Rows []Row
}

func (t *Table) equal(item, value string) {
	t.Rows = append(t.Rows, Row{Item: item, Recorded: value, Replayed: value, Verdict: Equal})
}

// Count counts the rows of a verdict.
func (t *Table) Count(v Verdict) int {
	n := 0
	for _, r := range t.Rows {
		if r.Verdict == v {
			n++
		}
	}
	return n
}

// String renders the table, a line an item: what is different first, then what is tolerated with the reasons, then
// what is equal.
func (t *Table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d items equal, %d tolerated, %d different\n", t.Name, t.Count(Equal), t.Count(Tolerated), t.Count(Different))
	reasons := t.reasons()
	for _, v := range []Verdict{Different, Tolerated, Equal} {
		for _, r := range t.Rows {
			if r.Verdict == v {
				r.write(&b, reasons)
			}
		}
	}
	for i, reason := range reasons {
		fmt.Fprintf(&b, "  [%d] %s\n", i+1, reason)
	}
	return b.String()
}

// maxCell is how much of a value a line shows.
const maxCell = 60

func (r *Row) write(b *strings.Builder, reasons []string) {
	fmt.Fprintf(b, "  %-10s %s: %s", r.Verdict, r.Item, cell(r.Recorded))
	if r.Verdict != Equal {
		fmt.Fprintf(b, " recorded, %s replayed", cell(r.Replayed))
	}
	if r.Verdict == Tolerated {
		fmt.Fprintf(b, " [%d]", slices.Index(reasons, r.Reason)+1)
	}
	b.WriteString("\n")
	if r.Verdict == Different && r.Detail != "" {
		fmt.Fprintf(b, "             %s\n", strings.ReplaceAll(r.Detail, "\n", "\n             "))
	}
}

func cell(text string) string {
	if len(text) > maxCell {
		return text[:maxCell] + "..."
	}
	return text
}

// reasons are those of the tolerated rows, each once.
func (t *Table) reasons() []string {
	var all []string
	for _, r := range t.Rows {
		if r.Verdict == Tolerated && !slices.Contains(all, r.Reason) {
			all = append(all, r.Reason)
		}
	}
	return all
}
