// Package nodeports keeps pods off nodes where a host port that they want is taken.
package nodeports

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// NodePorts is a Filter plugin.
type NodePorts struct{ helper.SignedByPorts }

var (
	errPortTaken = framework.Rejection(names.NodePorts, framework.Unschedulable, "node(s) didn't have free ports for the requested pod ports")
	skip         = framework.NewStatus(framework.Skip)
)

func (NodePorts) Name() string { return names.NodePorts }

// PreFilter leaves out pods without host ports.
func (NodePorts) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	if len(c.Pod.Ports) == 0 {
		return nil, skip
	}
	return nil, nil
}

// Filter refuses nodes where a wanted port is taken.
func (NodePorts) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	if node.Ports.Conflicts(c.Pod.Ports) {
		return errPortTaken
	}
	return nil
}

// EventsToRegister: a node may come, or a pod with the port may go.
func (NodePorts) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Delete}, Hint: afterPodDeleted},
		{Event: framework.EventNodeAdd},
	}
}

func afterPodDeleted(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	deleted, _, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if deleted.Spec.NodeName == "" && deleted.Status.NominatedNodeName == "" {
		return framework.QueueSkip, nil
	}
	if framework.PortSet(framework.HostPorts(deleted)).Conflicts(framework.HostPorts(pod)) {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}
