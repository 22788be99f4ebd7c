package cache

import "github.com/fauxkube/fauxkube/cluster/scheduler/framework"

// UpdateSnapshot brings a snapshot up to date with the cache.
func (c *Cache) UpdateSnapshot(s *framework.Snapshot) {
	nodesChanged, affinityChanged := false, false
	for n := c.newest; n != nil && n.info.Generation > s.Generation; n = n.older {
		if n.info.Node == nil {
			continue
		}
		if existing := s.Node(n.name); existing != nil && existing.Slot != n.info.Slot {
			s.Drop(existing) // deleted and created again between two snapshots
		}
		c.evict(s, n)
		copied, isNew, affinity := s.Store(&n.info)
		n.summarise(copied)
		nodesChanged = nodesChanged || isNew
		affinityChanged = affinityChanged || affinity
	}
	if c.newest != nil {
		s.Generation = c.newest.info.Generation
	}
	if s.Known() > c.tree.len() {
		c.dropDeleted(s)
		nodesChanged = true
	}
	if nodesChanged {
		c.listNodes(s)
	}
	if nodesChanged || affinityChanged {
		s.RebuildAffinityLists()
	}
}

// evict drops a node that is gone and whose slot another node took since the last snapshot.
func (c *Cache) evict(s *framework.Snapshot, n *node) {
	if int(n.info.Slot) < len(s.Nodes) {
		if previous := s.Nodes[n.info.Slot]; previous != nil && previous.Node.Name != n.name {
			s.Drop(previous)
		}
	}
}

func (c *Cache) dropDeleted(s *framework.Snapshot) {
	s.EachNode(func(copied *framework.NodeInfo) {
		if n := c.nodes[copied.Node.Name]; n == nil || n.info.Node == nil {
			s.Drop(copied)
		}
	})
}

func (c *Cache) listNodes(s *framework.Snapshot) {
	s.Order = s.Order[:0]
	c.tree.each(func(name string) { s.Order = append(s.Order, c.nodes[name].info.Slot) })
}
