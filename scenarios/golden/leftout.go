package golden

import (
	"slices"
	"strings"
)

// leftOut are the kinds of workloads in a recording whose controllers the simulated cluster does not have: what they,
// their pods and others on account of these did is taken out of both sides.
var leftOut = map[string][]string{
	"node-failure": {"StatefulSet", "DaemonSet"},
}

// withoutKinds returns a transcript without some kinds of workloads.
func (t *Transcript) withoutKinds(kinds []string) *Transcript {
	names := map[string]bool{}
	concerns := func(o Object) bool {
		kind, _ := o.owner()
		if slices.Contains(kinds, o.Kind()) || slices.Contains(kinds, kind) {
			return true
		}
		return o.Kind() == "Event" && names[o.text("involvedObject", "name")]
	}
	for _, c := range t.Changes {
		if concerns(c.Object) {
			names[c.Object.Name()] = true
		}
	}
	out := *t
	out.Changes = slices.DeleteFunc(slices.Clone(t.Changes), func(c Change) bool { return concerns(c.Object) })
	out.Final = slices.DeleteFunc(slices.Clone(t.Final), concerns)
	out.Requests = slices.DeleteFunc(slices.Clone(t.Requests), func(r Request) bool {
		about, _, _ := strings.Cut(r.About, ".") // An Event is called after what it is about.
		return names[r.About] || names[about]
	})
	return &out
}
