package config

import (
	"slices"

	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// defaultPlugins are enabled at every extension point that they have, in this order (pkg/scheduler/apis/config/v1/default_plugins.go).
func defaultPlugins(o Options) []configv1.Plugin {
	plain := func(name string) configv1.Plugin { return configv1.Plugin{Name: name} }
	weighing := func(name string, weight int32) configv1.Plugin {
		return configv1.Plugin{Name: name, Weight: api.Ptr(weight)}
	}
	list := []configv1.Plugin{
		plain(names.SchedulingGates), plain(names.PrioritySort), plain(names.NodeUnschedulable), plain(names.NodeName),
		weighing(names.TaintToleration, 3), weighing(names.NodeAffinity, 2), plain(names.NodePorts), weighing(names.NodeResourcesFit, 1),
		plain(names.VolumeRestrictions), plain(names.NodeVolumeLimits), plain(names.VolumeBinding), plain(names.VolumeZone),
		weighing(names.PodTopologySpread, 2), weighing(names.InterPodAffinity, 2),
	}
	if o.enabled("DynamicResourceAllocation") {
		list = append(list, weighing(names.DynamicResources, 2))
	}
	list = append(list, plain(names.DefaultPreemption), weighing(names.NodeResourcesBalancedAllocation, 1), weighing(names.ImageLocality, 1),
		plain(names.DefaultBinder))
	if o.enabled("NodeDeclaredFeatures") {
		list = append(list, plain(names.NodeDeclaredFeatures))
	}
	if o.enabled("GangScheduling") {
		list = append(list, plain(names.GangScheduling))
	}
	return list
}

// merge takes what a profile says about all extension points into the defaults: it may disable some or all ("*") of them, replace one in
// its place by naming it again, and append others.
func merge(defaults []configv1.Plugin, custom configv1.PluginSet) []configv1.Plugin {
	find := func(in []configv1.Plugin, name string) int {
		return slices.IndexFunc(in, func(p configv1.Plugin) bool { return p.Name == name })
	}
	merged := []configv1.Plugin{}
	replaced := map[int]bool{}
	for _, p := range defaults {
		if find(custom.Disabled, p.Name) >= 0 || find(custom.Disabled, "*") >= 0 {
			continue
		}
		if i := find(custom.Enabled, p.Name); i >= 0 {
			p, replaced[i] = custom.Enabled[i], true
		}
		merged = append(merged, p)
	}
	for i, p := range custom.Enabled {
		if !replaced[i] {
			merged = append(merged, p)
		}
	}
	return merged
}

// set is what a profile says about one extension point.
type set struct {
	point string
	configv1.PluginSet
}

// sets are a profile's extension points in the order in which a pod meets them.
func sets(p *configv1.Plugins) []set {
	if p == nil {
		return nil
	}
	return []set{
		{"PreEnqueue", p.PreEnqueue}, {"QueueSort", p.QueueSort}, {"PreFilter", p.PreFilter}, {"Filter", p.Filter},
		{"PostFilter", p.PostFilter}, {"PreScore", p.PreScore}, {"Score", p.Score}, {"Reserve", p.Reserve}, {"Permit", p.Permit},
		{"PreBind", p.PreBind}, {"Bind", p.Bind}, {"PostBind", p.PostBind},
	}
}

// namesOf lists the names of plugins.
func namesOf(plugins []configv1.Plugin) []string {
	list := make([]string, len(plugins))
	for i, p := range plugins {
		list[i] = p.Name
	}
	return list
}
