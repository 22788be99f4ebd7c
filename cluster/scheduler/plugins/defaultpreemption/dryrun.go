package defaultpreemption

import (
	"errors"
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// candidate is a node on which the pod would fit without the victims, which are in order of importance, highest first.
type candidate struct {
	node       string
	victims    []*framework.PodInfo
	violations int // victims that a PodDisruptionBudget protects
}

// findCandidates tries the nodes that are only full, from a random one on, until it has enough candidates and at least one
// that violates no budget. refused says what is wrong with the others.
func (p *DefaultPreemption) findCandidates(c *framework.Cycle, statuses *framework.NodeStatuses) (found []candidate, refused *framework.NodeStatuses, err error) {
	refused = framework.NewNodeStatuses(len(c.Snapshot.Nodes))
	full := statuses.WithCode(c.Snapshot, framework.Unschedulable)
	if len(full) == 0 {
		return nil, refused, nil
	}
	budgets := newBudgets(p.handle.Listers.PodDisruptionBudgets())
	enough := p.enough(len(full))
	var gentle, violating []candidate
	var failed []error
	offset := p.handle.Draw(len(full))
	for i := range full {
		slot := full[(offset+i)%len(full)]
		c.DryRuns++
		one, status := p.tryNode(c, slot, budgets)
		switch {
		case status.IsSuccess() && one.violations == 0:
			gentle = append(gentle, one)
		case status.IsSuccess():
			violating = append(violating, one)
		default:
			if status.IsError() {
				failed = append(failed, status.AsError())
			}
			refused.Set(slot, status)
		}
		if len(gentle) > 0 && len(gentle)+len(violating) >= enough {
			break
		}
	}
	return append(gentle, violating...), refused, errors.Join(failed...)
}

// enough is how many candidates end the search.
func (p *DefaultPreemption) enough(nodes int) int {
	return min(max(nodes*p.args.MinCandidateNodesPercentage/100, p.args.MinCandidateNodesAbsolute), nodes)
}

// tryNode selects victims on a copy of the node.
func (p *DefaultPreemption) tryNode(c *framework.Cycle, slot int32, b *budgets) (candidate, *framework.Status) {
	d := dryRun{runner: p.handle.Runner, cycle: c.Clone(), node: c.Snapshot.Nodes[slot].Clone(), now: p.handle.Now()}
	victims, violations, status := d.selectVictims(b)
	if status.IsSuccess() && len(victims) == 0 {
		status = framework.AsStatus(fmt.Errorf("expected at least one victim pod on node %q", d.node.Name()))
	}
	return candidate{d.node.Name(), victims, violations}, status
}
