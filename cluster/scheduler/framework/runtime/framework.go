package runtime

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Enabled is a plugin of a profile. Weight matters for Score plugins only.
type Enabled struct {
	Plugin framework.Plugin
	Weight int64
}

// Config describes a profile. Every plugin takes part in all extension points that it implements, in the order given, unless
// Disabled says otherwise.
type Config struct {
	SchedulerName string
	Plugins       []Enabled
	// Disabled names extension points ("Filter", "Score", ...) that a plugin is left out of.
	Disabled map[string][]string
	// PercentageOfNodesToScore overrides the scheduler's; nil does not.
	PercentageOfNodesToScore *int32
}

// Framework is a profile ready to run.
type Framework struct {
	config Config
	names  *framework.PluginNames
	handle *framework.Handle

	preEnqueue []framework.PreEnqueuePlugin
	queueSort  framework.QueueSortPlugin
	enqueue    []framework.EnqueueExtensions
	preFilters []preFilter
	filters    []filter
	objects    int // how many of filters, from the first, depend on the node object only
	postFilter []framework.PostFilterPlugin
	preScores  []preScore
	scorers    []scorer
	reserve    []framework.ReservePlugin
	permit     []framework.PermitPlugin
	preBind    []framework.PreBindPlugin
	bind       []framework.BindPlugin
	postBind   []framework.PostBindPlugin

	verdicts classes[*framework.Status]
	raw      classes[int64]
	plain    bool // ask node by node only: the twin
}

type preFilter struct {
	id         framework.PluginID
	plugin     framework.PreFilterPlugin
	extensions framework.PreFilterExtensions // nil if none
}

type filter struct {
	id     framework.PluginID
	plugin framework.FilterPlugin
	object framework.ObjectFilter // nil if the answer depends on more than the node object
	column framework.ColumnFilter // nil if it needs the NodeInfo
}

type preScore struct {
	id     framework.PluginID
	plugin framework.PreScorePlugin
}

type scorer struct {
	id        framework.PluginID
	plugin    framework.ScorePlugin
	weight    int64
	object    framework.ObjectScorer
	column    framework.ColumnScorer
	normalize framework.ScoreNormalizer
}

// New sorts a profile's plugins into their extension points.
func New(c Config, names *framework.PluginNames, handle *framework.Handle) (*Framework, error) {
	f := &Framework{config: c, names: names, handle: handle}
	seen := map[string]bool{}
	for _, enabled := range c.Plugins {
		name := enabled.Plugin.Name()
		if seen[name] {
			return nil, fmt.Errorf("profile %s: plugin %q is enabled twice", c.SchedulerName, name)
		}
		seen[name] = true
		if err := f.enable(enabled); err != nil {
			return nil, err
		}
	}
	if f.queueSort == nil {
		return nil, fmt.Errorf("profile %s: no queue sort plugin is enabled", c.SchedulerName)
	}
	if len(f.bind) == 0 {
		return nil, fmt.Errorf("profile %s: at least one bind plugin is needed", c.SchedulerName)
	}
	for f.objects < len(f.filters) && f.filters[f.objects].object != nil {
		f.objects++
	}
	handle.Runner = f
	return f, nil
}

func (f *Framework) enable(e Enabled) error {
	name := e.Plugin.Name()
	id := f.names.ID(name)
	at := func(point string) bool {
		for _, disabled := range f.config.Disabled[point] {
			if disabled == name || disabled == "*" {
				return false
			}
		}
		return true
	}
	if p, ok := e.Plugin.(framework.QueueSortPlugin); ok && at("QueueSort") {
		if f.queueSort != nil {
			return fmt.Errorf("profile %s: only one queue sort plugin can be enabled", f.config.SchedulerName)
		}
		f.queueSort = p
	}
	if p, ok := e.Plugin.(framework.PreEnqueuePlugin); ok && at("PreEnqueue") {
		f.preEnqueue = append(f.preEnqueue, p)
	}
	if p, ok := e.Plugin.(framework.EnqueueExtensions); ok {
		f.enqueue = append(f.enqueue, p)
	} else if canReject(e.Plugin) {
		f.enqueue = append(f.enqueue, anyEvent{name})
	}
	f.enableFilters(e, id, at)
	f.enableScores(e, id, at)
	f.enableBinding(e, at)
	return nil
}

