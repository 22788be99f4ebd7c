package runtime

import (
	"fmt"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Enabled is a plugin of a profile. Weight matters for Score plugins only.
type Enabled struct {
	Plugin framework.Plugin
	Weight int64
	// Only says that the plugin takes part where Config.Enabled names it and nowhere else.
	Only bool
}

// Config describes a profile. Every plugin takes part in all extension points that it implements, in the order given, unless
// Enabled or Disabled say otherwise.
type Config struct {
	SchedulerName string
	Plugins       []Enabled
	// Enabled names plugins by extension point ("Filter", "Score", ...). Those among Plugins anyhow come first there, the others last.
	Enabled map[string][]string
	// Disabled names plugins that an extension point leaves out, unless Enabled names them there; "*" is all.
	Disabled map[string][]string
	// Batching switches opportunistic batching on (feature gate OpportunisticBatching).
	Batching bool
	// Extenders are asked after the plugins; those that may be ignored come last.
	Extenders []framework.Extender
	// PercentageOfNodesToScore overrides the scheduler's; nil does not.
	PercentageOfNodesToScore *int32
}

// Framework is a profile ready to run.
type Framework struct {
	config Config
	names  *framework.PluginNames
	handle *framework.Handle

	preEnqueue []framework.PreEnqueuePlugin
	queueSorts []framework.QueueSortPlugin // exactly one
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
	signer   signer
	batch    *batch // nil: off
	plain    bool   // ask node by node only: the twin
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
	for _, enabled := range c.Plugins {
		f.listen(enabled.Plugin)
	}
	if err := f.enableAll(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", c.SchedulerName, err)
	}
	if n := len(f.queueSorts); n != 1 {
		return nil, fmt.Errorf("only one queue sort plugin required for profile with scheduler name %q, but got %d", c.SchedulerName, n)
	}
	if len(f.bind) == 0 {
		return nil, fmt.Errorf("at least one bind plugin is needed for profile with scheduler name %q", c.SchedulerName)
	}
	for f.objects < len(f.filters) && f.filters[f.objects].object != nil {
		f.objects++
	}
	if handle.Extenders = c.Extenders; len(c.Extenders) > 0 {
		// What an extender refused, any event may bring back.
		f.enqueue = append([]framework.EnqueueExtensions{anyEvent{framework.ExtenderName}}, f.enqueue...)
	}
	f.signer = newSigner(f)
	if c.Batching {
		f.batch = &batch{f: f}
	}
	handle.Runner = f
	return f, nil
}

// listen notes which events bring back pods that a plugin refused.
func (f *Framework) listen(p framework.Plugin) {
	if enqueue, ok := p.(framework.EnqueueExtensions); ok && framework.Has(p, "EnqueueExtensions") {
		f.enqueue = append(f.enqueue, enqueue)
	} else if canReject(p) {
		f.enqueue = append(f.enqueue, anyEvent{p.Name()})
	}
}

// canReject reports whether a plugin can refuse pods, and so must be asked, or always answers Queue, when something changes.
func canReject(p framework.Plugin) bool {
	has := func(point string, ok bool) bool { return ok && framework.Has(p, point) }
	_, preEnqueue := p.(framework.PreEnqueuePlugin)
	_, preFilter := p.(framework.PreFilterPlugin)
	_, filter := p.(framework.FilterPlugin)
	_, reserve := p.(framework.ReservePlugin)
	_, permit := p.(framework.PermitPlugin)
	return has("PreEnqueue", preEnqueue) || has("PreFilter", preFilter) || has("Filter", filter) || has("Reserve", reserve) || has("Permit", permit)
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

// CostRows are the rows of the cost table that scoring a node is charged to: those that plugins declare, own once for
// kube-scheduler's own, and undeclared for each of the others.
func (f *Framework) CostRows(own, undeclared string) []string {
	var rows []string
	for i := range f.scorers {
		p := f.scorers[i].plugin
		costed, declares := p.(framework.CostedPlugin)
		switch {
		case declares:
			rows = append(rows, costed.CostRow())
		case !slices.Contains(names.Scoring, p.Name()):
			rows = append(rows, undeclared)
		case !slices.Contains(rows, own):
			rows = append(rows, own)
		}
	}
	return rows
}

// ProfileName returns the schedulerName.
func (f *Framework) ProfileName() string { return f.config.SchedulerName }

// monotonic reads the clock by which batching measures ages.
func (f *Framework) monotonic() time.Duration {
	if f.handle.Monotonic == nil {
		return 0
	}
	return f.handle.Monotonic()
}

// observe returns who counts; somebody always does.
func (f *Framework) observe() framework.Observer {
	if f.handle.Observe == nil {
		return framework.NoObserver{}
	}
	return f.handle.Observe
}

// Less orders the queue.
func (f *Framework) Less(a, b *framework.QueuedPodInfo) bool { return f.queueSorts[0].Less(a, b) }

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
