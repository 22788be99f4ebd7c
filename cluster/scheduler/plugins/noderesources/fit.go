package noderesources

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Fit is NodeResourcesFit: a PreFilter, Filter and Score plugin.
type Fit struct {
	signedByRequests
	handle  *framework.Handle
	ignored map[string]bool // extended resources, and groups of them with a trailing slash
	scorer  *allocationScorer
	demands framework.StateKey
	scores  framework.StateKey
	refusal refusals
}

// FitArgs are NodeResourcesFitArgs.
type FitArgs struct {
	IgnoredResources      []string
	IgnoredResourceGroups []string
	Strategy              Strategy
}

// NewFit returns the plugin.
func NewFit(h *framework.Handle, args FitArgs) (*Fit, error) {
	scorer, err := newAllocationScorer(h, args.Strategy)
	if err != nil {
		return nil, err
	}
	f := &Fit{handle: h, scorer: scorer, demands: h.NewStateKey(), scores: h.NewStateKey(), ignored: map[string]bool{}}
	for _, name := range args.IgnoredResources {
		f.ignored[name] = true
	}
	for _, group := range args.IgnoredResourceGroups {
		f.ignored[group+"/"] = true
	}
	f.refusal.symbols = h.Symbols
	return f, nil
}

func (*Fit) Name() string { return names.NodeResourcesFit }

// PreFilter notes what is to be compared.
func (f *Fit) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	demands := c.Pod.Demands
	if len(f.ignored) > 0 {
		demands = nil
		for _, d := range c.Pod.Demands {
			if !f.ignores(f.handle.Symbols.ResourceName(d.Column)) {
				demands = append(demands, d)
			}
		}
	}
	c.Write(f.demands, &fitState{demands: demands})
	return nil, nil
}

// fitState is what an attempt compares, and the refusal it met last: most nodes refuse for the same reason.
type fitState struct {
	demands []framework.Demand
}

func (f *Fit) ignores(name corev1.ResourceName) bool {
	if !framework.IsExtended(name) {
		return false
	}
	group, _, _ := strings.Cut(string(name), "/")
	return f.ignored[string(name)] || f.ignored[group+"/"]
}

// Filter refuses nodes where a request doesn't fit.
func (f *Fit) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	state := framework.StateOf[fitState](c, f.demands)
	var lack lack
	if int64(len(node.Pods))+1 > node.AllowedPods {
		lack.pods = true
	}
	for _, d := range state.demands {
		capacity := node.Allocatable.At(d.Column)
		if d.Amount > capacity-node.Requested.At(d.Column) {
			lack.add(d.Column, d.Amount > capacity)
		}
	}
	return f.refusal.status(&lack)
}

// FilterSlot implements framework.ColumnFilter.
func (f *Fit) FilterSlot(c *framework.Cycle, slot int32) *framework.Status {
	s := c.Snapshot
	state := framework.StateOf[fitState](c, f.demands)
	fits := s.PodCount[slot] < s.AllowedPods[slot]
	for _, d := range state.demands {
		if d.Column >= len(s.Allocatable) || d.Amount > s.Allocatable[d.Column][slot]-s.Requested[d.Column][slot] {
			fits = false
		}
	}
	if fits {
		return nil
	}
	return f.Filter(c, s.Nodes[slot])
}

// lack is what a node is short of.
type lack struct {
	pods    bool
	never   bool   // even the empty node would be too small
	columns uint64 // the first 62 columns, as bits
	more    []int  // columns beyond
}

const bitColumns = 62

func (l *lack) add(column int, never bool) {
	l.never = l.never || never
	if column < bitColumns {
		l.columns |= 1 << column
	} else {
		l.more = append(l.more, column)
	}
}

// refusals shares the statuses of equal lacks.
type refusals struct {
	symbols *framework.Symbols
	known   map[uint64]*framework.Status
}

