package scheduler

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
)

// Explanation says why an attempt ended as it did. It is made only for pods that are asked about, costs no simulated time, and changes
// nothing.
type Explanation struct {
	Profile string
	Pod     *corev1.Pod
	Attempt int
	// Node was chosen; empty if none was, and then Message is what the pod's condition says.
	Node, Message string
	// Nodes are all nodes in the order in which the scheduler goes through them.
	Nodes []runtime.NodeExplanation
}

// explain tells whoever asked about the pod. The scores are those of the last attempt of the algorithm.
func (a *attempt) explain(scored []int32, status *framework.Status) {
	e := Explanation{Profile: a.fw.ProfileName(), Pod: a.pod.Pod, Attempt: a.pod.Attempts, Node: a.result.Node}
	if !status.IsSuccess() {
		e.Message = status.Message()
	}
	e.Nodes = a.fw.Explain(a.pod.PodInfo, a.cycle.Snapshot, scored)
	a.s.config.Explained(e)
}

// wanted reports whether somebody asked about the attempt's pod.
func (a *attempt) wanted() bool {
	c := &a.s.config
	return c.Explain != nil && c.Explained != nil && c.Explain(a.pod.Pod.Namespace, a.pod.Pod.Name)
}

// scoredSlots copies the slots that the last attempt scored.
func (s *Scheduler) scoredSlots() []int32 { return slices.Clone(s.algorithm.Scores().Slots) }
