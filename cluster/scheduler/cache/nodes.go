package cache

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// AddNode takes in a node.
func (c *Cache) AddNode(object *corev1.Node) {
	n := c.node(object.Name)
	c.tree.add(object)
	c.setNode(n, object)
}

// UpdateNode takes in a node's newer version. As upstream, a node that changed its zone keeps its place in snapshots until
// some node comes or goes.
func (c *Cache) UpdateNode(before, after *corev1.Node) {
	n, known := c.nodes[after.Name]
	if !known {
		n = c.node(after.Name)
		c.tree.add(after)
	}
	c.tree.update(before, after)
	c.setNode(n, after)
}

// RemoveNode forgets a node; if pods are still on it, they stay with a ghost.
func (c *Cache) RemoveNode(object *corev1.Node) error {
	n, known := c.nodes[object.Name]
	if !known || n.info.Node == nil {
		return fmt.Errorf("node %v is not found", object.Name)
	}
	c.tree.remove(n.info.Node)
	c.setImages(n, nil)
	n.info.Node = nil
	n.info.Allocatable, n.info.AllowedPods = nil, 0
	c.touchOrDrop(n)
	return nil
}

// NodeInfo returns the cache's own view of a node, for event handlers; nil if unknown. It must not be kept.
func (c *Cache) NodeInfo(name string) *framework.NodeInfo {
	if n := c.nodes[name]; n != nil {
		return &n.info
	}
	return nil
}

func (c *Cache) setNode(n *node, object *corev1.Node) {
	if n.info.Node == nil || !sameForScheduling(n.info.Node, object) {
		n.info.ObjectVersion = c.nextGeneration()
	}
	if n.info.Node == nil || !sameImages(n.info.Node.Status.Images, object.Status.Images) {
		c.setImages(n, object.Status.Images)
	}
	n.info.SetNode(c.symbols, object)
	c.touch(n)
}

// sameForScheduling compares what Snapshot.ObjectVersion versions.
func sameForScheduling(a, b *corev1.Node) bool {
	return a.Spec.Unschedulable == b.Spec.Unschedulable &&
		equality.Semantic.DeepEqual(a.Spec.Taints, b.Spec.Taints) &&
		equality.Semantic.DeepEqual(a.Labels, b.Labels) &&
		equality.Semantic.DeepEqual(a.Status.DeclaredFeatures, b.Status.DeclaredFeatures)
}

// node returns the entry of a name, making one with a slot if it is new.
func (c *Cache) node(name string) *node {
	if n := c.nodes[name]; n != nil {
		return n
	}
	n := &node{name: name}
	n.info.Slot = c.takeSlot()
	c.nodes[name] = n
	c.touch(n)
	return n
}

func (c *Cache) takeSlot() int32 {
	if last := len(c.freeSlots) - 1; last >= 0 {
		slot := c.freeSlots[last]
		c.freeSlots = c.freeSlots[:last]
		return slot
	}
	c.usedSlots++
	return c.usedSlots - 1
}

func (c *Cache) nextGeneration() int64 {
	c.generation++
	return c.generation
}

// touch gives a changed node a new generation and the head of the list.
func (c *Cache) touch(n *node) {
	n.info.Generation = c.nextGeneration()
	if n == c.newest {
		return
	}
	c.unlink(n)
	n.older = c.newest
	if c.newest != nil {
		c.newest.newer = n
	}
	c.newest = n
}

func (c *Cache) touchOrDrop(n *node) {
	if n.info.Node != nil || len(n.info.Pods) > 0 {
		c.touch(n)
		return
	}
	c.unlink(n)
	delete(c.nodes, n.name)
	c.freeSlots = append(c.freeSlots, n.info.Slot)
}

func (c *Cache) unlink(n *node) {
	if n.newer != nil {
		n.newer.older = n.older
	}
	if n.older != nil {
		n.older.newer = n.newer
	}
	if n == c.newest {
		c.newest = n.older
	}
	n.newer, n.older = nil, nil
}
