package cache

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/node/topology"
)

// nodeTree keeps the nodes of each zone in the order they came, and the zones in the order they were first seen.
type nodeTree struct {
	zones  []*zone
	byName map[string]*zone // by zone key
	zoneOf map[string]*zone // by node name
}

type zone struct {
	key   string
	nodes []string
}

func newNodeTree() nodeTree {
	return nodeTree{byName: map[string]*zone{}, zoneOf: map[string]*zone{}}
}

func (t *nodeTree) len() int { return len(t.zoneOf) }

// add puts a node at the end of its zone, unless it is there.
func (t *nodeTree) add(n *corev1.Node) {
	key := topology.GetZoneKey(n)
	if old := t.zoneOf[n.Name]; old != nil {
		if old.key == key {
			return
		}
		t.drop(old, n.Name)
	}
	z := t.byName[key]
	if z == nil {
		z = &zone{key: key}
		t.byName[key] = z
		t.zones = append(t.zones, z)
	}
	z.nodes = append(z.nodes, n.Name)
	t.zoneOf[n.Name] = z
}

func (t *nodeTree) remove(n *corev1.Node) {
	if z := t.zoneOf[n.Name]; z != nil {
		t.drop(z, n.Name)
	}
}

func (t *nodeTree) drop(z *zone, name string) {
	z.nodes = slices.DeleteFunc(z.nodes, func(n string) bool { return n == name })
	delete(t.zoneOf, name)
	if len(z.nodes) == 0 {
		delete(t.byName, z.key)
		t.zones = slices.DeleteFunc(t.zones, func(other *zone) bool { return other == z })
	}
}

// update moves a node whose zone changed to the end of its new one.
func (t *nodeTree) update(before, after *corev1.Node) {
	if topology.GetZoneKey(before) != topology.GetZoneKey(after) {
		t.add(after)
	}
}

// each visits the nodes in turn: the first of every zone, then the second of every zone, ...
func (t *nodeTree) each(visit func(name string)) {
	for round, left := 0, t.len(); left > 0; round++ {
		for _, z := range t.zones {
			if round < len(z.nodes) {
				visit(z.nodes[round])
				left--
			}
		}
	}
}
