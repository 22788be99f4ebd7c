package compare

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Scheduler is one that whole clusters can run: kube-scheduler with a configuration, and plugins of anybody's.
type Scheduler struct {
	// About says in a few words what it does.
	About string
	// Configuration is a KubeSchedulerConfiguration, as text. It must have a profile default-scheduler: that is what pods
	// ask for. Empty is the default.
	Configuration string
	// Plugins builds those of the configuration's plugins that are not kube-scheduler's own, by name; package adapter makes
	// factories of plugins that are written against k8s.io/kube-scheduler/framework.
	Plugins map[string]config.Factory
	// Costs replaces rows of the cost table, to declare what the scheduler's own plugins take of a simulated CPU:
	// scheduler.filter for each node, scheduler.plugin for each node and Score plugin, scheduler.cycle for each pod. Where plugins are not
	// kube-scheduler's and nothing is declared, reports call the simulated latency an assumed cost.
	Costs map[string]host.Cost

	// policy stands in place of a configuration.
	policy string
}

// registered are those of Register.
var registered = map[string]Scheduler{}

// Register names a scheduler for comparisons. It is for init functions and the beginning of a test: it panics where the
// name is taken or the configuration is wrong, and must not be called while anything is compared.
func Register(name string, s Scheduler) {
	if _, taken := registered[name]; taken || builtIn[name].About != "" || name == "" || strings.ContainsAny(name, "/, ") {
		panic(fmt.Sprintf("compare: a scheduler cannot be registered as %q", name))
	}
	if _, err := s.resolve(name, ""); err != nil {
		panic(fmt.Sprintf("compare: scheduler %s: %v", name, err))
	}
	registered[name] = s
}

// builtIn are kube-scheduler's profiles that people choose between, and the policies.
var builtIn = withPolicies(map[string]Scheduler{
	"default": {About: "kube-scheduler as it comes: spreads load (LeastAllocated)"},
	"most-allocated": {
		About: "fills nodes: NodeResourcesFit scores by MostAllocated, all else as it comes",
		Configuration: profile(`
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}, {name: memory, weight: 1}]}}`),
	},
	"bin-packing": {
		About: "fills nodes before anything else: MostAllocated with weight 10, without the scores that spread pods and balance resources",
		Configuration: profile(`
  plugins:
    score:
      enabled: [{name: NodeResourcesFit, weight: 10}]
      disabled: [{name: NodeResourcesFit}, {name: NodeResourcesBalancedAllocation}]
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}, {name: memory, weight: 1}]}}
  - name: PodTopologySpread
    args: {defaultingType: List, defaultConstraints: []}`),
	},
	"requested-to-capacity": {
		About: "fills nodes up to four fifths: NodeResourcesFit scores by RequestedToCapacityRatio, highest at 80 %",
		Configuration: profile(`
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources: [{name: cpu, weight: 1}, {name: memory, weight: 1}]
        requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, {utilization: 80, score: 10}, {utilization: 100, score: 5}]}`),
	},
	"balanced": {
		About: "evens out CPU and memory on each node: NodeResourcesBalancedAllocation with weight 10",
		Configuration: profile(`
  plugins:
    score:
      enabled: [{name: NodeResourcesBalancedAllocation, weight: 10}]
      disabled: [{name: NodeResourcesBalancedAllocation}]`),
	},
	"score-all-nodes": {
		About:         "as it comes, but looks at every node for every pod: percentageOfNodesToScore 100",
		Configuration: configuration + "percentageOfNodesToScore: 100\n",
	},
	"default-gpushare": {About: "kube-scheduler's own scores, beside a filter that knows single GPUs", policy: config.DefaultPolicy},
})

// withPolicies adds the alternative algorithms, which know single GPUs.
func withPolicies(all map[string]Scheduler) map[string]Scheduler {
	for _, name := range policies.Names() {
		all[name] = Scheduler{About: "the policy of that name (package policies) in place of all scores, of all nodes; knows single GPUs", policy: name}
	}
	return all
}

const configuration = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

// profile is a configuration with one profile, of which this is different from the default.
func profile(different string) string {
	return configuration + "profiles:\n- schedulerName: default-scheduler" + different + "\n"
}

// SchedulerNames are the built-in and registered ones, sorted.
func SchedulerNames() []string {
	return append(slices.Sorted(maps.Keys(builtIn)), slices.Sorted(maps.Keys(registered))...)
}

// resolved is a scheduler that has been understood.
type resolved struct {
	name    string
	about   string
	hash    string
	config  *config.Configuration
	costs   map[string]host.Cost
	assumed bool
}

// resolve reads the configuration; name stands before complaints.
func (s *Scheduler) resolve(name, ties string) (*resolved, error) {
	own := len(s.Plugins) > 0 // whose cost nobody has measured; policies declare theirs
	r := &resolved{name: name, about: s.About, costs: s.Costs, assumed: own && len(s.Costs) == 0}
	text := s.Configuration
	if text == "" {
		text = configuration
	}
	f := fnv.New64a()
	fmt.Fprintf(f, "%s %s %v %v", s.policy, text, slices.Sorted(maps.Keys(s.Plugins)), s.Costs)
	r.hash = fmt.Sprintf("%016x", f.Sum64())
	var err error
	if s.policy != "" {
		r.config, err = config.Default(config.Options{Policy: s.policy, Ties: ties})
	} else {
		r.config, err = config.Load(name, []byte(text), config.Options{OutOfTree: s.Plugins, Ties: ties})
	}
	if err != nil {
		return nil, err
	}
	if !slices.Contains(r.config.SchedulerNames(), scheduler.DefaultName) {
		return nil, fmt.Errorf("%s: no profile is called %s, and that is what pods ask for: got %s", name, scheduler.DefaultName, strings.Join(r.config.SchedulerNames(), ", "))
	}
	return r, nil
}

// withCosts are a cluster's costs with the scheduler's own in their places.
func (r *resolved) withCosts(given map[string]host.Cost) map[string]host.Cost {
	if len(r.costs) == 0 {
		return given
	}
	all := maps.Clone(r.costs)
	for name, cost := range given { //sim:unordered builds another map
		if _, own := all[name]; !own {
			all[name] = cost
		}
	}
	return all
}

// find understands what a command line calls a scheduler: a name, else a file.
func (o *Options) find(name string) (*resolved, error) {
	if s, ok := registered[name]; ok {
		return s.resolve(name, o.Ties)
	}
	if s, ok := builtIn[name]; ok {
		return s.resolve(name, o.Ties)
	}
	if !isFile(name) {
		return nil, fmt.Errorf("no scheduler is called %q: there are %s, and files with a KubeSchedulerConfiguration, *.yaml or *.json", name, strings.Join(SchedulerNames(), ", "))
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("scheduler %s: no such file", name)
	} else if err != nil {
		return nil, fmt.Errorf("scheduler %s cannot be read: %w", name, cause(err))
	}
	s := Scheduler{About: "of the file", Configuration: string(data), Plugins: map[string]config.Factory{}}
	for _, other := range slices.Sorted(maps.Keys(registered)) {
		for plugin, factory := range registered[other].Plugins { //sim:unordered builds another map
			if strings.Contains(s.Configuration, plugin) {
				s.Plugins[plugin] = factory
			}
		}
	}
	return s.resolve(name, o.Ties)
}

// isFile reports whether a name looks like that of a file: no scheduler is registered under such a one.
func isFile(name string) bool {
	return strings.ContainsRune(name, '/') || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".json")
}
