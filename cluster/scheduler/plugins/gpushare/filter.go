package gpushare

import (
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// Why a node is refused. A pod that goes helps only where the GPUs themselves would do.
var (
	tooFew     = framework.NewStatus(framework.UnschedulableAndUnresolvable, "node(s) had too few GPUs")
	otherModel = framework.NewStatus(framework.UnschedulableAndUnresolvable, "node(s) had GPUs of another model")
	noneLeft   = framework.NewStatus(framework.Unschedulable, "node(s) had too few GPUs with enough left")
)

// Filter refuses nodes without the GPUs that the pod asks for.
func (p *Plugin) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	if c.Snapshot.Nodes[node.Slot] != node {
		return verdict(p.attempt(c), p.nodeOf(node)) // A dry run has put pods on it, or taken some away.
	}
	return p.FilterSlot(c, node.Slot)
}

// FilterSlot implements framework.ColumnFilter.
func (p *Plugin) FilterSlot(c *framework.Cycle, slot int32) *framework.Status {
	return verdict(p.attempt(c), p.table.Node(int(slot)))
}

func verdict(a *attempt, n *policies.Node) *framework.Status {
	switch {
	case n == nil || len(n.GPULeft) < a.request.GPUs:
		return tooFew
	case !a.pod.Accepts(n.Model):
		return otherModel
	case !n.Holds(&a.pod):
		return noneLeft
	}
	return nil
}
