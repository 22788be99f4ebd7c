package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
)

// Plugin is an adapted plugin. It has the extension points of the plugin within.
type Plugin struct {
	within fwk.Plugin
	handle *handle
}

// New adapts a plugin. Factory does so for configurations.
func New(p fwk.Plugin, h *framework.Handle) *Plugin { return &Plugin{p, handleOf(h)} }

// PluginFactory is k8s.io/kubernetes/pkg/scheduler/framework/runtime.PluginFactory.
type PluginFactory = func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error)

// Factory adapts a plugin's factory.
func Factory(build PluginFactory) config.Factory {
	return func(args *runtime.Unknown, h *framework.Handle) (plugin framework.Plugin, err error) {
		defer func() {
			if r := recover(); r != nil {
				missing, ok := r.(missingError)
				if !ok {
					panic(r)
				}
				err = missing
			}
		}()
		var object runtime.Object
		if args != nil {
			object = args
		}
		within, err := build(context.Background(), object, handleOf(h))
		if err != nil {
			return nil, err
		}
		return New(within, h), nil
	}
}

func (p *Plugin) Name() string { return p.within.Name() }

// Has implements framework.Partial.
func (p *Plugin) Has(point string) bool {
	has := false
	switch point {
	case "PreEnqueue":
		_, has = p.within.(fwk.PreEnqueuePlugin)
	case "QueueSort":
		_, has = p.within.(fwk.QueueSortPlugin)
	case "EnqueueExtensions":
		_, has = p.within.(fwk.EnqueueExtensions)
	case "PreFilter":
		_, has = p.within.(fwk.PreFilterPlugin)
	case "Filter":
		_, has = p.within.(fwk.FilterPlugin)
	case "PostFilter":
		_, has = p.within.(fwk.PostFilterPlugin)
	case "PreScore":
		_, has = p.within.(fwk.PreScorePlugin)
	case "Sign":
		_, has = p.within.(fwk.SignPlugin)
	case "Score":
		_, has = p.within.(fwk.ScorePlugin)
	case "Reserve":
		_, has = p.within.(fwk.ReservePlugin)
	case "Permit":
		_, has = p.within.(fwk.PermitPlugin)
	case "PreBind":
		_, has = p.within.(fwk.PreBindPlugin)
	case "Bind":
		_, has = p.within.(fwk.BindPlugin)
	case "PostBind":
		_, has = p.within.(fwk.PostBindPlugin)
	}
	return has
}

var ctx = context.Background()

func (p *Plugin) PreEnqueue(pod *corev1.Pod) *framework.Status {
	return status(p.within.(fwk.PreEnqueuePlugin).PreEnqueue(ctx, pod))
}

// Signable implements framework.SignPlugin.
func (p *Plugin) Signable(pod *corev1.Pod) bool {
	_, s := p.within.(fwk.SignPlugin).SignPod(ctx, pod)
	return s.IsSuccess()
}

// Fragments implements framework.SignPlugin: all that the plugin signs is one fragment.
func (p *Plugin) Fragments() []framework.SignFragment {
	return []framework.SignFragment{{Name: "plugin " + p.Name(), Append: func(key []byte, pod *corev1.Pod) []byte {
		fragments, _ := p.within.(fwk.SignPlugin).SignPod(ctx, pod) // Signable has seen the status
		text, err := json.Marshal(fragments)
		if err != nil {
			panic(fmt.Sprintf("adapter: what plugin %s signs is no JSON: %v", p.Name(), err))
		}
		return helper.AppendString(key, string(text))
	}}}
}

func (p *Plugin) Less(a, b *framework.QueuedPodInfo) bool {
	return p.within.(fwk.QueueSortPlugin).Less(p.handle.queued(a), p.handle.queued(b))
}

func (p *Plugin) EventsToRegister() []framework.ClusterEventWithHint {
	registered, err := p.within.(fwk.EnqueueExtensions).EventsToRegister(ctx)
	if err != nil {
		panic(fmt.Sprintf("adapter: plugin %s can't say which events it wants: %v", p.Name(), err))
	}
	var events []framework.ClusterEventWithHint
	for _, r := range registered {
		e := framework.ClusterEventWithHint{Event: framework.ClusterEvent{
			Resource: framework.EventResource(r.Event.Resource), Action: framework.ActionType(r.Event.ActionType),
		}}
		if hint := r.QueueingHintFn; hint != nil {
			e.Hint = func(pod *corev1.Pod, before, after any) (framework.Hint, error) {
				answer, err := hint(klog.Background(), pod, before, after)
				return framework.Hint(answer), err
			}
		}
		events = append(events, e)
	}
	return events
}

func (p *Plugin) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	result, s := p.within.(fwk.PreFilterPlugin).PreFilter(ctx, p.handle.state(c), c.Pod.Pod, p.handle.nodes(c.Snapshot, c.Snapshot.Order))
	if result.AllNodes() {
		return nil, status(s)
	}
	names := map[string]bool{}
	//sim:unordered builds another map
	for name := range result.NodeNames {
		names[name] = true
	}
	return &framework.PreFilterResult{NodeNames: names}, status(s)
}

// AddPod implements framework.PreFilterExtensions.
func (p *Plugin) AddPod(c *framework.Cycle, added *framework.PodInfo, n *framework.NodeInfo) *framework.Status {
	extensions := p.within.(fwk.PreFilterPlugin).PreFilterExtensions()
	if extensions == nil {
		return nil
	}
	return status(extensions.AddPod(ctx, p.handle.state(c), c.Pod.Pod, podInfo{added, p.handle.Symbols}, p.handle.node(n)))
}

