package golden

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A cause is a pair of changes of which the first brings the second about, through whatever components: so it comes
// first in every run. No other order between objects is compared.
type cause struct {
	name        string
	first, then matcher
}

// matcher makes a function that is shown the changes of a transcript in the store's order. It returns the key by which
// cause and effect belong together, empty for changes that are not meant.
type matcher func() func(*Change) string

// causes is the list of pairs.
var causes = []cause{
	{"a ReplicaSet is created for a Deployment", created("Deployment", itself), created("ReplicaSet", owner)},
	{"a pod is created for a ReplicaSet", created("ReplicaSet", itself), created("Pod", owner)},
	{"a pod is created before it is bound", created("Pod", itself), when("Pod", bound, itself)},
	{"a bound pod runs", when("Pod", bound, itself), when("Pod", runs, itself)},
	{"binding is reported", when("Pod", bound, itself), event("Scheduled", involved)},
	{"creating a pod is reported", created("Pod", itself), event("SuccessfulCreate", lastWord)},
	{"deleting a pod is reported", when("Pod", leaves, itself), event("SuccessfulDelete", lastWord)},
	{"scaling is reported", created("ReplicaSet", anything), event("ScalingReplicaSet", anything)},
	{"a pod is asked to leave before it is gone", when("Pod", leaves, itself), removed("Pod", itself)},
	{"a ReplicaSet is as ready as its pods", nth("Pod", runs, owner), ready("ReplicaSet", itself)},
	{"a Deployment is as ready as its ReplicaSets", readySum("ReplicaSet", owner), ready("Deployment", itself)},
	{"a pod is orphaned when its node is gone", removed("Node", itself), when("Pod", disrupted("DeletionByPodGC"), node)},
	{"a tainted node's pods leave", when("Node", tainted, itself), when("Pod", disrupted("DeletionByTaintManager"), node)},
	{"a Service gets its EndpointSlice", created("Service", itself), created("EndpointSlice", owner)},
	{"a terminating namespace is emptied", when("Namespace", leaves, anything), removed("ReplicaSet", anything)},
	{"a namespace goes when it is empty", removed("ReplicaSet", anything), removed("Namespace", anything)},
}

// Keys: by what cause and effect belong together.
func itself(o Object) string   { return o.Name() }
func owner(o Object) string    { _, name := o.owner(); return name }
func node(o Object) string     { return o.text("spec", "nodeName") }
func involved(o Object) string { return o.text("involvedObject", "name") }
func anything(Object) string   { return "*" }

// lastWord is what most messages about a pod end with, its name.
func lastWord(o Object) string {
	message := o.text("message")
	return message[strings.LastIndexByte(message, ' ')+1:]
}

// Predicates.
func bound(o Object) bool  { return node(o) != "" }
func runs(o Object) bool   { return o.text("status", "phase") == "Running" }
func leaves(o Object) bool { return o.text("metadata", "deletionTimestamp") != "" }

func tainted(o Object) bool {
	taints, _ := o.at("spec", "taints").([]any)
	return slices.ContainsFunc(taints, func(t any) bool { m, _ := t.(map[string]any); return m["effect"] == "NoExecute" })
}

func disrupted(reason string) func(Object) bool {
	return func(o Object) bool {
		conditions, _ := o.at("status", "conditions").([]any)
		return slices.ContainsFunc(conditions, func(c any) bool {
			m, _ := c.(map[string]any)
			return m["type"] == "DisruptionTarget" && m["reason"] == reason
		})
	}
}

// stateless makes a matcher of a function without memory.
func stateless(f func(*Change) string) matcher { return func() func(*Change) string { return f } }

func created(kind string, key func(Object) string) matcher { return typed("ADDED", kind, key) }
func removed(kind string, key func(Object) string) matcher { return typed("DELETED", kind, key) }

func typed(change, kind string, key func(Object) string) matcher {
	return stateless(func(c *Change) string {
		if c.Type != change || c.Object.Kind() != kind {
			return ""
		}
		return key(c.Object)
	})
}

