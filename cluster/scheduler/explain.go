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
	// Node was chosen; empty if none was, and then Message is what the pod's condition says. With a node it says what else there is to say.
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
	if e.Node != "" && a.result.Hint == e.Node {
		e.Message = "opportunistic batching hinted at the node, the next one in the order that the pod before found: no other was examined"
	}
	e.Nodes = a.fw.Explain(a.pod.PodInfo, a.cycle.Snapshot, scored, a.cycle.Bare)
	a.addExtenders(e.Nodes)
	a.s.config.Explained(e)
}

// addExtenders adds what extenders said in the attempt; they are not asked again.
func (a *attempt) addExtenders(nodes []runtime.NodeExplanation) {
	at := map[string]*runtime.NodeExplanation{}
	for i := range nodes {
		at[nodes[i].Node] = &nodes[i]
	}
	if len(at) == 0 || len(a.s.config.Extenders) == 0 {
		return
	}
	name := func(slot int32) string { return a.cycle.Snapshot.Nodes[slot].Name() }
	a.s.algorithm.Statuses().Each(func(slot int32, status *framework.Status) {
		if status.Plugin() == "" {
			at[name(slot)].Refusals = append(at[name(slot)].Refusals, status.WithPlugin(framework.ExtenderName))
		}
	})
	scores := a.s.algorithm.Scores()
	for _, part := range scores.Extender {
		for i, slot := range scores.Slots {
			e := at[name(slot)]
			e.Parts = append(e.Parts, runtime.PartExplanation{Plugin: part.Name, Raw: part.Scores[i], Score: part.Scores[i], Weight: part.Weight})
			e.Total += part.Scores[i] * part.Weight
		}
	}
}

// wanted reports whether somebody asked about the attempt's pod.
func (a *attempt) wanted() bool {
	c := &a.s.config
	return c.Explain != nil && c.Explained != nil && c.Explain(a.pod.Pod.Namespace, a.pod.Pod.Name)
}

// scoredSlots copies the slots that the last attempt scored.
func (s *Scheduler) scoredSlots() []int32 { return slices.Clone(s.algorithm.Scores().Slots) }