func (f *Framework) enableFilters(e Enabled, id framework.PluginID, at func(string) bool) {
	if p, ok := e.Plugin.(framework.PreFilterPlugin); ok && at("PreFilter") {
		extensions, _ := e.Plugin.(framework.PreFilterExtensions)
		f.preFilters = append(f.preFilters, preFilter{id, p, extensions})
	}
	if p, ok := e.Plugin.(framework.FilterPlugin); ok && at("Filter") {
		object, _ := e.Plugin.(framework.ObjectFilter)
		column, _ := e.Plugin.(framework.ColumnFilter)
		f.filters = append(f.filters, filter{id, p, object, column})
	}
	if p, ok := e.Plugin.(framework.PostFilterPlugin); ok && at("PostFilter") {
		f.postFilter = append(f.postFilter, p)
	}
}

func (f *Framework) enableScores(e Enabled, id framework.PluginID, at func(string) bool) {
	if p, ok := e.Plugin.(framework.PreScorePlugin); ok && at("PreScore") {
		f.preScores = append(f.preScores, preScore{id, p})
	}
	if p, ok := e.Plugin.(framework.ScorePlugin); ok && at("Score") {
		s := scorer{id: id, plugin: p, weight: max(e.Weight, 1)}
		s.object, _ = e.Plugin.(framework.ObjectScorer)
		s.column, _ = e.Plugin.(framework.ColumnScorer)
		s.normalize, _ = e.Plugin.(framework.ScoreNormalizer)
		f.scorers = append(f.scorers, s)
	}
}

func (f *Framework) enableBinding(e Enabled, at func(string) bool) {
	if p, ok := e.Plugin.(framework.ReservePlugin); ok && at("Reserve") {
		f.reserve = append(f.reserve, p)
	}
	if p, ok := e.Plugin.(framework.PermitPlugin); ok && at("Permit") {
		f.permit = append(f.permit, p)
	}
	if p, ok := e.Plugin.(framework.PreBindPlugin); ok && at("PreBind") {
		f.preBind = append(f.preBind, p)
	}
	if p, ok := e.Plugin.(framework.BindPlugin); ok && at("Bind") {
		f.bind = append(f.bind, p)
	}
	if p, ok := e.Plugin.(framework.PostBindPlugin); ok && at("PostBind") {
		f.postBind = append(f.postBind, p)
	}
}

// canReject reports whether a plugin can refuse pods, and so must be asked, or always answers Queue, when something changes.
func canReject(p framework.Plugin) bool {
	switch p.(type) {
	case framework.PreEnqueuePlugin, framework.PreFilterPlugin, framework.FilterPlugin, framework.ReservePlugin, framework.PermitPlugin:
		return true
	}
	return false
}

// anyEvent stands for a plugin that registers no events: any change brings its pods back.
type anyEvent struct{ name string }

func (a anyEvent) Name() string { return a.name }

func (a anyEvent) EventsToRegister() []framework.ClusterEventWithHint {
	var events []framework.ClusterEventWithHint
	for _, r := range []framework.EventResource{
		framework.Pod, framework.Node, framework.PersistentVolume, framework.PersistentVolumeClaim, framework.CSINode,
		framework.CSIDriver, framework.CSIStorageCapacity, framework.StorageClass, framework.ResourceClaim, framework.DeviceClass,
	} {
		events = append(events, framework.ClusterEventWithHint{Event: framework.ClusterEvent{Resource: r, Action: framework.All}})
	}
	return events
}

// ProfileName returns the schedulerName.
func (f *Framework) ProfileName() string { return f.config.SchedulerName }

// Less orders the queue.
func (f *Framework) Less(a, b *framework.QueuedPodInfo) bool { return f.queueSort.Less(a, b) }

// PreEnqueue returns the plugins that may gate pods, in order.
func (f *Framework) PreEnqueue() []framework.PreEnqueuePlugin { return f.preEnqueue }

// Enqueue returns who registers events.
func (f *Framework) Enqueue() []framework.EnqueueExtensions { return f.enqueue }

// HasPostFilter reports whether failing pods get another chance.
func (f *Framework) HasPostFilter() bool { return len(f.postFilter) > 0 }

// Plugins names everything enabled, in order.
func (f *Framework) Plugins() []string {
	names := make([]string, len(f.config.Plugins))
	for i, enabled := range f.config.Plugins {
		names[i] = enabled.Plugin.Name()
	}
	return names
}
