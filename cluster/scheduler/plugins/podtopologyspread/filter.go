package podtopologyspread

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// filterState is what an attempt compares. The tally is shared; what a dry run changes is on top of it.
type filterState struct {
	tally       *tally
	constraints []constraint
	changes     []change // by constraint
}

// change is what a dry run did to a domain. It works on one node, and so on one domain a constraint.
type change struct {
	domain int32
	delta  int32
}

// CloneState implements framework.Cloner.
func (s *filterState) CloneState() any {
	clone := *s
	clone.changes = make([]change, len(s.constraints))
	copy(clone.changes, s.changes)
	return &clone
}

// PreFilter leaves out pods without DoNotSchedule constraints.
func (p *PodTopologySpread) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	constraints, err := p.constraints(c.Pod.Pod, corev1.DoNotSchedule)
	if err != nil {
		return nil, errorf("get constraints from pod: %w", err)
	}
	if len(constraints) == 0 {
		return nil, skip
	}
	c.Write(p.filterState, &filterState{tally: p.tally(c, constraints, true), constraints: constraints})
	return nil, nil
}

// Filter refuses nodes whose domain would be too far above the smallest one.
func (p *PodTopologySpread) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	return p.FilterSlot(c, node.Slot)
}

// FilterSlot implements framework.ColumnFilter.
func (p *PodTopologySpread) FilterSlot(c *framework.Cycle, slot int32) *framework.Status {
	s := framework.StateOf[filterState](c, p.filterState)
	for i := range s.constraints {
		part := &s.tally.parts[i]
		domain := part.nodes[slot].domain
		if domain < 0 {
			return errMissingLabel
		}
		if s.skew(i, domain) > int64(s.constraints[i].maxSkew) {
			return errConstraints
		}
	}
	return nil
}

// skew is how far the domain would be above the smallest, with the pod in it. Too few domains make the smallest zero.
func (s *filterState) skew(i int, domain int32) int64 {
	part, c := &s.tally.parts[i], &s.constraints[i]
	sum, changed, now := part.values[domain].sum, int32(-1), int32(0)
	if len(s.changes) > 0 && s.changes[i].delta != 0 {
		changed = s.changes[i].domain
		now = part.values[changed].sum + s.changes[i].delta
		if changed == domain {
			sum = now
		}
	}
	smallest := int64(part.min(changed, now))
	if part.counted < c.minDomains {
		smallest = 0
	}
	if c.matchesItself {
		sum++
	}
	return int64(sum) - smallest
}

// AddPod implements framework.PreFilterExtensions.
func (p *PodTopologySpread) AddPod(c *framework.Cycle, added *framework.PodInfo, node *framework.NodeInfo) *framework.Status {
	p.change(c, added, node, 1)
	return nil
}

// RemovePod implements framework.PreFilterExtensions.
func (p *PodTopologySpread) RemovePod(c *framework.Cycle, removed *framework.PodInfo, node *framework.NodeInfo) *framework.Status {
	p.change(c, removed, node, -1)
	return nil
}

func (p *PodTopologySpread) change(c *framework.Cycle, other *framework.PodInfo, node *framework.NodeInfo, delta int32) {
	s := framework.StateOf[filterState](c, p.filterState)
	if s == nil || other.Pod.Namespace != c.Pod.Pod.Namespace || !hasKeys(node.Node.Labels, s.constraints) {
		return
	}
	if s.changes == nil {
		s.changes = make([]change, len(s.constraints))
	}
	for i := range s.constraints {
		counted := &s.tally.parts[i].nodes[node.Slot]
		if counted.counts && s.constraints[i].selector.Matches(labels.Set(other.Pod.Labels)) {
			s.changes[i].domain = counted.domain
			s.changes[i].delta += delta
		}
	}
}
