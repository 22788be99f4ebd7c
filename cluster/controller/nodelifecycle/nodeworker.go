package nodelifecycle

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/sim"
)

// syncNode brings the NoSchedule taints and the paired labels of a node up to date. A failure is not retried: whatever
// stood in the way changes the node and so brings it back.
func (c *Controller) syncNode(t *sim.Task, name string) error {
	found, ok := c.nodes.Get("", name)
	if !ok {
		return nil
	}
	node := found.(*corev1.Node)
	c.env.Process.Compute(t, c.nodeCost, 1)
	if add, remove := noScheduleChanges(node); len(add) > 0 || len(remove) > 0 {
		_ = c.swapTaints(t, node, add, remove) // Upstream logs it and goes on.
	}
	// The cache is asked again, for the taints took their time.
	if found, ok = c.nodes.Get("", name); !ok {
		return nil
	}
	if changes := labelChanges(found.(*corev1.Node).Labels); changes != nil {
		_ = c.setLabels(t, name, changes) // Likewise.
	}
	return nil
}
