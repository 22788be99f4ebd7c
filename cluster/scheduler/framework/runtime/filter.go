package runtime

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// PreFilter runs the PreFilter plugins. nodes, if not nil, are the only ones worth filtering; narrowed names the plugins
// that said so.
func (f *Framework) PreFilter(c *framework.Cycle) (nodes map[string]bool, narrowed framework.PluginSet, status *framework.Status) {
	var refused *framework.Status
	for _, p := range f.preFilters {
		result, s := p.plugin.PreFilter(c)
		switch {
		case s.IsSkip():
			c.SkipFilter = c.SkipFilter.With(p.id)
			continue
		case s.Code() == framework.UnschedulableAndUnresolvable:
			return nil, 0, s.WithPlugin(p.plugin.Name())
		case s.Code() == framework.Unschedulable:
			refused = s.WithPlugin(p.plugin.Name()) // preemption may help, and needs everybody's state
			continue
		case !s.IsSuccess():
			return nil, 0, framework.AsStatus(fmt.Errorf("running PreFilter plugin %q: %w", p.plugin.Name(), s.AsError())).WithPlugin(p.plugin.Name())
		}
		if result == nil || result.NodeNames == nil {
			continue
		}
		narrowed = narrowed.With(p.id)
		if nodes = intersect(nodes, result.NodeNames); len(nodes) == 0 {
			return nodes, narrowed, framework.NewStatus(framework.UnschedulableAndUnresolvable, f.narrowedToNothing(narrowed))
		}
	}
	return nodes, narrowed, refused
}

func (f *Framework) narrowedToNothing(by framework.PluginSet) string {
	names := slices.Sorted(slices.Values(f.names.Names(by)))
	if len(names) == 1 {
		return "node(s) didn't satisfy plugin " + names[0]
	}
	return "node(s) didn't satisfy plugin(s) [" + strings.Join(names, " ") + "] simultaneously"
}

// intersect returns the names in both sets; nil is all names.
func intersect(a, b map[string]bool) map[string]bool {
	if a == nil {
		return maps.Clone(b)
	}
	maps.DeleteFunc(a, func(name string, _ bool) bool { return !b[name] })
	return a
}

// filterRun is one attempt's way through the filters: which are left, and what is remembered of the pod's class.
type filterRun struct {
	f      *Framework
	c      *framework.Cycle
	left   []filter // that this pod needs, without the object filters
	object []filter // object filters that this pod needs
	class  *class[*framework.Status]
	// nominated says that some node has nominated pods, so that each node must be asked for.
	nominated bool
}

// classPays is the number of nodes from which looking up the class costs less than it saves.
const classPays = 8

func (f *Framework) startFilters(c *framework.Cycle, nodes int, run *filterRun) {
	run.f, run.c, run.class = f, c, nil
	run.left, run.object = run.left[:0], run.object[:0]
	for i, p := range f.filters {
		switch {
		case c.SkipFilter.Has(p.id):
		case i < f.objects:
			run.object = append(run.object, p)
		default:
			run.left = append(run.left, p)
		}
	}
	run.nominated = f.handle.Nominator != nil && f.handle.Nominator.HasNominated()
	if f.plain || nodes < classPays || len(run.object) == 0 {
		return
	}
	key := make([]byte, 0, 256)
	for _, p := range run.object {
		key = append(key, byte(p.id))
		key = p.object.AppendFilterClass(key, c.Pod.Pod)
	}
	run.class = f.verdicts.find(key, len(c.Snapshot.Nodes))
}

// slot runs the filters on a node of the snapshot.
func (r *filterRun) slot(slot int32) *framework.Status {
	if r.f.plain || r.nominated && len(r.f.handle.Nominator.NominatedPods(r.c.Snapshot.Nodes[slot].Name())) > 0 {
		return r.f.FilterWithNominated(r.c, r.c.Snapshot.Nodes[slot])
	}
	if status := r.objects(slot); status != nil {
		return status
	}
	for i := range r.left {
		p := &r.left[i]
		var status *framework.Status
		if p.column != nil {
			status = p.column.FilterSlot(r.c, slot)
		} else {
			status = p.plugin.Filter(r.c, r.c.Snapshot.Nodes[slot])
		}
		if !status.IsSuccess() {
			return verdict(p.plugin, status)
		}
	}
	return nil
}

func (r *filterRun) objects(slot int32) *framework.Status {
	if r.class == nil {
		return r.askObjects(slot)
	}
	version := r.c.Snapshot.ObjectVersion[slot]
	if r.class.versions[slot] != version {
		r.class.answers[slot] = r.askObjects(slot)
		r.class.versions[slot] = version
	}
	return r.class.answers[slot]
}

