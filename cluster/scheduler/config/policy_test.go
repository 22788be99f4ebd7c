package config

import (
	"strings"
	"testing"

	apiruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
)

// frameworkOf builds a configuration's first profile.
func frameworkOf(t *testing.T, c *Configuration) (scheduler.Config, *runtime.Framework) {
	t.Helper()
	var s scheduler.Config
	c.Apply(&s)
	h := framework.NewHandle("x", framework.NewSymbols())
	plugins, err := s.Profiles[0].Plugins(h)
	if err != nil {
		t.Fatal(err)
	}
	f, err := runtime.New(runtime.Config{SchedulerName: "x", Plugins: plugins, Enabled: s.Profiles[0].Enabled, Disabled: s.Profiles[0].Disabled}, framework.NewPluginNames(), h)
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// points are a profile's plugins at some extension points.
func points(t *testing.T, c *Configuration) string {
	t.Helper()
	s, f := frameworkOf(t, c)
	var lists []string
	for _, point := range []string{"Score", "Reserve", "Bind"} {
		lists = append(lists, strings.Join(f.At(point), ","))
	}
	return strings.Join(lists, " ") + " ties " + s.Tie.String()
}

func TestPolicies(t *testing.T) {
	for name, want := range map[string]string{
		"fgd":         "FGD*1 VolumeBinding,FGD FGD,DefaultBinder ties name",
		"gpupacking":  "GpuPacking*1 VolumeBinding,GpuPacking GpuPacking,DefaultBinder ties name",
		DefaultPolicy: "TaintToleration*3,NodeAffinity*2,NodeResourcesFit*1,PodTopologySpread*2,InterPodAffinity*2,NodeResourcesBalancedAllocation*1,ImageLocality*1 VolumeBinding,GPUShare GPUShare,DefaultBinder ties upstream",
	} {
		c, err := Default(Options{Policy: name})
		if err != nil {
			t.Fatal(err)
		}
		if got := points(t, c); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range Policies() {
		if _, err := Default(Options{Policy: name, Ties: "random"}); err != nil {
			t.Error(err)
		}
	}
}

// A file enables a policy's plugin as any other, and may weigh it against others.
func TestPolicyInAFile(t *testing.T) {
	c, err := Load("s.yaml", []byte(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- plugins:
    multiPoint: {enabled: [{name: BestFit, weight: 5}], disabled: [{name: DynamicResources}]}
    score: {disabled: [{name: '*'}], enabled: [{name: BestFit, weight: 5}, {name: ImageLocality, weight: 1}]}
`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := points(t, c), "BestFit*5,ImageLocality*1 VolumeBinding,BestFit BestFit,DefaultBinder ties upstream"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// silent is a Score plugin that declares no cost.
type silent struct{}

func (silent) Name() string                                                           { return "Silent" }
func (silent) Score(*framework.Cycle, *framework.NodeInfo) (int64, *framework.Status) { return 0, nil }

// What scoring is charged to: kube-scheduler's own plugins share a row, policies have their own, others an assumed one each.
func TestCostRows(t *testing.T) {
	o := Options{OutOfTree: map[string]Factory{"Silent": func(*apiruntime.Unknown, *framework.Handle) (framework.Plugin, error) { return silent{}, nil }}}
	for multiPoint, want := range map[string]string{
		"{}":                          "own",
		"{enabled: [{name: Silent}]}": "own undeclared",
		"{enabled: [{name: FGD}, {name: Silent}]}":      "own scheduler.policy.fgd undeclared",
		"{enabled: [{name: Silent}, {name: GPUShare}]}": "own undeclared",
	} {
		c, err := Load("s.yaml", []byte("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- plugins: {multiPoint: "+multiPoint+"}\n"), o)
		if err != nil {
			t.Fatal(err)
		}
		_, f := frameworkOf(t, c)
		if got := strings.Join(f.CostRows("own", "undeclared"), " "); got != want {
			t.Errorf("%s: %s, want %s", multiPoint, got, want)
		}
	}
	c, err := Default(Options{Policy: "random"})
	if err != nil {
		t.Fatal(err)
	}
	if _, f := frameworkOf(t, c); strings.Join(f.CostRows("own", "undeclared"), " ") != "scheduler.policy.random" {
		t.Error(f.CostRows("own", "undeclared"))
	}
}

func TestPolicyErrors(t *testing.T) {
	file := func(plugins string) []byte {
		return []byte("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- " + plugins + "\n")
	}
	for _, test := range []struct {
		o    Options
		file []byte
		want string
	}{
		{Options{Policy: "fdg"}, nil, `no policy is called "fdg": want one of bestfit, default, dotprod, fgd, firstfit, gpuclustering, gpupacking, random`},
		{Options{Policy: "fgd", Ties: "coin"}, nil, `unknown tie rule "coin": want upstream, random or name`},
		{Options{Policy: "fgd"}, file("schedulerName: x"), "s.yaml: a policy (fgd) stands in place of a file"},
		{Options{}, file("plugins: {multiPoint: {enabled: [{name: FGD}, {name: GPUShare}]}}"), "FGD and GPUShare both place GPUs: enable one of them"},
		{Options{}, file("plugins: {multiPoint: {enabled: [{name: FGD}]}}\n  pluginConfig: [{name: FGD, args: {a: 1}}]"), `initializing plugin "FGD": takes no arguments`},
	} {
		var err error
		if test.file == nil {
			_, err = Default(test.o)
		} else {
			_, err = Load("s.yaml", test.file, test.o)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %s", test.o, err, test.want)
		}
	}
}
