package golden

import (
	"strings"
	"time"
)

// history is what happened to one object, normalised, without changes that normalising makes invisible.
type history struct {
	kind, name string
	// owner is the name of what controls it; order is by creation.
	owner   string
	order   int
	created time.Duration
	states  []state
	deleted bool
	gone    time.Duration
}

// state is an object from a time on.
type state struct {
	at     time.Duration
	object Object
	text   string
}

// titleOf names an object so that both transcripts have the same name for it.
func (n *normaliser) titleOf(o Object) string { return o.Kind() + "/" + n.text(o.Name()) }

// histories collects the histories of all objects but Events, by kind and normalised name; generated names share one
// entry, in order of creation.
func histories(t *Transcript) map[string][]*history {
	n := newNormaliser(t)
	all := map[string][]*history{}
	live := map[string]*history{}
	for _, c := range byRevision(t.Changes) {
		kind := c.Object.Kind()
		if kind == "Event" {
			continue
		}
		key := kind + "/" + c.Object.Name()
		h := live[key]
		if h == nil {
			_, owner := c.Object.owner()
			title := n.titleOf(c.Object)
			h = &history{kind: kind, name: c.Object.Name(), owner: owner, order: len(all[title]), created: c.At}
			all[title] = append(all[title], h)
			live[key] = h
		}
		if c.Type == "DELETED" {
			h.deleted, h.gone = true, c.At
			delete(live, key)
			continue
		}
		object := n.object(c.Object)
		h.add(state{at: c.At, object: object, text: textOf(object)})
	}
	return all
}

func (h *history) add(s state) {
	if len(h.states) == 0 || h.states[len(h.states)-1].text != s.text {
		h.states = append(h.states, s)
	}
}

// at is the state at a time, nil before the first.
func (h *history) at(t time.Duration) *state {
	var found *state
	for i := range h.states {
		if h.states[i].at <= t {
			found = &h.states[i]
		}
	}
	if h.deleted && h.gone <= t {
		return nil
	}
	return found
}

// literal is the whole history as text.
func (h *history) literal() string {
	var lines []string
	for _, s := range h.states {
		lines = append(lines, s.text)
	}
	if h.deleted {
		lines = append(lines, "deleted")
	}
	return strings.Join(lines, "\n")
}

// lastTrigger is an annotation that a reconciliation sets or removes depending on what it has seen change.
const lastTrigger = "metadata.annotations.endpoints.kubernetes.io/last-change-trigger-time"

// running are the fields of a kind whose values between two settled states depend on how many changes one
// reconciliation sees at once. A ReplicaSet's size is among them: a rolling update takes as large a step as the pods
// that it has seen come and go allow.
var running = map[string][]string{
	"Deployment": {
		"status.replicas", "status.updatedReplicas", "status.readyReplicas", "status.availableReplicas",
		"status.unavailableReplicas", "status.terminatingReplicas",
	},
	"ReplicaSet": {
		"spec.replicas", "metadata.generation", "status.observedGeneration", "status.replicas", "status.fullyLabeledReplicas",
		"status.readyReplicas", "status.availableReplicas", "status.terminatingReplicas",
	},
	"EndpointSlice":       {"endpoints", "ports", "metadata.generation", lastTrigger},
	"Endpoints":           {"subsets", lastTrigger, "metadata.labels.endpoints.kubernetes.io/managed-by"},
	"PodDisruptionBudget": {"status"},
}

// pathCounters count the steps of a way that may be longer or shorter: they may differ even when everything has
// settled.
var pathCounters = map[string][]string{
	"ReplicaSet":    {"metadata.generation", "status.observedGeneration"},
	"EndpointSlice": {"metadata.generation", lastTrigger},
	"Endpoints":     {lastTrigger},
}

// milestones are the history without the running fields.
func (h *history) milestones() []state {
	reduced := &history{}
	for _, s := range h.states {
		object := without(s.object, running[h.kind])
		reduced.add(state{at: s.at, object: object, text: textOf(object)})
	}
	return reduced.states
}

// strands are the milestones of each part of the object by itself: each condition, and the rest. One write may change
// several parts, and in another run two writes do, so that only the parts have a sequence that must be the same.
func (h *history) strands() map[string][]state {
	strands := map[string]*history{}
	add := func(name string, at time.Duration, part Object) {
		if strands[name] == nil {
			strands[name] = &history{}
		}
		strands[name].add(state{at: at, object: part, text: textOf(part)})
	}
	for _, s := range h.milestones() {
		add("object", s.at, without(s.object, []string{"status.conditions"}))
		conditions, _ := s.object.at("status", "conditions").([]any)
		for _, c := range conditions {
			if c, ok := c.(map[string]any); ok {
				add("condition "+Object(c).text("type"), s.at, c)
			}
		}
	}
	all := make(map[string][]state, len(strands))
	for name, strand := range strands { //sim:unordered builds another map
		all[name] = strand.states
	}
	return all
}

// revisions are what the revision annotation said, in turn.
func (h *history) revisions() string {
	var all []string
	for _, s := range h.states {
		r := s.object.text("metadata", "annotations", "deployment.kubernetes.io/revision")
		if r != "" && (len(all) == 0 || all[len(all)-1] != r) {
			all = append(all, r)
		}
	}
	return strings.Join(all, ", ")
}

// settled is the state at a time as it is compared when everything has settled.
func (h *history) settled(t time.Duration) string {
	s := h.at(t)
	if s == nil {
		return "absent"
	}
	return textOf(without(s.object, pathCounters[h.kind]))
}

// settles reports whether a settled state comes about between two times.
func (h *history) settles(text string, from, to time.Duration) bool {
	for _, s := range h.states {
		if s.at >= from && s.at <= to && h.settled(s.at) == text {
			return true
		}
	}
	return h.deleted && h.gone >= from && h.gone <= to && text == "absent"
}

// without copies an object but for some fields. A field's name may contain dots: what is left of the path is tried
// whole first.
func without(o Object, paths []string) Object {
	if len(paths) == 0 {
		return o
	}
	out := make(Object, len(o))
	for key, v := range o { //sim:unordered builds another map
		var below []string
		skip := false
		for _, path := range paths {
			if path == key {
				skip = true
			} else if rest, ok := strings.CutPrefix(path, key+"."); ok {
				below = append(below, rest)
			}
		}
		if skip {
			continue
		}
		if m, ok := v.(map[string]any); ok && len(below) > 0 {
			v = map[string]any(without(m, below))
			if len(v.(map[string]any)) == 0 {
				continue
			}
		}
		out[key] = v
	}
	return out
}
