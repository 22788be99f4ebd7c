package config

import (
	"fmt"
	"slices"

	apiruntime "k8s.io/apimachinery/pkg/runtime"
	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/gpushare"
)

// entry is a plugin that a profile enables: everywhere, or only at the extension points that name it.
type entry struct {
	name   string
	weight int64
	only   bool
	args   *configv1.PluginConfig // nil: the defaults
}

// buildProfile resolves a profile of the file.
func buildProfile(p *configv1.KubeSchedulerProfile, o Options) (scheduler.Profile, error) {
	profile := scheduler.Profile{SchedulerName: *p.SchedulerName, PercentageOfNodesToScore: p.PercentageOfNodesToScore}
	var multiPoint configv1.PluginSet
	if p.Plugins != nil {
		multiPoint = p.Plugins.MultiPoint
		if s := p.Plugins.PlacementGenerate; len(s.Enabled) > 0 {
			return profile, fmt.Errorf("profile %s: placementGenerate plugin %q: placements of pod groups are not modelled", *p.SchedulerName, s.Enabled[0].Name)
		}
		if s := p.Plugins.PlacementScore; len(s.Enabled) > 0 {
			return profile, fmt.Errorf("profile %s: placementScore plugin %q: placements of pod groups are not modelled", *p.SchedulerName, s.Enabled[0].Name)
		}
	}
	entries := entriesOf(p, merge(defaultPlugins(o), multiPoint))
	profile.Enabled, profile.Disabled = map[string][]string{}, map[string][]string{}
	for _, s := range sets(p.Plugins) {
		if len(s.Enabled) > 0 {
			profile.Enabled[s.point] = namesOf(s.Enabled)
		}
		if len(s.Disabled) > 0 {
			profile.Disabled[s.point] = namesOf(s.Disabled)
		}
	}
	bindFirst(entries, profile.Enabled)
	profile.Plugins = func(h *framework.Handle) ([]runtime.Enabled, error) {
		h.SynchronousPreemption = !o.enabled("SchedulerAsyncPreemption")
		return build(entries, o, h)
	}
	return profile, nil
}

// entriesOf lists the plugins that a profile enables anywhere, with the weights that count: that at Score before that at all points.
func entriesOf(p *configv1.KubeSchedulerProfile, everywhere []configv1.Plugin) []entry {
	var entries []entry
	at := map[string]int{}
	add := func(plugin configv1.Plugin, only bool) {
		if _, known := at[plugin.Name]; known && only {
			return
		}
		at[plugin.Name] = len(entries)
		e := entry{name: plugin.Name, weight: weightOf(plugin), only: only}
		for i := range p.PluginConfig {
			if p.PluginConfig[i].Name == plugin.Name {
				e.args = &p.PluginConfig[i]
			}
		}
		entries = append(entries, e)
	}
	for _, plugin := range everywhere {
		add(plugin, false)
	}
	for _, s := range sets(p.Plugins) {
		for _, plugin := range s.Enabled {
			add(plugin, true)
		}
	}
	if p.Plugins != nil {
		for _, plugin := range p.Plugins.Score.Enabled {
			entries[at[plugin.Name]].weight = weightOf(plugin)
		}
	}
	return entries
}

func weightOf(p configv1.Plugin) int64 {
	if p.Weight == nil {
		return 0 // counts as 1
	}
	return int64(*p.Weight)
}

// build makes the plugins.
func build(entries []entry, o Options, h *framework.Handle) ([]runtime.Enabled, error) {
	var plugins []runtime.Enabled
	for _, e := range entries {
		plugin, err := e.build(o, h)
		if err != nil {
			return nil, fmt.Errorf("initializing plugin %q: %w", e.name, err)
		}
		plugins = append(plugins, runtime.Enabled{Plugin: plugin, Weight: e.weight, Only: e.only})
	}
	return plugins, nil
}

func (e *entry) build(o Options, h *framework.Handle) (framework.Plugin, error) {
	if factory := o.OutOfTree[e.name]; factory != nil {
		var args *apiruntime.Unknown
		if e.args != nil && len(e.args.Args.Raw) > 0 {
			args = &apiruntime.Unknown{Raw: e.args.Args.Raw, ContentType: apiruntime.ContentTypeJSON}
		}
		return factory(args, h)
	}
	if slices.Contains(gpushare.Names(), e.name) {
		return gpuPlugin(e, o, h)
	}
	build := inTree[e.name]
	if build == nil {
		return nil, fmt.Errorf("plugin %q does not exist", e.name)
	}
	var args apiruntime.Object
	if e.args != nil {
		args = e.args.Args.Object
	}
	return build(args, h)
}
