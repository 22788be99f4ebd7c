package defaultpreemption_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	configv1 "k8s.io/kube-scheduler/config/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/extender"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
)

// answers is an extender that answers as the test says, one answer a node, "-" for no victims.
type answers struct {
	nodes map[string]string // node: victims by UID, comma-separated
	err   error
	asked []string // what it was asked about
}

func (a *answers) Post(_ string, args any, _ int, _ time.Duration) (any, error) {
	preempt := args.(*extenderv1.ExtenderPreemptionArgs)
	for _, node := range slices.Sorted(maps.Keys(preempt.NodeNameToMetaVictims)) {
		a.asked = append(a.asked, node+" "+preempt.NodeNameToMetaVictims[node].Pods[0].UID)
	}
	result := &extenderv1.ExtenderPreemptionResult{NodeNameToMetaVictims: map[string]*extenderv1.MetaVictims{}}
	for node, uids := range a.nodes {
		meta := &extenderv1.MetaVictims{}
		for uid := range strings.SplitSeq(uids, ",") {
			if uid != "-" {
				meta.Pods = append(meta.Pods, &extenderv1.MetaPod{UID: uid})
			}
		}
		result.NodeNameToMetaVictims[node] = meta
	}
	return result, a.err
}

func (*answers) PostAside(string, any, int, time.Duration, func(any, error)) {}

func TestExtendersHaveASayInPreemption(t *testing.T) {
	for name, c := range map[string]struct {
		answers   answers
		ignorable bool
		node      string
		victims   []string
		message   string
	}{
		"it leaves one node":      {answers{nodes: map[string]string{"n1": "b"}}, false, "n1", []string{"b"}, ""},
		"it names other victims":  {answers{nodes: map[string]string{"n0": "a,x"}}, false, "n0", []string{"a", "x"}, ""},
		"it leaves none":          {answers{}, false, "", nil, "no candidate node for preemption"},
		"no victims":              {answers{nodes: map[string]string{"n0": "-"}}, false, "", nil, `expected at least one victim pod on node "n0"`},
		"no victims, ignorable":   {answers{nodes: map[string]string{"n0": "-", "n1": "b"}}, true, "n1", []string{"b"}, ""},
		"it fails":                {answers{err: errors.New("out of order")}, false, "", nil, "out of order"},
		"it fails, and may":       {answers{err: errors.New("out of order")}, true, "n0", []string{"a"}, ""},
		"a victim that isn't one": {answers{nodes: map[string]string{"n0": "b"}}, false, "", nil, "but the pod is not found on that node"},
		"a node that isn't one":   {answers{nodes: map[string]string{"n7": "b"}}, false, "", nil, `nodeinfo not found for node name "n7"`},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, 2, pod("a", "n0", "3", 1), pod("x", "n0", "1", 1), pod("b", "n1", "4", 5))
			h := cluster.fakes.Handle(cluster.symbols)
			plugins, err := scheduler.DefaultPlugins(h)
			if err != nil {
				t.Fatal(err)
			}
			extenders := extender.New([]configv1.Extender{{URLPrefix: "http://e", PreemptVerb: "preempt", NodeCacheCapable: true, Ignorable: c.ignorable}}, &c.answers)
			cluster.fw, err = runtime.New(runtime.Config{SchedulerName: "default-scheduler", Plugins: plugins, Extenders: extenders}, framework.NewPluginNames(), h)
			if err != nil {
				t.Fatal(err)
			}
			node, did, message := cluster.preempt(t, pod("new", "", "3", 10))
			victims := victimsOf(did)
			slices.Sort(victims)
			if node != c.node || !slices.Equal(victims, c.victims) || !strings.Contains(message, c.message) {
				t.Errorf("node %q, victims %q, message %q", node, victims, message)
			}
			if asked := strings.Join(c.answers.asked, ", "); asked != "n0 a, n1 b" {
				t.Errorf("asked about %q", asked)
			}
		})
	}
}
