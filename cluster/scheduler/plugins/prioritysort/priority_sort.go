// Package prioritysort orders the active queue: the higher priority first, and of equals the one that has been in the queue
// longer.
package prioritysort

import (
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// PrioritySort is the default QueueSort plugin.
type PrioritySort struct{}

func (PrioritySort) Name() string { return names.PrioritySort }

// Less reports whether a goes first.
func (PrioritySort) Less(a, b *framework.QueuedPodInfo) bool {
	pa, pb := a.Priority(), b.Priority()
	return pa > pb || pa == pb && a.Timestamp < b.Timestamp
}