func (r *refusals) status(l *lack) *framework.Status {
	key := l.columns << 2
	if l.pods {
		key |= 1
	}
	if l.never {
		key |= 2
	}
	if key == 0 && len(l.more) == 0 {
		return nil
	}
	if status := r.known[key]; status != nil && len(l.more) == 0 {
		return status
	}
	status := r.build(l)
	if len(l.more) == 0 {
		if r.known == nil {
			r.known = map[uint64]*framework.Status{}
		}
		r.known[key] = status
	}
	return status
}

func (r *refusals) build(l *lack) *framework.Status {
	code := framework.Unschedulable
	if l.never {
		code = framework.UnschedulableAndUnresolvable
	}
	var reasons []string
	if l.pods {
		reasons = append(reasons, "Too many pods")
	}
	for column := range bitColumns {
		if l.columns&(1<<column) != 0 {
			reasons = append(reasons, "Insufficient "+string(r.symbols.ResourceName(column)))
		}
	}
	for _, column := range l.more {
		reasons = append(reasons, "Insufficient "+string(r.symbols.ResourceName(column)))
	}
	return framework.Rejection(names.NodeResourcesFit, code, reasons...)
}

// PreScore notes what is to be scored.
func (f *Fit) PreScore(c *framework.Cycle, _ []int32) *framework.Status {
	c.Write(f.scores, f.scorer.prepare(c.Pod.Containers))
	return nil
}

// Score ranks a node by the configured strategy.
func (f *Fit) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	return f.scorer.score(framework.StateOf[scoreState](c, f.scores), node), nil
}

// ScoreSlots implements framework.ColumnScorer.
func (f *Fit) ScoreSlots(c *framework.Cycle, slots []int32, scores []int64) {
	f.scorer.scoreSlots(framework.StateOf[scoreState](c, f.scores), c.Snapshot, slots, scores)
}

// EventsToRegister: room may come with a node, or when a pod goes or shrinks.
func (f *Fit) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Delete | framework.UpdatePodScaleDown}, Hint: f.afterPodEvent},
		{Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeAllocatable}, Hint: f.afterNodeChange},
	}
}

func (f *Fit) afterPodEvent(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	freed := false
	switch {
	case is == nil:
		freed = was.Spec.NodeName != "" || was.Status.NominatedNodeName != ""
	case is.UID == pod.UID:
		freed = true // the pod itself asks for less
	case is.Spec.NodeName != "":
		freed = f.shrank(pod, was, is)
	}
	if freed {
		return framework.Queue, nil
	}
	return framework.QueueSkip, nil
}

// shrank reports whether another pod asks for less of anything that the pod asks for.
func (f *Fit) shrank(pod, was, is *corev1.Pod) bool {
	before, after := f.handle.Symbols.RequestOf(was), f.handle.Symbols.RequestOf(is)
	for _, d := range f.handle.Symbols.RequestOf(pod).Demands {
		if before.Amounts.At(d.Column) > after.Amounts.At(d.Column) {
			return true
		}
	}
	return false
}

func (f *Fit) afterNodeChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Node](before, after)
	if err != nil {
		return framework.Queue, err
	}
	request := f.handle.Symbols.RequestOf(pod)
	capacity, pods := f.handle.Symbols.Vector(is.Status.Allocatable)
	if pods < 1 || !fitsEmpty(request.Demands, capacity) {
		return framework.QueueSkip, nil
	}
	if was == nil {
		return framework.Queue, nil
	}
	earlier, earlierPods := f.handle.Symbols.Vector(was.Status.Allocatable)
	if pods > earlierPods {
		return framework.Queue, nil
	}
	for _, d := range request.Demands {
		if capacity.At(d.Column) > earlier.At(d.Column) {
			return framework.Queue, nil
		}
	}
	return framework.QueueSkip, nil
}

func fitsEmpty(demands []framework.Demand, capacity framework.Vector) bool {
	for _, d := range demands {
		if d.Amount > capacity.At(d.Column) {
			return false
		}
	}
	return true
}
