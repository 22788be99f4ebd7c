package nodelifecycle

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
)

const (
	// A status that cannot be written is tried again from a fresh node, so often and with such pauses (retrySleepTime,
	// scheduler.NodeHealthUpdateRetry).
	healthTries = 5
	healthDelay = 20 * time.Millisecond
)

// excludeDisruption labels nodes that do not count for the state of their zone.
const excludeDisruption = "node.kubernetes.io/exclude-disruption"

// monitor looks at every node once.
func (c *Controller) monitor(t *sim.Task) {
	nodes := api.Items[*corev1.Node](c.nodes.List("", nil))
	c.env.Process.Compute(t, c.lookCost, int64(len(nodes)))
	c.announce(t, nodes)
	p := &monitorPass{Controller: c, zones: make(map[string]zoneCount)}
	now := c.now()
	for i, node := range nodes {
		at := c.placeOf(i, node)
		old := c.healthAt(i, node.Name)
		if v := look(old, node, c.lease(node.Name), now); c.needsRequests(node, &v) {
			p.busy = append(p.busy, node)
		} else {
			p.settle(node, at, old, &v)
		}
	}
	p.handleBusy(t)
	c.handleDisruption(t, p.zones, nodes)
}

// announce records the arrival and departure of nodes.
func (c *Controller) announce(t *sim.Task, nodes []*corev1.Node) {
	for i, node := range nodes {
		if i < len(c.places) && c.places[i].node == node || c.known[node.Name] != nil {
			c.addZone(c.placeOf(i, node).zone)
			continue
		}
		c.record(node, "RegisteredNode", "Registered Node "+node.Name+" in Controller")
		c.known[node.Name] = node
		c.addZone(c.placeOf(i, node).zone)
		_ = c.markReachable(t, node) // Upstream ignores the outcome.
	}
	if len(c.known) == len(nodes) {
		return
	}
	present := make(map[string]bool, len(nodes))
	for _, node := range nodes {
		present[node.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(c.known)) {
		if !present[name] {
			c.record(c.known[name], "RemovingNode", "Removing Node "+name+" from Controller")
			delete(c.known, name)
		}
	}
}

// place is what a node's labels say about where it is.
type place struct {
	node *corev1.Node
	zone string
	// excluded: the node does not count for the state of its zone.
	excluded bool
	health   *health // nil where it has not been looked up yet
}

// placeOf is the place of the node at an index of the pass: nearly always that of the last pass.
func (c *Controller) placeOf(i int, node *corev1.Node) place {
	if i < len(c.places) && c.places[i].node == node {
		return c.places[i]
	}
	c.places = slices.Grow(c.places, max(i+1-len(c.places), 0))[:max(i+1, len(c.places))]
	c.places[i] = placeOfNode(node)
	return c.places[i]
}

// healthAt is what is known of the node at an index of the pass. Once there is something, it stays in one place.
func (c *Controller) healthAt(i int, name string) *health {
	at := &c.places[i]
	if at.health == nil {
		at.health = c.health[name]
	}
	return at.health
}

func placeOfNode(node *corev1.Node) place {
	_, excluded := node.Labels[excludeDisruption]
	return place{node: node, zone: zoneKey(node), excluded: excluded}
}

func (c *Controller) record(node *corev1.Node, reason, what string) {
	c.recorder.Eventf(nodeReference(node), corev1.EventTypeNormal, reason, "Node %s event: %s", node.Name, what)
}

// needsRequests reports whether handling the node means more than taking note.
func (c *Controller) needsRequests(node *corev1.Node, v *verdict) bool {
	taints := node.Spec.Taints
	switch {
	case v.update != nil, c.retry[node.Name]:
		return true
	case !v.known, len(taints) == 0:
		return false
	case v.current == corev1.ConditionTrue:
		return hasTaint(taints, unreachable) || hasTaint(taints, notReady)
	case v.current == corev1.ConditionFalse:
		return hasTaint(taints, unreachable)
	}
	return hasTaint(taints, notReady)
}

// monitorPass is one look at all nodes.
type monitorPass struct {
	*Controller
	zones map[string]zoneCount
	busy  []*corev1.Node
	next  int // in busy
}

// settle takes note of a node that needs no request beyond what the queues do.
func (p *monitorPass) settle(node *corev1.Node, at place, old *health, v *verdict) {
	p.keep(node, old, v)
	p.count(at, v)
	if !v.known {
		return
	}
	switch v.current {
	case corev1.ConditionTrue:
		p.queueOf(at.zone).remove(node.Name)
	case corev1.ConditionFalse:
		p.queueForTainting(node, notReady)
	default:
		p.queueForTainting(node, unreachable)
	}
}

// keep remembers what was seen.
func (p *monitorPass) keep(node *corev1.Node, old *health, v *verdict) {
	if old == nil {
		old = &health{}
		p.health[node.Name] = old
	}
	*old = v.health
}

func (p *monitorPass) count(at place, v *verdict) {
	if at.excluded {
		return
	}
	n := p.zones[at.zone]
	if v.known && v.current == corev1.ConditionTrue {
		n.ready++
	} else {
		n.notReady++
	}
	p.zones[at.zone] = n
}

// handleBusy handles the nodes that need requests, up to nodeWorkers at a time.
func (p *monitorPass) handleBusy(t *sim.Task) {
	var workers []*sim.Task
	for range min(nodeWorkers, len(p.busy)) {
		workers = append(workers, t.Process().Go("nodelifecycle.health", func(t *sim.Task) {
			for p.next < len(p.busy) {
				node := p.busy[p.next]
				p.next++
				p.handle(t, node)
			}
		}))
	}
	for _, w := range workers {
		t.Wait(sim.Forever, w)
	}
}

// handle writes what silence calls for and marks the pods of a node that was ready so far.
func (p *monitorPass) handle(t *sim.Task, node *corev1.Node) {
	node, v, ok := p.updateHealth(t, node)
	if !ok {
		return
	}
	p.count(placeOfNode(node), &v)
	if v.known {
		pods := controller.PodsOn(p.pods, node.Name)
		p.adjustTaints(t, node, v.current)
		wasReady := v.observed == corev1.ConditionTrue && v.current != corev1.ConditionTrue
		if wasReady {
			p.recorder.Eventf(nodeReference(node), corev1.EventTypeNormal, "NodeNotReady", "Node %s status is now: NodeNotReady", node.Name)
		}
		if wasReady || p.retry[node.Name] && v.observed != corev1.ConditionTrue {
			if err := p.markAllNotReady(t, pods); err != nil {
				p.retry[node.Name] = true
				return
			}
		}
	}
	delete(p.retry, node.Name)
}

// updateHealth looks at a node and writes its status where needed. After a failure it looks again at a fresh copy, which
// it returns.
func (p *monitorPass) updateHealth(t *sim.Task, node *corev1.Node) (*corev1.Node, verdict, bool) {
	for try := 1; ; try++ {
		v := look(p.health[node.Name], node, p.lease(node.Name), p.now())
		err := error(nil)
		if v.update != nil {
			if _, err = client.UpdateStatus(t, p.client, api.Nodes, v.update); err == nil {
				v.health.node, v.health.lease = v.update, p.lease(node.Name)
			}
		}
		p.keep(node, p.health[node.Name], &v)
		if err == nil {
			if v.update != nil {
				node = v.update
			}
			return node, v, true
		}
		fresh, err := client.Get[*corev1.Node](t, p.client, api.Nodes, "", node.Name)
		if err != nil || try == healthTries {
			return node, v, false
		}
		node = fresh
		t.Sleep(healthDelay)
	}
}

// adjustTaints swaps or removes NoExecute taints at once where the node has one already, and queues it otherwise.
func (p *monitorPass) adjustTaints(t *sim.Task, node *corev1.Node, ready corev1.ConditionStatus) {
	want, opposite := unreachable, notReady
	switch ready {
	case corev1.ConditionTrue:
		_ = p.markReachable(t, node) // Tried again in the next pass.
		return
	case corev1.ConditionFalse:
		want, opposite = notReady, unreachable
	}
	if hasTaint(node.Spec.Taints, opposite) {
		_ = p.swapTaints(t, node, []corev1.Taint{want}, []corev1.Taint{opposite}) // Likewise.
		return
	}
	p.queueForTainting(node, want)
}

// handleDisruption takes over the zones' states and what follows from them.
func (c *Controller) handleDisruption(t *sim.Task, counted map[string]zoneCount, nodes []*corev1.Node) {
	d := assess(c.states, counted)
	if d.enterFull {
		for _, node := range nodes {
			_ = c.markReachable(t, node) // Upstream logs it and goes on.
		}
	}
	if d.leaveFull {
		now := c.env.Process.Monotonic()
		for _, node := range nodes {
			if h := c.health[node.Name]; h != nil {
				h.probe = now
			}
		}
	}
	c.states = d.states
	for _, r := range d.rates {
		q := c.queues[r.zone]
		q.setRate(r.milli)
		if q.active() {
			c.tainting.Set()
		}
	}
}
