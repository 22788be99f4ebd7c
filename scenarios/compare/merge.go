package compare

import (
	"fmt"
	"slices"

	"github.com/fauxkube/fauxkube/reports/comparison"
)

// Part is a document with the name of its file.
type Part struct {
	File     string
	Document *comparison.Document
}

// Merge puts the documents of a comparison's shards together. Shards may overlap, but then their runs must agree.
func Merge(parts []Part) (*comparison.Document, error) {
	first := parts[0]
	type origin struct {
		file string
		run  comparison.Run
	}
	seen := map[Cell]origin{}
	var runs []comparison.Run
	for _, p := range parts {
		if part := Differ(first.Document.Header, p.Document.Header); part != "" {
			return nil, fmt.Errorf("%s and %s are not of one comparison: they differ in %s", first.File, p.File, part)
		}
		for _, r := range p.Document.Runs() {
			c := cellOf(&r)
			if before, ok := seen[c]; !ok {
				seen[c] = origin{p.File, r}
				runs = append(runs, r)
			} else if !slices.EqualFunc(before.run.Measures, r.Measures, equalMeasures) {
				return nil, fmt.Errorf("%s and %s disagree on %s: one of them was changed, or runs of this binary do not repeat", before.file, p.File, c)
			}
		}
	}
	cells := Cells(first.Document.Header)
	if left := Without(cells, runs); len(left) > 0 {
		return nil, fmt.Errorf("%d of %d runs are in none of the files, the first of them %s", len(left), len(cells), left[0])
	}
	return comparison.New(first.Document.Header, first.Document.Metrics, runs), nil
}

func equalMeasures(a, b comparison.Measure) bool {
	return a.Metric == b.Metric && a.Value == b.Value && (a.At == b.At || a.At != nil && b.At != nil && *a.At == *b.At)
}
