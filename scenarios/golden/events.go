package golden

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// occurrence is an Event at its end.
type occurrence struct {
	// about is the object's kind and normalised name, with who reports: the Events of one group are compared together.
	about, message string
	count          int
}

// occurrences are all Events as they were last seen.
func (s *side) occurrences() []occurrence {
	last := map[string]Object{}
	for _, c := range s.Changes {
		if c.Object.Kind() == "Event" && c.Type != "DELETED" && s.concerns(c.Object) {
			last[c.Object.Namespace()+"/"+c.Object.Name()] = c.Object
		}
	}
	var all []occurrence
	for _, name := range sortedKeys(last) {
		o := last[name]
		object := o.text("involvedObject", "name")
		about := fmt.Sprintf("%s/%s %s %s from %s", o.text("involvedObject", "kind"), s.normaliser.text(object), o.text("type"), o.text("reason"),
			cmp.Or(o.text("source", "component"), o.text("reportingComponent")))
		if component := o.text("reportingComponent"); component != "" && component != o.text("source", "component") && o.text("source", "component") != "" {
			about += " for " + component
		}
		count := max(o.number("count"), o.number("series", "count"), 1)
		all = append(all, occurrence{about: about, message: s.normaliser.text(o.text("message")), count: count})
	}
	return all
}

// concerns leaves out the Events of what earlier recordings left in the cluster.
func (s *side) concerns(event Object) bool {
	return event.Namespace() == s.Name || event.Namespace() == "default"
}

// compareEvents compares the Events about each object by reason: how many, and each message with its count.
func (c *comparison) compareEvents() {
	recorded, replayed := grouped(c.recorded.occurrences()), grouped(c.replayed.occurrences())
	all := maps.Clone(recorded)
	maps.Copy(all, replayed)
	for _, about := range sortedKeys(all) {
		a, b := recorded[about], replayed[about]
		detail := ""
		if !slices.Equal(messages(a), messages(b)) {
			detail = "recorded " + strings.Join(messages(a), "; ") + "\nreplayed " + strings.Join(messages(b), "; ")
		}
		kind := counted
		if total(a) == total(b) {
			kind = worded
		}
		c.count("events "+about, total(a), total(b), kind, detail)
	}
}

func grouped(all []occurrence) map[string][]occurrence {
	groups := map[string][]occurrence{}
	for _, o := range all {
		groups[o.about] = append(groups[o.about], o)
	}
	return groups
}

// messages are sorted; equal ones are counted.
func messages(group []occurrence) []string {
	counts := map[string]int{}
	for _, o := range group {
		counts[fmt.Sprintf("%s (x%d)", o.message, o.count)]++
	}
	var all []string
	for _, text := range sortedKeys(counts) {
		if n := counts[text]; n > 1 {
			text = fmt.Sprintf("%d times %s", n, text)
		}
		all = append(all, text)
	}
	return all
}

func total(group []occurrence) int {
	n := 0
	for _, o := range group {
		n += o.count
	}
	return n
}
