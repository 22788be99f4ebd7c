package config

import (
	"fmt"
	"slices"
	"strings"

	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/gpushare"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// DefaultPolicy is kube-scheduler's own scores, beside a filter that knows single GPUs.
const DefaultPolicy = "default"

// Policies lists what Options.Policy may be.
func Policies() []string {
	list := append(policies.Names(), DefaultPolicy)
	slices.Sort(list)
	return list
}

// checkPolicy refuses names of no policy.
func checkPolicy(name string) error {
	if name != "" && !slices.Contains(Policies(), name) {
		return fmt.Errorf("no policy is called %q: want one of %s", name, strings.Join(Policies(), ", "))
	}
	return nil
}

// policyFile is the configuration that a policy stands for: the default filters and the policy's score alone, of all nodes.
func policyFile(policy string) *configv1.KubeSchedulerConfiguration {
	plugin := gpushare.GPUShare
	plugins := &configv1.Plugins{}
	if policy != DefaultPolicy {
		plugin, _ = gpushare.NameOf(policy) // It was checked.
		plugins.PreScore.Disabled = []configv1.Plugin{{Name: "*"}}
		plugins.Score = configv1.PluginSet{Disabled: []configv1.Plugin{{Name: "*"}}, Enabled: []configv1.Plugin{{Name: plugin, Weight: api.Ptr(int32(1))}}}
	}
	plugins.MultiPoint.Enabled = []configv1.Plugin{{Name: plugin}}
	file := &configv1.KubeSchedulerConfiguration{Profiles: []configv1.KubeSchedulerProfile{{Plugins: plugins}}}
	if policy != DefaultPolicy {
		file.PercentageOfNodesToScore = api.Ptr(int32(100))
	}
	return file
}

// gpuPlugin builds a plugin of package gpushare.
func gpuPlugin(e *entry, o Options, h *framework.Handle) (framework.Plugin, error) {
	if e.args != nil {
		return nil, fmt.Errorf("takes no arguments")
	}
	return gpushare.New(h, e.name, o.Workload)
}

// bindFirst puts a plugin of package gpushare before DefaultBinder, unless the file says which plugins bind.
func bindFirst(entries []entry, enabled map[string][]string) {
	if len(enabled["Bind"]) > 0 {
		return
	}
	for _, e := range entries {
		if !e.only && slices.Contains(gpushare.Names(), e.name) {
			enabled["Bind"] = []string{e.name}
		}
	}
}

// tie is the rule that Options.Ties names, or that goes with a policy: its scores were published with ties that go to the first by
// name. Nil is the scheduler's own.
func (o Options) tie() (*runtime.Tie, error) {
	name := o.Ties
	if name == "" && o.Policy != "" && o.Policy != DefaultPolicy {
		name = runtime.TieName.String()
	}
	if name == "" {
		return nil, nil
	}
	tie, err := runtime.ParseTie(name)
	return &tie, err
}
