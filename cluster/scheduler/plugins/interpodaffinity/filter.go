package interpodaffinity

import (
	"fmt"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// filterState is what an attempt compares. The tally is shared; what a dry run changes is on top of it.
type filterState struct {
	in      *incoming
	tally   *tally
	changes []contribution
	// affinityKeys and antiKeys are the topology keys of the pod's own terms, by number.
	affinityKeys, antiKeys []int32
	// first says that the pod's own terms mean it too: if they mean nobody else yet, it may be the first of its group.
	first bool
}

// CloneState implements framework.Cloner.
func (s *filterState) CloneState() any {
	clone := *s
	clone.changes = slices.Clone(s.changes)
	return &clone
}

// PreFilter leaves out pods without required terms, unless pods that are there keep them away from somewhere.
func (p *InterPodAffinity) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	pod := c.Pod
	own := len(pod.RequiredAffinity) + len(pod.RequiredAntiAffinity)
	if own == 0 && pod.ParseError == nil && len(c.Snapshot.WithRequiredAntiAffinity) == 0 {
		return nil, skip
	}
	if pod.ParseError != nil {
		return nil, framework.NewStatus(framework.UnschedulableAndUnresolvable, fmt.Sprintf("parsing pod: %+v", pod.ParseError))
	}
	in := p.incoming(pod)
	in.requiredAffinity, in.requiredAnti = p.resolveAll(pod.RequiredAffinity), p.resolveAll(pod.RequiredAntiAffinity)
	t := find(p.filterTallies, c, in, contributeRequired)
	if t.entries[existingAnti] == 0 && own == 0 {
		return nil, skip
	}
	c.Write(p.filterState, newFilterState(in, t))
	return nil, nil
}

func newFilterState(in *incoming, t *tally) *filterState {
	s := &filterState{in: in, tally: t, first: framework.MatchesAll(in.requiredAffinity, in.pod.Pod)}
	for i := range in.requiredAffinity {
		s.affinityKeys = append(s.affinityKeys, t.key(in.requiredAffinity[i].TopologyKey))
	}
	for i := range in.requiredAnti {
		s.antiKeys = append(s.antiKeys, t.key(in.requiredAnti[i].TopologyKey))
	}
	return s
}

// contributeRequired counts a node's pods for the required terms of both sides.
func contributeRequired(t *tally, node *framework.NodeInfo) {
	for _, existing := range node.PodsWithRequiredAntiAffinity {
		t.in.keptAwayBy(existing, func(key string) { t.add(node, key, existingAnti, 1) })
	}
	if len(t.in.requiredAffinity)+len(t.in.requiredAnti) == 0 {
		return
	}
	for _, existing := range node.Pods {
		t.in.wants(existing, func(key string) { t.add(node, key, affinity, 1) })
		t.in.avoids(existing, func(key string) { t.add(node, key, antiAffinity, 1) })
	}
}

// keptAwayBy visits the keys of the existing pod's required anti-affinity terms that mean the pod.
func (in *incoming) keptAwayBy(existing *framework.PodInfo, visit func(key string)) {
	for i := range existing.RequiredAntiAffinity {
		if t := &existing.RequiredAntiAffinity[i]; t.Matches(in.pod.Pod, in.namespaceLabels) {
			visit(t.TopologyKey)
		}
	}
}

// wants visits the keys of the pod's required affinity terms, if all of them mean the existing pod.
func (in *incoming) wants(existing *framework.PodInfo, visit func(key string)) {
	if !framework.MatchesAll(in.requiredAffinity, existing.Pod) {
		return
	}
	for i := range in.requiredAffinity {
		visit(in.requiredAffinity[i].TopologyKey)
	}
}

// avoids visits the keys of the pod's required anti-affinity terms that mean the existing pod.
func (in *incoming) avoids(existing *framework.PodInfo, visit func(key string)) {
	for i := range in.requiredAnti {
		if t := &in.requiredAnti[i]; t.Matches(existing.Pod, nil) {
			visit(t.TopologyKey)
		}
	}
}

// AddPod implements framework.PreFilterExtensions.
func (p *InterPodAffinity) AddPod(c *framework.Cycle, added *framework.PodInfo, node *framework.NodeInfo) *framework.Status {
	p.change(c, added, node, 1)
	return nil
}

// RemovePod implements framework.PreFilterExtensions.
func (p *InterPodAffinity) RemovePod(c *framework.Cycle, removed *framework.PodInfo, node *framework.NodeInfo) *framework.Status {
	p.change(c, removed, node, -1)
	return nil
}

func (p *InterPodAffinity) change(c *framework.Cycle, other *framework.PodInfo, node *framework.NodeInfo, sign int64) {
	s := framework.StateOf[filterState](c, p.filterState)
	if s == nil {
		return
	}
	note := func(k kind) func(key string) {
		return func(name string) {
			key := s.tally.key(name)
			if domain := s.tally.domainOf(key, node); domain >= 0 {
				s.changes = append(s.changes, contribution{key: key, domain: domain, kind: k, amount: sign})
			}
		}
	}
	s.in.keptAwayBy(other, note(existingAnti))
	s.in.wants(other, note(affinity))
	s.in.avoids(other, note(antiAffinity))
}

// sum returns what counts in a domain, dry run included.
func (s *filterState) sum(key, domain int32, k kind) int64 {
	sum := s.tally.keys[key].sums[domain][k]
	for _, c := range s.changes {
		if c.kind == k && c.key == key && c.domain == domain {
			sum += c.amount
		}
	}
	return sum
}

// matchesNowhere reports whether no existing pod, in the whole cluster, is wanted.
func (s *filterState) matchesNowhere() bool {
	entries := s.tally.entries[affinity]
	for _, c := range s.changes {
		if c.kind == affinity {
			entries += c.amount
		}
	}
	return entries == 0
}

// Filter refuses nodes in domains where a wanted pod is missing, or an unwanted one is there.
func (p *InterPodAffinity) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	s := framework.StateOf[filterState](c, p.filterState)
	switch {
	case !s.nearWanted(node):
		return errAffinity
	case s.nearUnwanted(node):
		return errAntiAffinity
	case s.keptAway(node):
		return errExisting
	}
	return nil
}

// nearWanted: every term's domain holds a pod that all terms mean. The first pod of a group that wants to be together may go
// anywhere where the labels are: it matches its own terms, and nobody else does yet.
func (s *filterState) nearWanted(node *framework.NodeInfo) bool {
	present := true
	for _, key := range s.affinityKeys {
		domain := s.tally.domainOf(key, node)
		if domain < 0 {
			return false
		}
		present = present && s.sum(key, domain, affinity) > 0
	}
	return present || s.first && s.matchesNowhere()
}

func (s *filterState) nearUnwanted(node *framework.NodeInfo) bool {
	for _, key := range s.antiKeys {
		if domain := s.tally.domainOf(key, node); domain >= 0 && s.sum(key, domain, antiAffinity) > 0 {
			return true
		}
	}
	return false
}

func (s *filterState) keptAway(node *framework.NodeInfo) bool {
	if s.tally.entries[existingAnti] == 0 && len(s.changes) == 0 {
		return false
	}
	for key := range s.tally.keys {
		if domain := s.tally.domainOf(int32(key), node); domain >= 0 && s.sum(int32(key), domain, existingAnti) > 0 {
			return true
		}
	}
	return false
}
