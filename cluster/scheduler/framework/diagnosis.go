package framework

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// NodeStatuses says why nodes were refused: explicitly by slot, and one status for all the others.
type NodeStatuses struct {
	bySlot []*Status
	slots  []int32 // with an explicit status, in the order they were set
	absent *Status
}

var absentByDefault = NewStatus(UnschedulableAndUnresolvable)

// Reset forgets everything and makes room for slots.
func (s *NodeStatuses) Reset(slots int) {
	for _, slot := range s.slots {
		s.bySlot[slot] = nil
	}
	s.slots = s.slots[:0]
	s.absent = absentByDefault
	if slots > len(s.bySlot) {
		s.bySlot = append(s.bySlot, make([]*Status, slots-len(s.bySlot))...)
	}
}

// NewNodeStatuses returns an empty set with room for slots.
func NewNodeStatuses(slots int) *NodeStatuses {
	s := &NodeStatuses{}
	s.Reset(slots)
	return s
}

// Set gives a node its status.
func (s *NodeStatuses) Set(slot int32, status *Status) {
	if s.bySlot[slot] == nil {
		s.slots = append(s.slots, slot)
	}
	s.bySlot[slot] = status
}

// Get returns a node's status: its own, or that of the others.
func (s *NodeStatuses) Get(slot int32) *Status {
	if status := s.bySlot[slot]; status != nil {
		return status
	}
	return s.absent
}

// SetAbsent gives all nodes without a status of their own one.
func (s *NodeStatuses) SetAbsent(status *Status) { s.absent = status }

// Absent returns the status of nodes without one of their own.
func (s *NodeStatuses) Absent() *Status { return s.absent }

// Len returns how many nodes have a status of their own.
func (s *NodeStatuses) Len() int { return len(s.slots) }

// Each visits the nodes that have a status of their own, in the order they got it.
func (s *NodeStatuses) Each(visit func(slot int32, status *Status)) {
	for _, slot := range s.slots {
		visit(slot, s.bySlot[slot])
	}
}

// WithCode returns the nodes whose status has a code, in the snapshot's order.
func (s *NodeStatuses) WithCode(snapshot *Snapshot, code Code) []int32 {
	var slots []int32
	for _, slot := range snapshot.Order {
		if s.Get(slot).Code() == code {
			slots = append(slots, slot)
		}
	}
	return slots
}

// Diagnosis is all that is known about a failed attempt.
type Diagnosis struct {
	Statuses             *NodeStatuses
	UnschedulablePlugins PluginSet
	PendingPlugins       PluginSet
	PreFilterMessage     string
	PostFilterMessage    string
}

// FitError says that a pod fits nowhere. Message is its text, made when the attempt ends.
type FitError struct {
	Message              string
	UnschedulablePlugins PluginSet
	PendingPlugins       PluginSet
}

func (e *FitError) Error() string { return e.Message }

// Message says what users read in the pod's condition and event: how many nodes were refused for which reason, or why the
// pod was refused before any node was looked at, and what preemption could do.
func (d *Diagnosis) Message(nodes int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "0/%d nodes are available:", nodes)
	if d.PreFilterMessage != "" {
		fmt.Fprintf(&b, " %s.", d.PreFilterMessage)
	} else if histogram := d.Statuses.histogram(nodes); histogram != "" {
		fmt.Fprintf(&b, " %s.", histogram)
	}
	if d.PostFilterMessage != "" {
		b.WriteString(" " + d.PostFilterMessage)
	}
	return b.String()
}

// histogram counts the reasons and lists them sorted as text, numbers first, as upstream does.
func (s *NodeStatuses) histogram(nodes int) string {
	counts := statusCounts{}
	for _, slot := range s.slots {
		counts.add(s.bySlot[slot], 1)
	}
	if missing := nodes - len(s.slots); missing > 0 {
		counts.add(s.absent, missing)
	}
	lines := counts.reasonLines()
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

// statusCounts counts shared statuses first: thousands of nodes have a handful of them.
type statusCounts []struct {
	status *Status
	nodes  int
}

func (c *statusCounts) add(status *Status, nodes int) {
	for i := range *c {
		if (*c)[i].status == status {
			(*c)[i].nodes += nodes
			return
		}
	}
	*c = append(*c, struct {
		status *Status
		nodes  int
	}{status, nodes})
}

func (c statusCounts) reasonLines() []string {
	var reasons []string
	nodes := map[string]int{}
	for _, entry := range c {
		for _, reason := range entry.status.Reasons() {
			if _, seen := nodes[reason]; !seen {
				reasons = append(reasons, reason)
			}
			nodes[reason] += entry.nodes
		}
	}
	lines := make([]string, len(reasons))
	for i, reason := range reasons {
		lines[i] = strconv.Itoa(nodes[reason]) + " " + reason
	}
	return lines
}
