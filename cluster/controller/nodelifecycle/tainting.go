package nodelifecycle

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// taintPeriod is the pause between two passes over the queues (scheduler.NodeEvictionPeriod).
const taintPeriod = 100 * time.Millisecond

// taintForEver makes a pass every taintPeriod. While no queue has anything to let through it sleeps, and then wakes when
// the next pass would have been.
func (c *Controller) taintForEver(t *sim.Task) {
	for {
		c.taintPass(t)
		ended := c.env.Process.Monotonic()
		if !c.anyActive() {
			c.tainting.Clear()
			t.Wait(sim.Forever, &c.tainting)
		}
		idle := c.env.Process.Monotonic().Sub(ended)
		t.Sleep(taintPeriod - idle%taintPeriod)
	}
}

func (c *Controller) anyActive() bool {
	for _, q := range c.queues { //sim:unordered any of them
		if q.active() {
			return true
		}
	}
	return false
}

func (c *Controller) taintPass(t *sim.Task) {
	for _, zone := range slices.Sorted(maps.Keys(c.queues)) {
		c.queues[zone].try(func(node string) (bool, time.Duration) { return c.taintNoExecute(t, node) })
	}
}

// retryUnknown is when a node is tried again that cannot be judged yet.
const retryUnknown = 50 * time.Millisecond

// taintNoExecute gives a queued node the taint that its Ready condition calls for.
func (c *Controller) taintNoExecute(t *sim.Task, name string) (done bool, again time.Duration) {
	found, ok := c.nodes.Get("", name)
	if !ok {
		return true, 0
	}
	node := found.(*corev1.Node)
	ready := api.NodeCondition(node, corev1.NodeReady)
	if ready == nil {
		return false, retryUnknown
	}
	switch ready.Status {
	case corev1.ConditionFalse:
		return c.swapTaints(t, node, []corev1.Taint{notReady}, []corev1.Taint{unreachable}) == nil, 0
	case corev1.ConditionUnknown:
		return c.swapTaints(t, node, []corev1.Taint{unreachable}, []corev1.Taint{notReady}) == nil, 0
	}
	return true, 0 // Ready again.
}

// queueForTainting queues a node for a taint that it does not have.
func (c *Controller) queueForTainting(node *corev1.Node, taint corev1.Taint) {
	q := c.queueOf(zoneKey(node))
	if !hasTaint(node.Spec.Taints, taint) {
		q.remove(node.Name)
	}
	if q.add(node.Name) && q.active() {
		c.tainting.Set()
	}
}

// queueOf is the queue of a zone. A node whose zone label changed since it was announced gets its zone here.
func (c *Controller) queueOf(zone string) *taintQueue {
	c.addZone(zone)
	return c.queues[zone]
}

// addZone makes a queue for a zone that is seen for the first time.
func (c *Controller) addZone(zone string) {
	if _, seen := c.states[zone]; !seen {
		c.states[zone] = initial
		c.queues[zone] = newTaintQueue(c.env.Process)
	}
}

// markReachable takes both taints off a node and forgets that it was queued.
func (c *Controller) markReachable(t *sim.Task, node *corev1.Node) error {
	for _, taint := range []corev1.Taint{unreachable, notReady} {
		if err := c.removeTaints(t, node, []corev1.Taint{taint}); err != nil {
			return err
		}
	}
	c.queueOf(zoneKey(node)).remove(node.Name)
	return nil
}
