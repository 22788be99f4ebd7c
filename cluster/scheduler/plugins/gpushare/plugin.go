package gpushare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// GPUShare is the plugin without a policy.
const GPUShare = "GPUShare"

// plugins are the plugins' names with their policies, in the spelling of kube-scheduler's plugins.
var plugins = map[string]string{
	"BestFit": "bestfit", "DotProd": "dotprod", "FGD": "fgd", "FirstFit": "firstfit", "GpuClustering": "gpuclustering",
	"GpuPacking": "gpupacking", "Random": "random", GPUShare: "",
}

// Names lists the plugins.
func Names() []string { return slices.Sorted(maps.Keys(plugins)) }

// NameOf is the plugin of a policy. The error lists the policies.
func NameOf(policy string) (string, error) {
	for _, name := range Names() {
		if plugins[name] == policy && policy != "" {
			return name, nil
		}
	}
	return "", fmt.Errorf("no policy is called %q: there are %s", policy, strings.Join(policies.Names(), ", "))
}

// Plugin is one of the plugins of this package.
type Plugin struct {
	name   string
	handle *framework.Handle
	policy policies.Policy // nil for GPUShare
	state  framework.StateKey

	follower framework.Follower
	// table has the nodes by slot, as of the last attempt.
	table *policies.Table
	types policies.Types
	// reserved are GPUs of pods whose annotation has not come back yet.
	reserved map[types.UID][]int
	learner  *learner
	picked   pick
}

// New makes the plugin of that name. typical is the workload that FGD keeps nodes fit for; if there is none, it is learned.
func New(h *framework.Handle, name string, typical []policies.TypicalPod) (*Plugin, error) {
	policy, known := plugins[name]
	if !known {
		return nil, fmt.Errorf("no GPU plugin is called %q: there are %s", name, strings.Join(Names(), ", "))
	}
	if first := h.Shared("gpushare", func() any { return name }).(string); first != name {
		return nil, fmt.Errorf("%s and %s both place GPUs: enable one of them", first, name)
	}
	p := &Plugin{name: name, handle: h, state: h.NewStateKey(), types: policies.Types{}, reserved: map[types.UID][]int{}}
	if policy != "" {
		workload := policies.NewWorkload(typical)
		if policy == "fgd" && len(typical) == 0 {
			p.learner = newLearner(workload)
		}
		var err error
		if p.policy, err = policies.New(policy, policies.Env{Workload: workload, Draw: h.Draw}); err != nil {
			return nil, err
		}
	}
	p.table = policies.NewTable(p.policy, nil)
	return p, nil
}

func (p *Plugin) Name() string { return p.name }

// Has implements framework.Partial: without a policy there is nothing to score by.
func (p *Plugin) Has(point string) bool { return point != "Score" || p.policy != nil }

// attempt is what an attempt knows of its pod.
type attempt struct {
	pod     policies.Pod
	request gpu.Request
}

func (p *Plugin) attempt(c *framework.Cycle) *attempt { return framework.StateOf[attempt](c, p.state) }

// PreFilter reads what the pod asks for. A pod that wants no GPU goes wherever the other filters let it.
func (p *Plugin) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	request, err := gpu.RequestOf(c.Pod.Pod)
	if err != nil {
		return nil, framework.NewStatus(framework.UnschedulableAndUnresolvable, err.Error())
	}
	a := &attempt{pod: podOf(c.Pod, request), request: request}
	c.Write(p.state, a)
	p.follow(c.Snapshot)
	if p.learner != nil {
		p.learner.meet(c.Pod.Pod.UID, &a.pod)
		if p.learner.learn() {
			p.table.Forget()
		}
	}
	p.types.Number(&a.pod)
	if request.GPUs == 0 {
		return nil, framework.NewStatus(framework.Skip)
	}
	return nil, nil
}

// podOf is a pod in the units of policies.
func podOf(info *framework.PodInfo, r gpu.Request) policies.Pod {
	return policies.Pod{
		CPUMilli: info.Amounts.At(framework.ColumnCPU), MemoryBytes: info.Amounts.At(framework.ColumnMemory),
		GPUs: r.GPUs, GPUMilli: r.Milli, Models: r.Models,
	}
}

// Reserve chooses the GPUs.
func (p *Plugin) Reserve(c *framework.Cycle, node string) *framework.Status {
	a := p.attempt(c)
	if a.request.GPUs == 0 {
		return nil
	}
	n := p.table.Node(int(c.Snapshot.Node(node).Slot))
	if n == nil || !n.Holds(&a.pod) {
		return noneLeft
	}
	if p.policy == nil {
		p.reserved[c.Pod.Pod.UID] = gpu.Choose(n.GPULeft, a.request)
	} else {
		p.reserved[c.Pod.Pod.UID] = p.policy.GPUs(n, &a.pod)
	}
	return nil
}

// Unreserve gives them back.
func (p *Plugin) Unreserve(c *framework.Cycle, _ string) { delete(p.reserved, c.Pod.Pod.UID) }

// Bind binds a pod and says which GPUs it is to have.
func (p *Plugin) Bind(c *framework.Cycle, node string, done func(*framework.Status)) {
	indexes := p.reserved[c.Pod.Pod.UID]
	if len(indexes) == 0 {
		done(framework.NewStatus(framework.Skip))
		return
	}
	annotations := map[string]string{gpu.AnnotationIndex: gpu.FormatIndexes(indexes)}
	p.handle.Actions.Bind(c.Pod.Pod, node, annotations, func(err error) { done(framework.AsStatus(err)) })
}

// EventsToRegister: GPUs may come with a node, or when a pod goes.
func (p *Plugin) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Delete}, Hint: afterDelete},
		{Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeAllocatable | framework.UpdateNodeLabel}, Hint: afterNodeChange},
	}
}

// afterDelete: only a pod that held GPUs leaves some.
func afterDelete(_ *corev1.Pod, before, _ any) (framework.Hint, error) {
	gone, ok := before.(*corev1.Pod)
	if !ok {
		return framework.Queue, nil
	}
	if r, err := gpu.RequestOf(gone); err == nil && r.GPUs == 0 || gone.Spec.NodeName == "" {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}

// afterNodeChange: the node must have as many GPUs as the pod asks for.
func afterNodeChange(pod *corev1.Pod, _, after any) (framework.Hint, error) {
	node, ok := after.(*corev1.Node)
	if !ok {
		return framework.Queue, nil
	}
	request, err := gpu.RequestOf(pod)
	if _, count := gpu.CountOf(node.Status.Allocatable); err == nil && count < request.GPUs {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}
