// Package dynamicresources stands where DynamicResources stands in the default profile. It passes pods that claim no devices, saying
// what upstream says of them when they fail, and refuses pods with resource claims by name: devices are not allocated.
package dynamicresources

import (
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// DynamicResources is a PreFilter and PostFilter plugin.
type DynamicResources struct{ state framework.StateKey }

// New returns the plugin.
func New(h *framework.Handle) *DynamicResources { return &DynamicResources{state: h.NewStateKey()} }

type visited struct{}

var (
	skip      = framework.NewStatus(framework.Skip)
	errClaims = framework.Rejection(names.DynamicResources, framework.UnschedulableAndUnresolvable,
		"pod has resource claims, which this simulation does not allocate")
	errNothing  = framework.Rejection(names.DynamicResources, framework.Unschedulable, "no new claims to deallocate")
	errNotFound = framework.AsStatus(errors.New("not found")) // upstream's CycleState has no entry
)

func (*DynamicResources) Name() string { return names.DynamicResources }

// PreFilter passes pods without claims.
func (p *DynamicResources) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	c.Write(p.state, &visited{})
	if len(c.Pod.Pod.Spec.ResourceClaims) > 0 {
		return nil, errClaims
	}
	return nil, skip
}

// PostFilter has nothing to give back. If an earlier PreFilter plugin ended the attempt, upstream finds no state of its own and
// fails; users read that as the end of the pod's message, so it is kept.
func (p *DynamicResources) PostFilter(c *framework.Cycle, _ *framework.NodeStatuses) (*framework.PostFilterResult, *framework.Status) {
	if framework.StateOf[visited](c, p.state) == nil {
		return nil, errNotFound
	}
	return nil, errNothing
}

// EventsToRegister: claims may come or be released.
func (*DynamicResources) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.ResourceClaim, Action: framework.Add | framework.Update | framework.Delete}},
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.UpdatePodGeneratedResourceClaim}},
	}
}

// Signable implements framework.SignPlugin: claims are each pod's own.
func (*DynamicResources) Signable(pod *corev1.Pod) bool { return len(pod.Spec.ResourceClaims) == 0 }

// Fragments implements framework.SignPlugin.
func (*DynamicResources) Fragments() []framework.SignFragment { return nil }