// when matches changes after which a predicate holds.
func when(kind string, holds func(Object) bool, key func(Object) string) matcher {
	return stateless(func(c *Change) string {
		if c.Type == "DELETED" || c.Object.Kind() != kind || !holds(c.Object) {
			return ""
		}
		return key(c.Object)
	})
}

// event matches Events of a reason when they are written or counted up.
func event(reason string, key func(Object) string) matcher {
	return when("Event", func(o Object) bool { return o.text("reason") == reason }, key)
}

// nth matches the first change after which a predicate holds for an object, and numbers the objects of one key.
func nth(kind string, holds func(Object) bool, key func(Object) string) matcher {
	return func() func(*Change) string {
		counts, seen := map[string]int{}, map[string]bool{}
		return func(c *Change) string {
			o := c.Object
			if o.Kind() != kind || !holds(o) || seen[o.Name()] {
				return ""
			}
			seen[o.Name()] = true
			counts[key(o)]++
			return fmt.Sprintf("%s with %d ready", key(o), counts[key(o)])
		}
	}
}

// ready matches states with ready replicas.
func ready(kind string, key func(Object) string) matcher {
	return stateless(func(c *Change) string {
		n := c.Object.number("status", "readyReplicas")
		if c.Type == "DELETED" || c.Object.Kind() != kind || n == 0 {
			return ""
		}
		return fmt.Sprintf("%s with %d ready", key(c.Object), n)
	})
}

// readySum matches each new sum of the ready replicas of all objects of one key.
func readySum(kind string, key func(Object) string) matcher {
	return func() func(*Change) string {
		counts := map[string]map[string]int{}
		return func(c *Change) string {
			if c.Object.Kind() != kind {
				return ""
			}
			k := key(c.Object)
			if counts[k] == nil {
				counts[k] = map[string]int{}
			}
			counts[k][c.Object.Name()] = c.Object.number("status", "readyReplicas")
			sum := 0
			for _, n := range counts[k] { //sim:unordered a sum
				sum += n
			}
			return fmt.Sprintf("%s with %d ready", k, sum)
		}
	}
}

// compareOrder checks in both transcripts that each effect comes after its cause.
func (c *comparison) compareOrder() {
	for _, pair := range causes {
		recorded, problem := c.recorded.violation(pair)
		if problem != "" {
			c.same("order "+pair.name, problem, "not a cause: it does not come first in the recording", changed)
			continue
		}
		replayed, problem := c.replayed.violation(pair)
		if problem == "" && (recorded > 0) == (replayed > 0) {
			if recorded > 0 {
				c.table.equal("order "+pair.name, "every time")
			}
			continue
		}
		c.table.Rows = append(c.table.Rows, Row{
			Item: "order " + pair.name, Recorded: fmt.Sprintf("%d times", recorded), Replayed: fmt.Sprintf("%d times", replayed),
			Kind: changed, Detail: problem,
		})
	}
}

// violation counts the effects of a pair and names the first that comes before its cause. Effects whose cause the
// transcript does not show are not counted: it came before the first step.
func (s *side) violation(pair cause) (effects int, problem string) {
	changes := byRevision(s.Changes)
	ever := map[string]bool{}
	first := pair.first()
	for _, c := range changes {
		ever[first(c)] = true
	}
	caused := map[string]bool{}
	first, then := pair.first(), pair.then()
	for _, c := range changes {
		caused[first(c)] = true
		key := then(c)
		if key == "" || !ever[key] {
			continue
		}
		effects++
		if !caused[key] && problem == "" {
			problem = fmt.Sprintf("%s at %v comes before its cause", key, c.At)
		}
	}
	return effects, problem
}

// byRevision are changes in the store's order, which is not quite that in which several watches show them.
func byRevision(changes []Change) []*Change {
	all := make([]*Change, len(changes))
	for i := range changes {
		all[i] = &changes[i]
	}
	slices.SortStableFunc(all, func(a, b *Change) int { return cmp.Compare(a.Revision, b.Revision) })
	return all
}
