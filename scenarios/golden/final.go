package golden

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compareFinal compares the objects at the end, which include some that nobody watched.
func (c *comparison) compareFinal() {
	recorded, replayed := c.recorded.finals(), c.replayed.finals()
	all := maps.Clone(recorded)
	maps.Copy(all, replayed)
	for _, title := range sortedKeys(all) {
		a, b := recorded[title], replayed[title]
		row := Row{Item: "final " + title, Recorded: fmt.Sprintf("%d", len(a)), Replayed: fmt.Sprintf("%d", len(b)), Kind: changed}
		switch {
		case len(a) != len(b):
			row.Kind = missing
		case slices.EqualFunc(a, b, func(x, y Object) bool { return textOf(x) == textOf(y) }):
			row.Verdict = Equal
		default:
			for i := range a {
				if textOf(a[i]) != textOf(b[i]) {
					row.Detail = difference(a[i], b[i])
					break
				}
			}
		}
		c.table.Rows = append(c.table.Rows, row)
	}
}

// finals are the normalised objects at the end by kind and name. Objects of earlier recordings are left out.
func (s *side) finals() map[string][]Object {
	found := map[string][]Object{}
	for _, o := range s.Final {
		if !s.left(o) {
			continue
		}
		normalised := without(s.normaliser.object(o), append([]string{"apiVersion"}, pathCounters[o.Kind()]...))
		title := s.normaliser.titleOf(o)
		found[title] = append(found[title], normalised)
	}
	for _, group := range found { //sim:unordered each group is sorted by itself
		slices.SortFunc(group, func(a, b Object) int { return strings.Compare(textOf(a), textOf(b)) })
	}
	return found
}

// left reports whether an object at the end belongs to the recording: its namespace and what lies in it, nodes with
// their Leases, and what the API server brings along. The others are of earlier recordings.
func (s *side) left(o Object) bool {
	switch o.Kind() {
	case "Namespace":
		return o.Name() == s.Name
	case "Node", "Lease", "PriorityClass":
		return true
	}
	return o.Namespace() == s.Name
}
