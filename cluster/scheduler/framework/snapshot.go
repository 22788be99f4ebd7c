package framework

import "slices"

// Snapshot is the cluster as one attempt sees it. The cache brings it up to date between attempts, copying only nodes that
// changed; within an attempt nothing changes.
type Snapshot struct {
	// Generation is that of the newest node copied.
	Generation int64
	// Order lists the slots of all nodes, zone by zone in turn.
	Order []int32

	// Nodes by slot; nil where there is none.
	Nodes []*NodeInfo
	// Columns of numbers by slot, equal to what Nodes say: for hot loops.
	Allocatable   [][]int64 // by column, then slot
	Requested     [][]int64
	NonZeroCPU    []int64
	NonZeroMemory []int64
	PodCount      []int64
	AllowedPods   []int64
	ObjectVersion []int64

	// WithAffinity lists the nodes with pods that state inter-pod affinity or anti-affinity, in order;
	// WithRequiredAntiAffinity those with pods that keep others away.
	WithAffinity             []*NodeInfo
	WithRequiredAntiAffinity []*NodeInfo

	slots   map[string]int32
	changes changeLog
}

// NewSnapshot returns the snapshot of an empty cluster.
func NewSnapshot() *Snapshot { return &Snapshot{slots: map[string]int32{}} }

// Len returns the number of nodes.
func (s *Snapshot) Len() int { return len(s.Order) }

// Known returns how many nodes the snapshot holds, including ones that are gone but not yet dropped.
func (s *Snapshot) Known() int { return len(s.slots) }

// Node returns a node by name, or nil.
func (s *Snapshot) Node(name string) *NodeInfo {
	if slot, ok := s.slots[name]; ok {
		return s.Nodes[slot]
	}
	return nil
}

// EachNode visits all known nodes in slot order.
func (s *Snapshot) EachNode(visit func(n *NodeInfo)) {
	for _, n := range s.Nodes {
		if n != nil {
			visit(n)
		}
	}
}

// Store copies a node in and returns the copy, whether it is new, and whether its membership in the affinity lists changed.
func (s *Snapshot) Store(n *NodeInfo) (stored *NodeInfo, isNew, affinityChanged bool) {
	s.grow(int(n.Slot)+1, max(len(n.Allocatable), len(n.Requested)))
	existing := s.Nodes[n.Slot]
	if existing == nil {
		existing, isNew = &NodeInfo{}, true
		s.Nodes[n.Slot] = existing
		s.slots[n.Node.Name] = n.Slot
	}
	affinityChanged = (len(existing.PodsWithAffinity) > 0) != (len(n.PodsWithAffinity) > 0) ||
		(len(existing.PodsWithRequiredAntiAffinity) > 0) != (len(n.PodsWithRequiredAntiAffinity) > 0)
	n.CopyTo(existing)
	s.fillColumns(existing)
	s.changes.add(n.Slot)
	return existing, isNew, affinityChanged
}

// Drop forgets a node that is gone.
func (s *Snapshot) Drop(n *NodeInfo) {
	delete(s.slots, n.Node.Name)
	s.Nodes[n.Slot] = nil
	s.changes.add(n.Slot)
}

func (s *Snapshot) fillColumns(n *NodeInfo) {
	slot := n.Slot
	for column := range s.Allocatable {
		s.Allocatable[column][slot] = n.Allocatable.At(column)
		s.Requested[column][slot] = n.Requested.At(column)
	}
	s.NonZeroCPU[slot], s.NonZeroMemory[slot] = n.NonZeroCPU, n.NonZeroMemory
	s.PodCount[slot], s.AllowedPods[slot] = int64(len(n.Pods)), n.AllowedPods
	s.ObjectVersion[slot] = n.ObjectVersion
}

func (s *Snapshot) grow(slots, columns int) {
	slots = max(slots, len(s.Nodes))
	for len(s.Allocatable) < columns {
		s.Allocatable = append(s.Allocatable, make([]int64, len(s.Nodes)))
		s.Requested = append(s.Requested, make([]int64, len(s.Nodes)))
	}
	if slots == len(s.Nodes) {
		return
	}
	more := slots - len(s.Nodes)
	s.Nodes = append(s.Nodes, make([]*NodeInfo, more)...)
	zeros := make([]int64, more)
	for column := range s.Allocatable {
		s.Allocatable[column] = append(s.Allocatable[column], zeros...)
		s.Requested[column] = append(s.Requested[column], zeros...)
	}
	for _, column := range []*[]int64{&s.NonZeroCPU, &s.NonZeroMemory, &s.PodCount, &s.AllowedPods, &s.ObjectVersion} {
		*column = append(*column, zeros...)
	}
}

// RebuildAffinityLists derives the affinity lists from the nodes.
func (s *Snapshot) RebuildAffinityLists() {
	s.WithAffinity = s.WithAffinity[:0]
	s.WithRequiredAntiAffinity = s.WithRequiredAntiAffinity[:0]
	for _, slot := range s.Order {
		n := s.Nodes[slot]
		if len(n.PodsWithAffinity) > 0 {
			s.WithAffinity = append(s.WithAffinity, n)
		}
		if len(n.PodsWithRequiredAntiAffinity) > 0 {
			s.WithRequiredAntiAffinity = append(s.WithRequiredAntiAffinity, n)
		}
	}
}

// Changes visits the slots that changed since a position of the log and returns the position to ask from next. It reports
// false if the log no longer reaches back that far, or position is zero: then everything may have changed.
func (s *Snapshot) Changes(position uint64, visit func(slot int32)) (uint64, bool) {
	return s.changes.since(position, visit)
}

// changeLog remembers which slots changed, oldest first, so that whatever is derived from nodes can follow them.
type changeLog struct {
	slots   []int32
	dropped uint64 // entries dropped from the front, plus one
}

// changeLogLimit bounds the log; who reads less often than every so many node changes starts over.
const changeLogLimit = 1 << 16

func (l *changeLog) add(slot int32) {
	if l.dropped == 0 {
		l.dropped = 1
	}
	if len(l.slots) == changeLogLimit {
		l.slots = slices.Delete(l.slots, 0, changeLogLimit/2)
		l.dropped += changeLogLimit / 2
	}
	l.slots = append(l.slots, slot)
}

func (l *changeLog) since(position uint64, visit func(slot int32)) (uint64, bool) {
	end := l.dropped + uint64(len(l.slots))
	if position == 0 || position < l.dropped || position > end {
		return max(end, 1), false
	}
	for _, slot := range l.slots[position-l.dropped:] {
		visit(slot)
	}
	return end, true
}
