package scenarios_test

import (
	"testing"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
)

const packing = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
  plugins:
    multiPoint: {disabled: [{name: PodTopologySpread}, {name: NodeResourcesBalancedAllocation}]}
  pluginConfig:
  - {name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}}}
`

// A cluster whose scheduler packs puts all pods on one node; the default spreads them.
func TestSchedulerConfiguration(t *testing.T) {
	const spec = `
  cluster:
    controlPlane: {apiservers: 1, etcd: 1}
    nodePools: [{name: n, count: 2, zones: [a, b]}]
    scheduler: {config: packing.yaml}
  steps:
  - {kubectl: create deployment web --image=nginx --replicas=4}
  - {wait: "list('Pod', 'default').filter(p, p.status.phase == 'Running').size() == 4"}
  expect:
  - {name: packed, eventually: "list('Pod', 'default').size() == 4 && list('Pod', 'default').all(p, p.spec.nodeName == list('Pod', 'default')[0].spec.nodeName)", within: 10s}
`
	s := decode(t, spec)
	s.Read = func(string) ([]byte, error) { return []byte(packing), nil }
	if r := runScenario(t, s, scenarios.Options{}); r.Verdict != reports.Held {
		t.Errorf("packing: %+v", r.Expectations)
	}
	s = decode(t, spec)
	s.Spec.Cluster.Scheduler.Config = ""
	if r := runScenario(t, s, scenarios.Options{}); r.Verdict == reports.Held {
		t.Error("the default scheduler packs, so that the first half shows nothing")
	}
}
