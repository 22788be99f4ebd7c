// Package gangscheduling keeps the pods of a PodGroup with a gang policy back until there are enough of them, and at Permit until enough of
// them have found nodes (KEP-4671, v1alpha2).
package gangscheduling

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1alpha2 "k8s.io/api/scheduling/v1alpha2"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// permitTimeout is how long pods of a gang wait for the others (pkg/scheduler/framework/plugins/gangscheduling).
const permitTimeout = 5 * time.Minute

// GangScheduling is a PreEnqueue and Permit plugin. Without the feature gate GenericWorkload nobody knows groups, and no pod names one.
type GangScheduling struct{ handle *framework.Handle }

// New returns the plugin.
func New(h *framework.Handle) *GangScheduling { return &GangScheduling{h} }

func (*GangScheduling) Name() string { return names.GangScheduling }

var (
	errTooFew = framework.Rejection(names.GangScheduling, framework.UnschedulableAndUnresolvable, "waiting for minCount pods from a gang to appear in scheduling queue")
	errQuorum = framework.NewStatus(framework.Wait, "waiting for minCount pods from a gang to be scheduled")
)

// gang returns the gang policy of a pod's group, or nil.
func gang(g *schedulingv1alpha2.PodGroup) *schedulingv1alpha2.GangSchedulingPolicy {
	return g.Spec.SchedulingPolicy.Gang
}

// PreEnqueue keeps a pod back until its group exists and has enough pods.
func (p *GangScheduling) PreEnqueue(pod *corev1.Pod) *framework.Status {
	name := framework.GroupOf(pod)
	if name == "" || p.handle.PodGroups == nil {
		return nil
	}
	group := p.handle.PodGroups.Object(pod.Namespace, name)
	if group == nil {
		return framework.NewStatus(framework.UnschedulableAndUnresolvable, fmt.Sprintf("waiting for pods's pod group %q to appear in scheduling queue", name))
	}
	if gang(group) == nil {
		return nil
	}
	state := p.handle.PodGroups.State(pod.Namespace, name)
	if state == nil {
		return framework.AsStatus(unknown(pod.Namespace, name))
	}
	if state.AllPods() < int(gang(group).MinCount) {
		return errTooFew
	}
	return nil
}

func unknown(namespace, name string) error {
	return fmt.Errorf("pod group state not found for pod group %s/%s", namespace, name)
}

// Permit makes a pod wait until enough of its group have nodes, and the last one of these lets all go.
func (p *GangScheduling) Permit(c *framework.Cycle, _ string) (*framework.Status, time.Duration) {
	pod := c.Pod.Pod
	name := framework.GroupOf(pod)
	if name == "" || p.handle.PodGroups == nil {
		return nil, 0
	}
	group := p.handle.PodGroups.Object(pod.Namespace, name)
	if group == nil {
		return framework.AsStatus(fmt.Errorf("failed to get podGroup %s/%s: podgroup.scheduling.k8s.io %q not found", pod.Namespace, name, name)), 0
	}
	if gang(group) == nil {
		return nil, 0
	}
	state := p.handle.PodGroups.State(pod.Namespace, name)
	if state == nil {
		return framework.AsStatus(unknown(pod.Namespace, name)), 0
	}
	if state.ScheduledPods() < int(gang(group).MinCount) {
		p.handle.Actions.Activate(state.Unscheduled()...)
		return errQuorum, permitTimeout
	}
	for _, uid := range state.Assumed() {
		p.handle.Actions.AllowWaiting(uid, names.GangScheduling)
	}
	return nil, 0
}

// EventsToRegister: another pod of the group may come, or the group itself.
func (*GangScheduling) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Add}, Hint: afterPodAdded},
		{Event: framework.ClusterEvent{Resource: framework.PodGroup, Action: framework.Add}, Hint: afterGroupAdded},
	}
}

func afterPodAdded(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, added, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if pod.Namespace == added.Namespace && framework.GroupOf(pod) != "" && framework.GroupOf(pod) == framework.GroupOf(added) {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}

func afterGroupAdded(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	_, added, err := helper.As[schedulingv1alpha2.PodGroup](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if pod.Namespace == added.Namespace && framework.GroupOf(pod) == added.Name {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}
