package golden

import "regexp"

// Tolerance is a difference that two runs may have.
type Tolerance struct {
	// Items is a regular expression for "<recording>: <item>".
	Items string
	// Kind is the kind of difference.
	Kind string
	// Within limits the numbers of the two sides; nil where the kind is limit enough.
	Within func(recorded, replayed float64) bool
	Reason string

	pattern *regexp.Regexp
	used    int
}

// tolerate gives a row its verdict.
func tolerate(name string, row *Row, tolerances []*Tolerance) {
	if row.Verdict == Equal {
		return
	}
	row.Verdict = Different
	for _, t := range tolerances {
		if t.pattern == nil {
			t.pattern = regexp.MustCompile(t.Items)
		}
		if t.Kind != row.Kind || !t.pattern.MatchString(name+": "+row.Item) {
			continue
		}
		if t.Within != nil && (row.numbers == nil || !t.Within(row.numbers[0], row.numbers[1])) {
			continue
		}
		t.used++
		row.Verdict, row.Reason = Tolerated, t.Reason
		return
	}
}
