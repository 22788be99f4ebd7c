package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/extender"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// defaultPool is what a scenario runs on that names no nodes.
var defaultPool = format.NodePool{Name: "node", Count: 3, Zones: []string{"a", "b", "c"}}

// topology turns the file's description of a cluster into the cluster's own.
func (p *plan) topology() (cluster.Topology, error) {
	c := &p.scenario.Spec.Cluster
	t := cluster.Topology{
		ControlPlane: cluster.ControlPlane{
			APIServers: c.ControlPlane.APIServers, EtcdMembers: c.ControlPlane.Etcd, Zones: c.ControlPlane.Zones, Cores: c.ControlPlane.CPU,
		},
		Network: network.Config{SameZone: latency(c.Network.SameZone), BetweenZones: latency(c.Network.CrossZone), BetweenRegions: latency(c.Network.CrossRegion)},
	}
	var problems []error
	note := func(field string, err error) {
		if err != nil {
			problems = append(problems, &format.Error{File: p.scenario.File, Field: field, What: err.Error()})
		}
	}
	var err error
	t.Clients, err = clients(c.Clients)
	note("spec.cluster.clients", err)
	t.Images, err = images(c.Images)
	note("spec.cluster.images", err)
	t.Costs, err = costs(c.Costs)
	note("spec.cluster.costs", err)
	t.Scheduler, err = p.scheduler(c.Scheduler)
	note("spec.cluster.scheduler", err)
	t.Gates = c.Scheduler.FeatureGates
	for i, e := range c.Scheduler.Extenders {
		service, err := extenderOf(e)
		note(fmt.Sprintf("spec.cluster.scheduler.extenders[%d]", i), err)
		t.Extenders = append(t.Extenders, service)
	}
	pools := c.NodePools
	if p.scenario.Spec.Store != nil {
		storeTopology(p.scenario.Spec.Store, &t)
	} else if len(pools) == 0 {
		pools = []format.NodePool{defaultPool}
	}
	for i := range pools {
		pool, err := p.nodePool(&pools[i])
		note(fmt.Sprintf("spec.cluster.nodePools[%d]", i), err)
		t.NodePools = append(t.NodePools, pool)
	}
	if len(problems) == 0 {
		note("spec.cluster", t.Check())
	}
	return t, errors.Join(problems...)
}

func latency(l format.Latency) sim.Distribution {
	if l.P50 == 0 {
		return nil
	}
	return sim.LogNormal(l.P50.Duration(), max(l.P99, l.P50).Duration())
}

// clientNames are the components whose rates can be changed.
var clientNames = []string{"kube-controller-manager", "kube-scheduler", "kubelet"}

func clients(given map[string]format.ClientRate) (map[string]cluster.ClientRate, error) {
	rates := map[string]cluster.ClientRate{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(clientNames, name) {
			return nil, fmt.Errorf("%q is not a client whose rate can be set: want one of %s", name, strings.Join(clientNames, ", "))
		}
		rates[name] = cluster.ClientRate{QPSMilli: int64(math.Round(given[name].QPS * 1000)), Burst: given[name].Burst}
	}
	return rates, nil
}

func images(given map[string]format.Image) (map[string]runtime.Image, error) {
	all := map[string]runtime.Image{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		reference := strings.TrimSuffix(name, ":*")
		if strings.Contains(reference, "*") {
			return nil, fmt.Errorf("%q: only a whole tag may be *, as in shop/web:*", name)
		}
		i := given[name]
		image := runtime.Image{
			Bytes: int64(i.Size), Startup: i.Startup.Duration(), ReadyIn: i.ReadyAfter.Duration(), StopAfter: i.Termination.Duration(),
			RunFor: i.RunFor.Duration(), ExitCode: int32(i.ExitCode), IgnoreSIGTERM: i.IgnoreSigterm, PullError: i.PullError,
		}
		for _, probe := range i.FailProbes {
			switch probe {
			case "startup":
				image.FailStartup = true
			case "readiness":
				image.FailReadiness = true
			case "liveness":
				image.FailLiveness = true
			default:
				return nil, fmt.Errorf("%s.failProbes: %q is not one of startup, readiness, liveness", name, probe)
			}
		}
		all[reference] = image
	}
	return all, nil
}

