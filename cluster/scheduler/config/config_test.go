package config_test

import (
	"strings"
	"testing"
	"time"

	apiruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
)

const header = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

// built loads a file and builds its first profile.
func built(t *testing.T, file string, o config.Options) (scheduler.Config, *runtime.Framework) {
	t.Helper()
	c, err := config.Load("scheduler.yaml", []byte(header+file), o)
	if err != nil {
		t.Fatal(err)
	}
	s := scheduler.Config{Identity: "me"}
	c.Apply(&s)
	h := framework.NewHandle(s.Profiles[0].SchedulerName, framework.NewSymbols())
	plugins, err := s.Profiles[0].Plugins(h)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Profiles[0]
	f, err := runtime.New(runtime.Config{SchedulerName: p.SchedulerName, Plugins: plugins, Enabled: p.Enabled, Disabled: p.Disabled}, framework.NewPluginNames(), h)
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// TestDefault holds a file that says nothing to kube-scheduler's defaults, extension point by extension point.
func TestDefault(t *testing.T) {
	s, f := built(t, "", config.Options{})
	if s.InitialBackoff != time.Second || s.MaxBackoff != 10*time.Second || s.QPSMilli != 50_000 || s.Burst != 100 || s.Identity != "me" {
		t.Errorf("%+v", s)
	}
	// pkg/scheduler/apis/config/testing/defaults: ExpandedPluginsV1.
	want := map[string]string{
		"PreEnqueue": "SchedulingGates DefaultPreemption",
		"QueueSort":  "PrioritySort",
		"Filter": "NodeUnschedulable NodeName TaintToleration NodeAffinity NodePorts NodeResourcesFit VolumeRestrictions NodeVolumeLimits VolumeBinding " +
			"VolumeZone PodTopologySpread InterPodAffinity NodeDeclaredFeatures",
		"PostFilter": "DynamicResources DefaultPreemption",
		"Score":      "TaintToleration*3 NodeAffinity*2 NodeResourcesFit*1 PodTopologySpread*2 InterPodAffinity*2 NodeResourcesBalancedAllocation*1 ImageLocality*1",
		"Reserve":    "VolumeBinding",
		"PreBind":    "VolumeBinding",
		"Bind":       "DefaultBinder",
	}
	for point, plugins := range want {
		if got := strings.Join(f.At(point), " "); got != plugins {
			t.Errorf("%s: %s\nwant %s", point, got, plugins)
		}
	}
}

// TestProfiles: what a profile says, and what comes of it at one extension point.
func TestProfiles(t *testing.T) {
	for _, test := range []struct{ name, plugins, point, want string }{
		{"nothing but one", "multiPoint: {disabled: [{name: '*'}], enabled: [{name: PrioritySort}, {name: DefaultBinder}, {name: NodeName}]}", "Filter", "NodeName"},
		{"disabled at Score", "score: {disabled: [{name: NodeResourcesFit}, {name: PodTopologySpread}]}", "Score",
			"TaintToleration*3 NodeAffinity*2 InterPodAffinity*2 NodeResourcesBalancedAllocation*1 ImageLocality*1"},
		{"another weight, first in order", "score: {enabled: [{name: ImageLocality, weight: 9}]}", "Score",
			"ImageLocality*9 TaintToleration*3 NodeAffinity*2 NodeResourcesFit*1 PodTopologySpread*2 InterPodAffinity*2 NodeResourcesBalancedAllocation*1"},
		{"another weight everywhere, in its place", "multiPoint: {enabled: [{name: NodeAffinity, weight: 7}]}", "Score",
			"TaintToleration*3 NodeAffinity*7 NodeResourcesFit*1 PodTopologySpread*2 InterPodAffinity*2 NodeResourcesBalancedAllocation*1 ImageLocality*1"},
		{"all disabled at Filter but one", "filter: {disabled: [{name: '*'}], enabled: [{name: NodePorts}]}", "Filter", "NodePorts"},
		{"no preemption", "postFilter: {disabled: [{name: DefaultPreemption}]}", "PostFilter", "DynamicResources"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, f := built(t, "profiles: [{plugins: {"+test.plugins+"}}]", config.Options{})
			if got := strings.Join(f.At(test.point), " "); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
}

func TestGates(t *testing.T) {
	_, f := built(t, "", config.Options{Gates: map[string]bool{"DynamicResourceAllocation": false, "NodeDeclaredFeatures": false, "OpportunisticBatching": false}})
	if all := strings.Join(f.Plugins(), " "); strings.Contains(all, "DynamicResources") || strings.Contains(all, "NodeDeclaredFeatures") {
		t.Error(all)
	}
}

func TestEverythingElse(t *testing.T) {
	s, _ := built(t, `
parallelism: 8
percentageOfNodesToScore: 30
podInitialBackoffSeconds: 2
podMaxBackoffSeconds: 20
clientConnection: {qps: 5000, burst: 6000, kubeconfig: /etc/kubernetes/scheduler.conf}
leaderElection: {leaderElect: false, resourceName: other}
enableProfiling: false
profiles:
- schedulerName: one
  percentageOfNodesToScore: 70
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy: {type: RequestedToCapacityRatio, resources: [{name: cpu, weight: 3}], requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]}}
  - {name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}}
  - {name: InterPodAffinity, args: {hardPodAffinityWeight: 10, ignorePreferredTermsOfExistingPods: true}}
  - {name: NodeAffinity, args: {addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}}
  - {name: DefaultPreemption, args: {minCandidateNodesPercentage: 20}}
  - {name: VolumeBinding, args: {bindTimeoutSeconds: 5}}
  - {name: NodeResourcesBalancedAllocation, args: {resources: [{name: cpu, weight: 1}]}}
- schedulerName: two
  plugins: {preScore: {disabled: [{name: '*'}]}, score: {disabled: [{name: '*'}]}}
`, config.Options{})
	if s.PercentageOfNodesToScore != 30 || *s.Profiles[0].PercentageOfNodesToScore != 70 || s.InitialBackoff != 2*time.Second || s.MaxBackoff != 20*time.Second ||
		s.QPSMilli != 5_000_000 || s.Burst != 6000 || s.Identity != "" || s.Election.Name != "other" || len(s.Profiles) != 2 {
		t.Errorf("%+v", s)
	}
}

// TestComplaints: every mistake names the file and what is wrong.
func TestComplaints(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"profilez: []", `unknown field "profilez"`},
		{"profiles: [{plugins: {scoring: {}}}]", `unknown field "profiles[0].plugins.scoring"`},
		{"profiles: [{pluginConfig: [{name: VolumeBinding, args: {timeout: 1}}]}]", `decoding .profiles[0].pluginConfig[0]: strict decoding error: decoding args for plugin VolumeBinding: strict decoding error: unknown field "timeout"`},
		{"percentageOfNodesToScore: 101", "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"},
		{"podInitialBackoffSeconds: 11", "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds"},
		{"profiles: [{schedulerName: a}, {schedulerName: a}]", "profiles[1].schedulerName: Duplicate value"},
		{"profiles: [{schedulerName: a}, {}]", "profiles[1].schedulerName: Required value"},
		{"profiles: [{plugins: {filter: {enabled: [{name: Nonsense}]}}}]", `plugin "Nonsense" does not exist`},
		{"profiles: [{plugins: {filter: {enabled: [{name: ImageLocality}]}}}]", `plugin "ImageLocality" does not extend FilterPlugin plugin`},
		{"profiles: [{plugins: {bind: {disabled: [{name: '*'}]}}}]", "at least one bind plugin is needed"},
		{"profiles: [{plugins: {queueSort: {disabled: [{name: PrioritySort}]}}}]", "only one queue sort plugin required"},
		{"profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 200}}]}]", "hardPodAffinityWeight: Invalid value: 200: not in valid range [0, 100]"},
		{"profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Best}}}]}]", `scoringStrategy.type: Unsupported value: "Best"`},
		{"extenders: [{urlPrefix: 'http://x', prioritizeVerb: p}]", "extenders[0].weight: Invalid value: 0: must have a positive weight"},
		{"delayCacheUntilActive: true", "delayCacheUntilActive: Forbidden: is not modelled"},
		{"leaderElection: {leaseDuration: 1s}", "leaderElection.leaseDuration: Invalid value"},
	} {
		_, err := config.Load("scheduler.yaml", []byte(header+test.file), config.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "scheduler.yaml: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n got %v\nwant %s", test.file, err, test.want)
		}
	}
	for gate, want := range map[string]string{"StorageCapacityScoring": "only its default, false, is modelled", "Nonsense": "not one that the scheduler reads"} {
		if _, err := config.Load("f", []byte(header), config.Options{Gates: map[string]bool{gate: true}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", gate, err)
		}
	}
	if _, err := config.Load("f", []byte("apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\n"), config.Options{}); err == nil {
		t.Error("an older version is read")
	}
}

type nothing struct{}

func (nothing) Name() string { return "Nothing" }

func (nothing) Filter(*framework.Cycle, *framework.NodeInfo) *framework.Status { return nil }

func TestOutOfTree(t *testing.T) {
	var got string
	o := config.Options{OutOfTree: map[string]config.Factory{"Nothing": func(args *apiruntime.Unknown, _ *framework.Handle) (framework.Plugin, error) {
		got = string(args.Raw)
		return nothing{}, nil
	}}}
	_, f := built(t, "profiles: [{plugins: {filter: {enabled: [{name: Nothing}]}}, pluginConfig: [{name: Nothing, args: {a: 1}}]}]", o)
	if at := f.At("Filter"); at[len(at)-1] != "Nothing" || got != `{"a":1}` {
		t.Error(at, got)
	}
}