// RemovePod implements framework.PreFilterExtensions.
func (p *Plugin) RemovePod(c *framework.Cycle, removed *framework.PodInfo, n *framework.NodeInfo) *framework.Status {
	extensions := p.within.(fwk.PreFilterPlugin).PreFilterExtensions()
	if extensions == nil {
		return nil
	}
	return status(extensions.RemovePod(ctx, p.handle.state(c), c.Pod.Pod, podInfo{removed, p.handle.Symbols}, p.handle.node(n)))
}

func (p *Plugin) Filter(c *framework.Cycle, n *framework.NodeInfo) *framework.Status {
	return status(p.within.(fwk.FilterPlugin).Filter(ctx, p.handle.state(c), c.Pod.Pod, p.handle.node(n)))
}

func (p *Plugin) PostFilter(c *framework.Cycle, statuses *framework.NodeStatuses) (*framework.PostFilterResult, *framework.Status) {
	result, s := p.within.(fwk.PostFilterPlugin).PostFilter(ctx, p.handle.state(c), c.Pod.Pod, &statusReader{p.handle, c.Snapshot, statuses})
	if result.Mode() == fwk.ModeNoop {
		return nil, status(s)
	}
	return &framework.PostFilterResult{Nominate: &framework.NominatingInfo{Node: result.NominatedNodeName}}, status(s)
}

func (p *Plugin) PreScore(c *framework.Cycle, feasible []int32) *framework.Status {
	return status(p.within.(fwk.PreScorePlugin).PreScore(ctx, p.handle.state(c), c.Pod.Pod, p.handle.nodes(c.Snapshot, feasible)))
}

func (p *Plugin) Score(c *framework.Cycle, n *framework.NodeInfo) (int64, *framework.Status) {
	score, s := p.within.(fwk.ScorePlugin).Score(ctx, p.handle.state(c), c.Pod.Pod, p.handle.node(n))
	return score, status(s)
}

// NormalizeScore implements framework.ScoreNormalizer.
func (p *Plugin) NormalizeScore(c *framework.Cycle, slots []int32, scores []int64) *framework.Status {
	extensions := p.within.(fwk.ScorePlugin).ScoreExtensions()
	if extensions == nil {
		return nil
	}
	list := make(fwk.NodeScoreList, len(slots))
	for i, slot := range slots {
		list[i] = fwk.NodeScore{Name: c.Snapshot.Nodes[slot].Name(), Score: scores[i]}
	}
	s := extensions.NormalizeScore(ctx, p.handle.state(c), c.Pod.Pod, list)
	for i := range list {
		scores[i] = list[i].Score
	}
	return status(s)
}

func (p *Plugin) Reserve(c *framework.Cycle, node string) *framework.Status {
	return status(p.within.(fwk.ReservePlugin).Reserve(ctx, p.handle.state(c), c.Pod.Pod, node))
}

func (p *Plugin) Unreserve(c *framework.Cycle, node string) {
	p.within.(fwk.ReservePlugin).Unreserve(ctx, p.handle.state(c), c.Pod.Pod, node)
}

func (p *Plugin) Permit(c *framework.Cycle, node string) (*framework.Status, time.Duration) {
	s, timeout := p.within.(fwk.PermitPlugin).Permit(ctx, p.handle.state(c), c.Pod.Pod, node)
	return status(s), timeout
}

func (p *Plugin) PreFlight(c *framework.Cycle, node string) *framework.Status {
	_, s := p.within.(fwk.PreBindPlugin).PreBindPreFlight(ctx, p.handle.state(c), c.Pod.Pod, node)
	return status(s)
}

func (p *Plugin) PreBind(c *framework.Cycle, node string, done func(*framework.Status)) {
	done(status(p.within.(fwk.PreBindPlugin).PreBind(ctx, p.handle.state(c), c.Pod.Pod, node)))
}

func (p *Plugin) Bind(c *framework.Cycle, node string, done func(*framework.Status)) {
	done(status(p.within.(fwk.BindPlugin).Bind(ctx, p.handle.state(c), c.Pod.Pod, node)))
}

func (p *Plugin) PostBind(c *framework.Cycle, node string) {
	p.within.(fwk.PostBindPlugin).PostBind(ctx, p.handle.state(c), c.Pod.Pod, node)
}

// status converts an answer; the codes are the same numbers.
func status(s *fwk.Status) *framework.Status {
	switch {
	case s == nil:
		return nil
	case s.IsError():
		return framework.AsStatus(s.AsError())
	}
	return framework.NewStatus(framework.Code(s.Code()), slices.Clone(s.Reasons())...)
}

// back converts an answer the other way.
func back(s *framework.Status) *fwk.Status {
	switch {
	case s == nil:
		return nil
	case s.IsError():
		return fwk.AsStatus(s.AsError()).WithPlugin(s.Plugin())
	}
	return fwk.NewStatus(fwk.Code(s.Code()), slices.Clone(s.Reasons())...).WithPlugin(s.Plugin())
}

// statusReader shows PostFilter plugins why nodes were refused.
type statusReader struct {
	handle   *handle
	snapshot *framework.Snapshot
	statuses *framework.NodeStatuses
}

func (r *statusReader) Get(name string) *fwk.Status {
	if n := r.snapshot.Node(name); n != nil {
		return back(r.statuses.Get(n.Slot))
	}
	return back(r.statuses.Absent())
}

func (r *statusReader) NodesForStatusCode(_ fwk.NodeInfoLister, code fwk.Code) ([]fwk.NodeInfo, error) {
	return r.handle.nodes(r.snapshot, r.statuses.WithCode(r.snapshot, framework.Code(code))), nil
}
