package config

import (
	"errors"
	"slices"

	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// ignoreManaged makes NodeResourcesFit of every profile ignore the resources that extenders look after alone, in place of what its arguments
// ignore (buildExtenders in pkg/scheduler/scheduler.go).
func ignoreManaged(file *configv1.KubeSchedulerConfiguration, o Options) error {
	var ignored []string
	for i := range file.Extenders {
		for _, r := range file.Extenders[i].ManagedResources {
			if r.IgnoredByScheduler {
				ignored = append(ignored, r.Name)
			}
		}
	}
	if len(ignored) == 0 {
		return nil
	}
	for i := range file.Profiles {
		if err := ignoreIn(&file.Profiles[i], ignored, o); err != nil {
			return err
		}
	}
	return nil
}

func ignoreIn(p *configv1.KubeSchedulerProfile, ignored []string, o Options) error {
	args := &configv1.NodeResourcesFitArgs{}
	at := slices.IndexFunc(p.PluginConfig, func(c configv1.PluginConfig) bool { return c.Name == names.NodeResourcesFit })
	if at < 0 {
		var everywhere configv1.PluginSet
		if p.Plugins != nil {
			everywhere = p.Plugins.MultiPoint
		}
		enabled := func(e entry) bool { return e.name == names.NodeResourcesFit }
		if !slices.ContainsFunc(entriesOf(p, merge(defaultPlugins(o), everywhere)), enabled) {
			return errors.New("couldn't build extenders: can't find NodeResourcesFitArgs in plugin config")
		}
		at = len(p.PluginConfig)
		p.PluginConfig = append(p.PluginConfig, configv1.PluginConfig{Name: names.NodeResourcesFit})
	} else if given, ok := p.PluginConfig[at].Args.Object.(*configv1.NodeResourcesFitArgs); ok {
		args = given.DeepCopy()
	}
	args.IgnoredResources = ignored
	p.PluginConfig[at].Args.Object = args
	return nil
}
