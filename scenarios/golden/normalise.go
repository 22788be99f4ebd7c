package golden

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// normaliser takes out of a transcript's objects what no two runs have in common: identifiers, times, random names,
// addresses, and where the scheduler put a pod.
type normaliser struct {
	// generated maps the names that the API server has completed to what was asked for.
	generated map[string]string
}

func newNormaliser(t *Transcript) *normaliser {
	n := &normaliser{generated: map[string]string{}}
	note := func(o Object) {
		if prefix := o.text("metadata", "generateName"); prefix != "" {
			n.generated[o.Name()] = prefix + "*"
		}
	}
	for _, c := range t.Changes {
		note(c.Object)
	}
	for _, o := range t.Final {
		note(o)
	}
	return n
}

var (
	aTime       = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	anAddress   = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+(/\d+)?$`)
	aName       = regexp.MustCompile(`[a-z0-9][a-z0-9.-]*[a-z0-9]`)
	aTokenMount = regexp.MustCompile(`^kube-api-access-.{5}$`)
	placedOn    = regexp.MustCompile(` to node-\d+$`)
)

// dropped are fields that are random or tell of the store.
var dropped = []string{"uid", "resourceVersion", "managedFields"}

// placed are fields that follow from the choice of a node.
var placed = []string{"nodeName", "zone", "topology.kubernetes.io/zone", "nodePort", "healthCheckNodePort"}

// object returns a normalised copy.
func (n *normaliser) object(o Object) Object {
	isNode := o.Kind() == "Node"
	out := n.value("", map[string]any(o), isNode).(map[string]any)
	if subsets, ok := out["endpoints"].([]any); ok {
		sortByText(subsets)
	}
	if subsets, ok := out["subsets"].([]any); ok {
		for _, s := range subsets {
			s, _ := s.(map[string]any)
			for _, field := range []string{"addresses", "notReadyAddresses"} {
				if list, ok := s[field].([]any); ok {
					sortByText(list)
				}
			}
		}
	}
	return out
}

func (n *normaliser) value(field string, v any, isNode bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v { //sim:unordered builds another map
			if !slices.Contains(dropped, key) {
				out[key] = n.value(key, item, isNode)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = n.value(field, item, isNode)
		}
		return out
	case string:
		return n.string(field, v, isNode)
	case float64:
		if slices.Contains(placed, field) {
			return "<" + field + ">"
		}
	}
	return v
}

func (n *normaliser) string(field, s string, isNode bool) string {
	switch {
	case field == lastApplied:
		return s
	case slices.Contains(placed, field) && !isNode:
		return "<" + field + ">"
	case aTime.MatchString(s):
		return "<time>"
	case anAddress.MatchString(s) && s != "0.0.0.0":
		return "<address>"
	case aTokenMount.MatchString(s):
		return "kube-api-access-*"
	case field == "holderIdentity" || strings.HasPrefix(s, "-----BEGIN CERTIFICATE-----"):
		return "<" + field + ">"
	}
	return n.text(s)
}

// text replaces the generated names in a text.
func (n *normaliser) text(s string) string {
	if !strings.Contains(s, "-") {
		return s
	}
	s = aName.ReplaceAllStringFunc(s, func(name string) string {
		if known, ok := n.generated[name]; ok {
			return known
		}
		return name
	})
	return placedOn.ReplaceAllString(s, " to <node>")
}

func sortByText(list []any) {
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(textOf(a), textOf(b)) })
}

// textOf is a value as JSON, whose keys are sorted.
func textOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("golden: what was decoded from JSON cannot be encoded: %v", err))
	}
	return string(data)
}
