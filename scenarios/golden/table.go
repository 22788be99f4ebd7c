package golden

import (
	"fmt"
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

// String renders the table: equal items by sort only, the others one by one.
func (t *Table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d equal, %d tolerated, %d different\n", t.Name, t.Count(Equal), t.Count(Tolerated), t.Count(Different))
	equal := map[string]int{}
	for _, r := range t.Rows {
		sort, _, _ := strings.Cut(r.Item, " ")
		if r.Verdict == Equal {
			equal[sort]++
		}
	}
	for _, sort := range sortedKeys(equal) {
		fmt.Fprintf(&b, "  equal      %-9s %d items\n", sort, equal[sort])
	}
	for _, v := range []Verdict{Tolerated, Different} {
		for _, r := range t.Rows {
			if r.Verdict != v {
				continue
			}
			fmt.Fprintf(&b, "  %-10s %s: recorded %s, replayed %s\n", v, r.Item, r.Recorded, r.Replayed)
			if r.Reason != "" {
				fmt.Fprintf(&b, "             because %s\n", r.Reason)
			}
			if r.Detail != "" && v == Different {
				fmt.Fprintf(&b, "             %s\n", strings.ReplaceAll(r.Detail, "\n", "\n             "))
			}
		}
	}
	return b.String()
}
