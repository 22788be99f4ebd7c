package defaultpreemption

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Args are DefaultPreemptionArgs. Zero values are the defaults: at least 10 % of the nodes and 100 of them
// (pkg/scheduler/apis/config/v1/defaults.go).
type Args struct {
	MinCandidateNodesPercentage int
	MinCandidateNodesAbsolute   int
}

const (
	defaultMinCandidateNodesPercentage = 10
	defaultMinCandidateNodesAbsolute   = 100
)

// DefaultPreemption is a PostFilter and PreEnqueue plugin.
type DefaultPreemption struct {
	handle *framework.Handle
	args   Args
	// preempting holds the pods whose victims are being deleted.
	preempting map[types.UID]*execution
}

// New returns the plugin.
func New(h *framework.Handle, args Args) *DefaultPreemption {
	if args.MinCandidateNodesPercentage == 0 && args.MinCandidateNodesAbsolute == 0 {
		args = Args{defaultMinCandidateNodesPercentage, defaultMinCandidateNodesAbsolute}
	}
	return &DefaultPreemption{handle: h, args: args, preempting: map[types.UID]*execution{}}
}

func (*DefaultPreemption) Name() string { return names.DefaultPreemption }

var (
	errRunning   = framework.Rejection(names.DefaultPreemption, framework.UnschedulableAndUnresolvable, "waiting for the preemption for this pod to be finished")
	errNoVictims = framework.NewStatus(framework.UnschedulableAndUnresolvable, "No preemption victims found for incoming pod")
	errNoHelp    = framework.NewStatus(framework.UnschedulableAndUnresolvable, "Preemption is not helpful for scheduling")
)

// PreEnqueue keeps a pod back while its victims are being deleted.
func (p *DefaultPreemption) PreEnqueue(pod *corev1.Pod) *framework.Status {
	if running := p.preempting[pod.UID]; running != nil && !running.isNearlyOver() {
		return errRunning
	}
	return nil
}

// EventsToRegister: deletions may end the wait at PreEnqueue. Whether they help the pod, the plugins that refused it say.
func (p *DefaultPreemption) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{
		Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Delete},
		Hint:  func(*corev1.Pod, any, any) (framework.Hint, error) { return framework.QueueSkip, nil },
	}}
}

// PostFilter makes room, or says why it can't.
func (p *DefaultPreemption) PostFilter(c *framework.Cycle, statuses *framework.NodeStatuses) (*framework.PostFilterResult, *framework.Status) {
	p.handle.Observe.PreemptionAttempt()
	result, status := p.preempt(c, statuses)
	if message := status.Message(); message != "" {
		status = framework.NewStatus(status.Code(), "preemption: "+message)
	}
	return result, status
}

func (p *DefaultPreemption) preempt(c *framework.Cycle, statuses *framework.NodeStatuses) (*framework.PostFilterResult, *framework.Status) {
	own := c.Pod.Pod
	pod := p.handle.Listers.Pod(own.Namespace, own.Name)
	if pod == nil {
		return nil, framework.AsStatus(fmt.Errorf("pod %s not found", strconv.Quote(own.Name)))
	}
	if why := p.ineligible(c, pod, statuses); why != "" {
		return nil, framework.NewStatus(framework.Unschedulable, why)
	}
	candidates, refused, err := p.findCandidates(c, statuses)
	if err != nil && len(candidates) == 0 {
		return nil, framework.AsStatus(err)
	}
	if len(candidates) == 0 {
		refused.SetAbsent(errNoHelp)
		d := framework.Diagnosis{Statuses: refused}
		return &framework.PostFilterResult{Nominate: &framework.NominatingInfo{}},
			framework.NewStatus(framework.Unschedulable, d.Message(c.Snapshot.Len()))
	}
	if candidates, err = p.askExtenders(c, candidates); err != nil {
		return nil, framework.AsStatus(err)
	}
	if len(candidates) == 0 {
		return nil, framework.NewStatus(framework.Unschedulable, "no candidate node for preemption")
	}
	best := p.pick(candidates)
	c.AfterCharge(func() { p.execute(c, best, pod) })
	return &framework.PostFilterResult{Nominate: &framework.NominatingInfo{Node: best.node}}, nil
}

// ineligible says why a pod may not preempt: its policy, or that pods which it preempted are still on their way out of the node
// nominated to it.
func (p *DefaultPreemption) ineligible(c *framework.Cycle, pod *corev1.Pod, statuses *framework.NodeStatuses) string {
	if policy := pod.Spec.PreemptionPolicy; policy != nil && *policy == corev1.PreemptNever {
		return "not eligible due to preemptionPolicy=Never."
	}
	node := c.Snapshot.Node(pod.Status.NominatedNodeName)
	if node == nil || statuses.Get(node.Slot).Code() == framework.UnschedulableAndUnresolvable {
		return ""
	}
	for _, other := range node.Pods {
		if other.Priority() < framework.Priority(pod) && isLeavingForPreemption(other.Pod) {
			return "not eligible due to a terminating pod on the nominated node."
		}
	}
	return ""
}

func isLeavingForPreemption(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp == nil {
		return false
	}
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == corev1.DisruptionTarget {
			return c.Status == corev1.ConditionTrue && c.Reason == corev1.PodReasonPreemptionByScheduler
		}
	}
	return false
}