func costs(given map[string]format.CostOverride) (map[string]host.Cost, error) {
	rows := map[string]host.Cost{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		c := given[name]
		row := host.Cost{Fixed: c.Fixed.Duration(), PerUnit: c.PerUnit.Duration(), Source: "the scenario"}
		switch {
		case c.P50 == 0 && c.P99 > 0:
			return nil, fmt.Errorf("%s: has a p99 without a p50", name)
		case c.P50 > 0:
			row.Dist = sim.LogNormal(c.P50.Duration(), c.P99.Duration())
		}
		rows[name] = row
	}
	return rows, nil
}

func (p *plan) nodePool(n *format.NodePool) (cluster.NodePool, error) {
	pool := cluster.NodePool{Name: n.Name, Count: n.Count, Zones: n.Zones, Region: n.Region, Labels: n.Labels, Capacity: corev1.ResourceList{}}
	for name, text := range n.Capacity { //sim:unordered builds another map
		pool.Capacity[corev1.ResourceName(name)] = resource.MustParse(text) // Checked when it was decoded.
	}
	for _, taint := range n.Taints {
		pool.Taints = append(pool.Taints, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: corev1.TaintEffect(taint.Effect)})
	}
	var err error
	pool.Stages, err = p.stages(n.Kubelet.Stages)
	return pool, err
}

// scheduler reads the scheduler's configuration; nil is the default.
func (p *plan) scheduler(given format.Scheduler) (*config.Configuration, error) {
	options := config.Options{Gates: given.FeatureGates, Policy: given.Policy, Ties: given.Ties}
	if given.Workload != "" {
		if given.Policy != "fgd" {
			return nil, errors.New("workload: only policy fgd keeps nodes fit for one")
		}
		data, err := read(p.scenario, given.Workload)
		if err != nil {
			return nil, err
		}
		pods, err := openb.ReadPods(given.Workload, bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		options.Workload = openb.Typical(pods)
	}
	switch {
	case given.Config != "" && given.Policy != "":
		return nil, fmt.Errorf("config %s and policy %s: want one of both; the file can enable the policy's plugin", given.Config, given.Policy)
	case given.Config != "":
		data, err := read(p.scenario, given.Config)
		if err != nil {
			return nil, err
		}
		return config.Load(given.Config, data, options)
	case given.Policy != "" || given.Ties != "" || len(given.FeatureGates) > 0:
		return config.Default(options)
	}
	return nil, nil
}

// extenderOf builds a scheduler extender.
func extenderOf(e format.Extender) (extender.Config, error) {
	rules := extender.Rules{Message: e.Message, Unresolvable: e.Unresolvable, ScoreLabel: e.ScoreLabel}
	c := extender.Config{URLPrefix: e.URL, Latency: time.Duration(e.Latency)}
	if e.Nodes != "" {
		var err error
		if rules.Nodes, err = labels.Parse(e.Nodes); err != nil {
			return c, fmt.Errorf("nodes: %w", err)
		}
	}
	c.New = rules.New
	_, err := c.Machine()
	return c, err
}

// stages loads a file of KWOK stages; pools that name the same file share them.
func (p *plan) stages(path string) (*stages.Set, error) {
	if path == "" {
		return nil, nil
	}
	if set := p.stageSets[path]; set != nil {
		return set, nil
	}
	data, err := read(p.scenario, path)
	if err != nil {
		return nil, err
	}
	set, err := stages.Load(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.stageSets[path] = set
	return set, nil
}

// bootLimit is how long a cluster may take until its nodes are Ready: several times what the measured 1000 nodes took
// (224 s at default client rates), so that only a cluster that cannot boot exceeds it.
func bootLimit(nodes int) time.Duration { return 10*time.Minute + time.Duration(nodes)*time.Second }
