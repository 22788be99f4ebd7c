package golden

import (
	"fmt"
	"maps"
)

// compareRequests compares how many requests of each sort each client made.
func (c *comparison) compareRequests() {
	recorded, replayed := c.recorded.requestCounts(), c.replayed.requestCounts()
	all := maps.Clone(recorded)
	maps.Copy(all, replayed)
	for _, sort := range sortedKeys(all) {
		c.count("requests "+sort, recorded[sort], replayed[sort], counted, "")
	}
}

func (s *side) requestCounts() map[string]int {
	counts := map[string]int{}
	for _, r := range s.Requests {
		if !s.counts(r) {
			continue
		}
		resource := r.Resource
		if r.Subresource != "" {
			resource += "/" + r.Subresource
		}
		counts[fmt.Sprintf("%s %s %s %d", r.Client, r.Verb, resource, r.Code)]++
		if r.Verb == "delete" {
			counts[fmt.Sprintf("%s %s %s with any answer", r.Client, r.Verb, resource)]++
		}
	}
	return counts
}

// counts leaves out the requests for what earlier recordings left in the cluster.
func (s *side) counts(r Request) bool {
	switch r.Namespace {
	case s.Name, "":
		return true
	case "default": // Events about nodes.
		return r.Resource == "events"
	}
	return false
}
