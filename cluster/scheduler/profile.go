package scheduler

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/defaultbinder"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/defaultpreemption"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/dynamicresources"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/imagelocality"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/interpodaffinity"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodeaffinity"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodedeclaredfeatures"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodename"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodeports"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/noderesources"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodeunschedulable"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodevolumelimits"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/podtopologyspread"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/prioritysort"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/schedulinggates"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/tainttoleration"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/volumebinding"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/volumerestrictions"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/volumezone"
)

// DefaultPlugins builds the plugins of the default profile, in upstream's order and with its weights
// (pkg/scheduler/apis/config/v1/default_plugins.go).
func DefaultPlugins(h *framework.Handle) ([]runtime.Enabled, error) {
	affinity, err := nodeaffinity.New(h, nodeaffinity.Args{})
	if err != nil {
		return nil, err
	}
	fit, err := noderesources.NewFit(h, noderesources.FitArgs{})
	if err != nil {
		return nil, err
	}
	return []runtime.Enabled{
		{Plugin: schedulinggates.SchedulingGates{}},
		{Plugin: prioritysort.PrioritySort{}},
		{Plugin: nodeunschedulable.NodeUnschedulable{}},
		{Plugin: nodename.NodeName{}},
		{Plugin: tainttoleration.TaintToleration{}, Weight: 3},
		{Plugin: affinity, Weight: 2},
		{Plugin: nodeports.NodePorts{}},
		{Plugin: fit, Weight: 1},
		{Plugin: volumerestrictions.New(h)},
		{Plugin: nodevolumelimits.New(h)},
		{Plugin: volumebinding.New(h, volumebinding.Args{})},
		{Plugin: volumezone.New(h)},
		{Plugin: podtopologyspread.New(h, podtopologyspread.Args{}), Weight: 2},
		{Plugin: interpodaffinity.New(h, interpodaffinity.Args{}), Weight: 2},
		{Plugin: dynamicresources.New(h)},
		{Plugin: defaultpreemption.New(h, defaultpreemption.Args{})},
		{Plugin: noderesources.NewBalanced(h, nil), Weight: 1},
		{Plugin: imagelocality.New(h), Weight: 1},
		{Plugin: defaultbinder.New(h)},
		{Plugin: nodedeclaredfeatures.New(h)},
	}, nil
}

// Build makes a profile ready to run, with what the configuration says about all profiles.
func (p Profile) Build(c *Config, names *framework.PluginNames, h *framework.Handle, extenders []framework.Extender) (*runtime.Framework, error) {
	build := p.Plugins
	if build == nil {
		build = DefaultPlugins
	}
	plugins, err := build(h)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.SchedulerName, err)
	}
	return runtime.New(runtime.Config{
		SchedulerName: p.SchedulerName, Plugins: plugins, Enabled: p.Enabled, Disabled: p.Disabled, Batching: !c.WithoutBatching, Extenders: extenders,
		PercentageOfNodesToScore: p.PercentageOfNodesToScore,
	}, names, h)
}

// Check builds the profile on a handle that is thrown away, and says what is wrong with it.
func (p Profile) Check() error {
	_, err := p.Build(&Config{}, framework.NewPluginNames(), framework.NewHandle(p.SchedulerName, framework.NewSymbols()), nil)
	return err
}
