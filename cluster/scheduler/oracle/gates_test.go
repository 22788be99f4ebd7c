package oracle

import (
	"fmt"
	"strings"
	"testing"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/testing/defaults"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// TestGates: the feature gates that ours knows are upstream's, and what is taken for their default is.
func TestGates(t *testing.T) {
	known := 0
	for name, spec := range utilfeature.DefaultMutableFeatureGate.GetAll() {
		_, err := config.Default(config.Options{Gates: map[string]bool{string(name): spec.Default}})
		if err != nil && strings.Contains(err.Error(), "not one that the scheduler reads") {
			continue
		}
		known++
		if err != nil {
			t.Error(err)
		}
	}
	if known < 30 {
		t.Errorf("only %d gates are known", known)
	}
}

// TestDefaultPlugins compares the default profile, plugin by plugin, with their weights.
func TestDefaultPlugins(t *testing.T) {
	plugins, err := scheduler.DefaultPlugins(framework.NewHandle("default-scheduler", framework.NewSymbols()))
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs []string
	for _, p := range plugins {
		ours = append(ours, p.Plugin.Name())
		if p.Weight != 0 {
			ours[len(ours)-1] += fmt.Sprint("*", p.Weight)
		}
	}
	for _, p := range defaults.PluginsV1.MultiPoint.Enabled {
		theirs = append(theirs, p.Name)
		if p.Weight != 0 && p.Name != "DynamicResources" { // which scores nothing here
			theirs[len(theirs)-1] += fmt.Sprint("*", p.Weight)
		}
	}
	if got, want := strings.Join(ours, " "), strings.Join(theirs, " "); got != want {
		t.Errorf("default plugins\n    ours %s\nupstream %s", got, want)
	}
}