func (r *filterRun) askObjects(slot int32) *framework.Status {
	node := r.c.Snapshot.Nodes[slot]
	for i := range r.object {
		if status := r.object[i].plugin.Filter(r.c, node); !status.IsSuccess() {
			return verdict(r.object[i].plugin, status)
		}
	}
	return nil
}

// verdict makes a refusal name its plugin, and anything but a refusal an error.
func verdict(p framework.Plugin, status *framework.Status) *framework.Status {
	if !status.IsRejected() {
		status = framework.AsStatus(fmt.Errorf("running %q filter plugin: %w", p.Name(), status.AsError()))
	}
	return status.WithPlugin(p.Name())
}

// Filter runs the filters on any node, node by node.
func (f *Framework) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	for i := range f.filters {
		p := &f.filters[i]
		if c.SkipFilter.Has(p.id) {
			continue
		}
		if status := p.plugin.Filter(c, node); !status.IsSuccess() {
			return verdict(p.plugin, status)
		}
	}
	return nil
}

// FilterWithNominated runs the filters with the pods nominated to the node added, if their priority is not lower, and then
// without them: the pod must fit in both cases, since nobody knows whether they will come.
func (f *Framework) FilterWithNominated(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	with, changed, status := f.addNominated(c, node)
	if status != nil {
		return status
	}
	if with != c {
		if status := f.Filter(with, changed); !status.IsSuccess() {
			return status
		}
	}
	return f.Filter(c, node)
}

// addNominated returns the cycle and node with the nominated pods added, or those given if there are none.
func (f *Framework) addNominated(c *framework.Cycle, node *framework.NodeInfo) (*framework.Cycle, *framework.NodeInfo, *framework.Status) {
	if f.handle.Nominator == nil {
		return c, node, nil
	}
	with, changed := c, node
	for _, p := range f.handle.Nominator.NominatedPods(node.Name()) {
		if p.Priority() < c.Pod.Priority() || p.Pod.UID == c.Pod.Pod.UID {
			continue
		}
		if with == c {
			with, changed = c.Clone(), node.Clone()
		}
		changed.AddPod(p)
		if status := f.AddPod(with, p, changed); !status.IsSuccess() {
			return c, node, framework.AsStatus(status.AsError())
		}
	}
	return with, changed, nil
}

// AddPod keeps the PreFilter states true to a pod that was added to a node.
func (f *Framework) AddPod(c *framework.Cycle, added *framework.PodInfo, node *framework.NodeInfo) *framework.Status {
	for _, p := range f.preFilters {
		if p.extensions == nil || c.SkipFilter.Has(p.id) {
			continue
		}
		if s := p.extensions.AddPod(c, added, node); !s.IsSuccess() {
			return framework.AsStatus(fmt.Errorf("running AddPod on PreFilter plugin %q: %w", p.plugin.Name(), s.AsError()))
		}
	}
	return nil
}

// RemovePod keeps the PreFilter states true to a pod that was removed from a node.
func (f *Framework) RemovePod(c *framework.Cycle, removed *framework.PodInfo, node *framework.NodeInfo) *framework.Status {
	for _, p := range f.preFilters {
		if p.extensions == nil || c.SkipFilter.Has(p.id) {
			continue
		}
		if s := p.extensions.RemovePod(c, removed, node); !s.IsSuccess() {
			return framework.AsStatus(fmt.Errorf("running RemovePod on PreFilter plugin %q: %w", p.plugin.Name(), s.AsError()))
		}
	}
	return nil
}

// PostFilter asks the PostFilter plugins in turn until one succeeds. The status says what they had to say.
func (f *Framework) PostFilter(c *framework.Cycle, statuses *framework.NodeStatuses) (*framework.NominatingInfo, *framework.Status) {
	var result *framework.NominatingInfo
	var reasons []string
	rejector := ""
	for _, p := range f.postFilter {
		r, s := p.PostFilter(c, statuses)
		var nominate *framework.NominatingInfo
		if r != nil {
			nominate = r.Nominate
		}
		switch {
		case s.IsSuccess():
			return nominate, s
		case s.Code() == framework.UnschedulableAndUnresolvable:
			return nominate, s.WithPlugin(p.Name())
		case !s.IsRejected():
			return nil, framework.AsStatus(s.AsError()).WithPlugin(p.Name())
		case nominate != nil:
			result = nominate
		}
		reasons = append(reasons, s.Reasons()...)
		if rejector == "" {
			rejector = p.Name()
		}
	}
	return result, framework.NewStatus(framework.Unschedulable, reasons...).WithPlugin(rejector)
}
