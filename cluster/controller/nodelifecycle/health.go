package nodelifecycle

import (
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

const (
	// monitorGracePeriod is how long a node may be silent (--node-monitor-grace-period).
	monitorGracePeriod = 50 * time.Second
	// startupGracePeriod is how long a node may take to post its first status (--node-startup-grace-period).
	startupGracePeriod = 60 * time.Second
)

// clock is one moment on both of the controller's clocks.
type clock struct {
	wall      time.Time
	monotonic sim.Monotonic
}

// health is what the controller knows of a node: what it saw last and when something in it had changed. Times are the
// controller's own; those in the node's status are of a clock that may be wrong.
type health struct {
	node  *corev1.Node // as last looked at, this controller's own change included
	lease *coordinationv1.Lease
	// probe is when the node gave its last sign of life.
	probe sim.Monotonic
}

// verdict is the outcome of looking at a node.
type verdict struct {
	health health
	// update is the node with conditions that its status must be given; nil if it is fine as it is.
	update *corev1.Node
	// observed is the Ready condition as found, current as it is to be; both Unknown for a node that never posted any.
	observed corev1.ConditionStatus
	current  corev1.ConditionStatus
	// known: the node has, or will have, a Ready condition.
	known bool
}

// look compares a node and its Lease (nil: none) with what is known of it (nil: nothing).
func look(old *health, node *corev1.Node, lease *coordinationv1.Lease, now clock) verdict {
	ready := api.NodeCondition(node, corev1.NodeReady)
	v := verdict{observed: corev1.ConditionUnknown, current: corev1.ConditionUnknown, known: ready != nil}
	grace := monitorGracePeriod
	if ready != nil {
		v.observed, v.current = ready.Status, ready.Status
	} else {
		grace = startupGracePeriod
	}
	v.health = observe(old, node, ready, now)
	if lease != nil && (old == nil || renewed(old.lease, lease)) {
		v.health.lease, v.health.probe = lease, now.monotonic
	}
	if now.monotonic.Sub(v.health.probe) > grace {
		silence(&v, node, metav1.Time{Time: now.wall.Truncate(time.Second)})
	}
	return v
}

// observe takes over what was found, moving the probe time if it is news.
func observe(old *health, node *corev1.Node, ready *corev1.NodeCondition, now clock) health {
	switch {
	case old == nil && ready == nil:
		// Never a status so far: the node's creation is its first sign of life.
		return health{node: node, probe: now.monotonic.Add(node.CreationTimestamp.Sub(now.wall))}
	case old == nil:
		return health{node: node, probe: now.monotonic}
	case old.node == node:
		return *old
	}
	saved := api.NodeCondition(old.node, corev1.NodeReady)
	switch {
	case saved == nil && ready == nil:
		return health{node: node, lease: old.lease, probe: old.probe}
	case saved == nil || ready == nil || !saved.LastHeartbeatTime.Equal(&ready.LastHeartbeatTime):
		// Upstream forgets the Lease here, which makes the next renewal count from the one it finds now.
		return health{node: node, probe: now.monotonic}
	}
	return *old
}

// renewed reports whether a Lease was renewed since it was seen last.
func renewed(saved, lease *coordinationv1.Lease) bool {
	if saved == lease {
		return false
	}
	if saved == nil {
		return true
	}
	return saved.Spec.RenewTime.Before(lease.Spec.RenewTime)
}

// silentConditions are the conditions that become Unknown with a silent node. NetworkUnavailable is not the node's to
// say.
var silentConditions = []corev1.NodeConditionType{
	corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure,
}

// silence makes the conditions of a node Unknown whose grace period is over.
func silence(v *verdict, node *corev1.Node, now metav1.Time) {
	next := api.Shallow(node)
	next.Status.Conditions = slices.Clone(node.Status.Conditions)
	for _, t := range silentConditions {
		c := api.NodeCondition(next, t)
		switch {
		case c == nil:
			next.Status.Conditions = append(next.Status.Conditions, corev1.NodeCondition{
				Type: t, Status: corev1.ConditionUnknown, Reason: "NodeStatusNeverUpdated",
				Message:           "Kubelet never posted node status.",
				LastHeartbeatTime: node.CreationTimestamp, LastTransitionTime: now,
			})
		case c.Status != corev1.ConditionUnknown:
			c.Status, c.LastTransitionTime = corev1.ConditionUnknown, now
			c.Reason, c.Message = "NodeStatusUnknown", "Kubelet stopped posting node status."
		}
	}
	v.current, v.known = corev1.ConditionUnknown, true
	// Only a changed Ready condition is worth a write.
	if !equality.Semantic.DeepEqual(api.NodeCondition(node, corev1.NodeReady), api.NodeCondition(next, corev1.NodeReady)) {
		v.update = next
	}
}
