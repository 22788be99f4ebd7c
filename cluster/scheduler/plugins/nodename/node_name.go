// Package nodename lets a pod that names its node run nowhere else.
package nodename

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// NodeName is a Filter plugin.
type NodeName struct{}

var errOtherNode = framework.Rejection(names.NodeName, framework.UnschedulableAndUnresolvable, "node(s) didn't match the requested node name")

func (NodeName) Name() string { return names.NodeName }

// Filter refuses nodes other than spec.nodeName.
func (NodeName) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	if name := c.Pod.Pod.Spec.NodeName; name != "" && name != node.Name() {
		return errOtherNode
	}
	return nil
}

// AppendFilterClass implements framework.ObjectFilter.
func (NodeName) AppendFilterClass(key []byte, pod *corev1.Pod) []byte {
	return helper.AppendString(key, pod.Spec.NodeName)
}

// EventsToRegister: a node of that name may come.
func (NodeName) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{Event: framework.EventNodeAdd}}
}

// Signable implements framework.SignPlugin.
func (NodeName) Signable(*corev1.Pod) bool { return true }

// Fragments implements framework.SignPlugin.
func (p NodeName) Fragments() []framework.SignFragment {
	return []framework.SignFragment{{Name: "nodeName", Append: p.AppendFilterClass}}
}
