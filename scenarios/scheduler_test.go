package scenarios_test

import (
	"strings"
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

// extended asks an extender that lets pods run on ssd nodes only, likes rank, and binds.
const extended = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
extenders:
- {urlPrefix: "http://placer:8888/v1", filterVerb: filter, prioritizeVerb: prioritize, weight: 10, bindVerb: bind, nodeCacheCapable: CACHE, ignorable: IGNORABLE, httpTimeout: 2s}
`

const extendedSpec = `
  cluster:
    controlPlane: {apiservers: 1, etcd: 1}
    nodePools:
    - {name: hdd, count: 1}
    - {name: ssd, count: 1, labels: {disk: ssd, rank: "3"}}
    - {name: best, count: 1, labels: {disk: ssd, rank: "9"}}
    scheduler:
      config: extended.yaml
      extenders: [{url: "http://placer:8888/v1", latency: 5ms, nodes: disk=ssd, scoreLabel: rank, message: no ssd}]
  steps:
  - {kubectl: create deployment web --image=nginx --replicas=3}
  - kubectl: apply -f -
    manifest: |
      {apiVersion: v1, kind: Pod, metadata: {name: lost, namespace: default}, spec: {nodeSelector: {pool: hdd}, containers: [{name: c, image: nginx}]}}
  expect:
`

// runExtended runs a scenario with a configuration in which names are replaced.
func runExtended(t *testing.T, expect string, replace ...string) {
	s := decode(t, extendedSpec+expect)
	config := strings.NewReplacer(replace...).Replace(extended)
	s.Read = func(string) ([]byte, error) { return []byte(config), nil }
	r := runScenario(t, s, scenarios.Options{})
	if r.Verdict != reports.Held {
		t.Errorf("%v: %+v", replace, r.Expectations)
	}
}

func TestExtenderPlacesPods(t *testing.T) {
	for _, cache := range []string{"true", "false"} {
		runExtended(t, `
  - {name: placed, eventually: "list('Pod', 'default').filter(p, p.metadata.name.startsWith('web')).size() == 3 && list('Pod', 'default').filter(p, p.metadata.name.startsWith('web')).all(p, p.spec.nodeName == 'best-0' && p.status.phase == 'Running')", within: 60s}
  - {name: refused, eventually: "get('Pod', 'default/lost').status.conditions.exists(c, c.type == 'PodScheduled' && c.message.startsWith(\"0/4 nodes are available: 1 no ssd, \"))", within: 60s}
`, "CACHE", cache, "IGNORABLE", "false")
	}
}

// An extender that can't be reached, or answers too late, fails the pods, unless it may be ignored.
func TestExtenderOutOfReach(t *testing.T) {
	const failed = `
  - {name: failed, eventually: "list('Pod', 'default').size() == 4 && list('Pod', 'default').all(p, p.status.conditions.exists(c, c.type == 'PodScheduled' && c.reason == 'SchedulerError' && c.message == 'MESSAGE'))", within: 120s}
`
	const ignored = `
  - {name: ignored, eventually: "list('Pod', 'default').size() == 4 && list('Pod', 'default').all(p, p.status.phase == 'Running')", within: 120s}
`
	for name, c := range map[string]struct{ from, to, message string }{
		"nobody listens": {"http://placer:8888", "http://placer:9999", `Post "http://placer:9999/v1/filter": dial tcp placer:9999: connect: connection refused`},
		"no machine":     {"http://placer:8888", "http://nobody", `Post "http://nobody/v1/filter": dial tcp: lookup nobody: no such host`},
		"no such path":   {"8888/v1", "8888/v2", `failed filter with extender at URL http://placer:8888/v2/filter, code 404`},
		"too slow":       {"httpTimeout: 2s", "httpTimeout: 1ms", `Post "http://placer:8888/v1/filter": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`},
	} {
		for _, ignorable := range []string{"false", "true"} {
			t.Run(name+", ignorable "+ignorable, func(t *testing.T) {
				want := strings.ReplaceAll(failed, "MESSAGE", strings.ReplaceAll(c.message, `"`, `\"`))
				if ignorable == "true" {
					want = ignored
				}
				runExtended(t, want, "CACHE", "true", "IGNORABLE", ignorable, c.from, c.to)
			})
		}
	}
}

// An explanation holds what extenders said: they are not asked again for it.
func TestExplainShowsExtenders(t *testing.T) {
	s := decode(t, extendedSpec+"  - {name: any, eventually: \"list('Pod', 'default').size() == 4\", within: 60s}\n")
	config := strings.NewReplacer("CACHE", "false", "IGNORABLE", "false").Replace(extended)
	s.Read = func(string) ([]byte, error) { return []byte(config), nil }
	r := runScenario(t, s, scenarios.Options{Explain: []string{"*"}})
	refused, scored := false, false
	for _, d := range r.Decisions {
		for _, n := range d.Nodes {
			for _, refusal := range n.Refusals {
				refused = refused || n.Node == "hdd-0" && refusal.Plugin == "Extender" && refusal.Reasons[0] == "no ssd"
			}
			for _, score := range n.Scores {
				// A score of 9 on the extenders' scale of 10, times 10 for the plugins' scale, times the weight of 10.
				scored = scored || n.Node == "best-0" && score.Plugin == "http://placer:8888/v1" && score.Score == 9*10*10
			}
		}
	}
	if !refused || !scored {
		t.Errorf("refused %v, scored %v: %+v", refused, scored, r.Decisions)
	}
}
