package scenarios_test

import (
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
)

// gang is a group of which at least three must run, on two nodes with room for two of its pods each.
const gang = `
  cluster:
    controlPlane: {apiservers: 2, etcd: 1}
    nodePools: [{name: node, count: 2, capacity: {cpu: "2"}}]
    scheduler: {featureGates: {GenericWorkload: GENERIC, GangScheduling: GANG}}
  steps:
  - kubectl: apply -f -
    manifest: |
      apiVersion: scheduling.k8s.io/v1alpha2
      kind: PodGroup
      metadata: {name: trio, namespace: default}
      spec: {schedulingPolicy: {gang: {minCount: 3}}}
`

func gangPods(names ...string) string {
	var b strings.Builder
	b.WriteString("  - kubectl: apply -f -\n    manifest: |\n")
	for _, name := range names {
		b.WriteString("      ---\n      {apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: default, labels: {app: gang}}, spec: {schedulingGroup: {podGroupName: trio}, " +
			"containers: [{name: c, image: nginx, resources: {requests: {cpu: 900m}}}]}}\n")
	}
	return b.String()
}

func runGang(t *testing.T, gates bool, spec string) {
	t.Helper()
	on := map[bool]string{true: "true", false: "false"}[gates]
	s := decode(t, strings.NewReplacer("GENERIC", on, "GANG", on).Replace(spec))
	if r := runScenario(t, s, scenarios.Options{}); r.Verdict != reports.Held {
		t.Errorf("%+v", r.Expectations)
	}
}

// Two pods of three wait in the queue, though there is room; the third lets all go.
func TestGangWaitsForItsPods(t *testing.T) {
	runGang(t, true, gang+gangPods("a", "b")+`  - {wait: "list('Pod', 'default').size() == 2"}
  expect:
  - {name: gated, eventually: "list('Pod', 'default').all(p, !has(p.spec.nodeName) && p.status.phase == 'Pending' && !has(p.status.conditions))", within: 30s}
`)
	runGang(t, true, gang+gangPods("a", "b")+gangPods("c")+`
  expect:
  - {name: running, eventually: "list('Pod', 'default').filter(p, p.status.phase == 'Running').size() == 3", within: 60s}
  - {name: reported, eventually: "get('PodGroup', 'default/trio').status.conditions.exists(c, c.type == 'PodGroupScheduled' && c.status == 'True' && c.reason == 'Scheduled')", within: 60s}
`)
}

// Where only two fit, none is bound; room for a third lets all go.
func TestGangIsPlacedWholeOrNotAtAll(t *testing.T) {
	full := gang + `  - kubectl: apply -f -
    manifest: |
      {apiVersion: v1, kind: Pod, metadata: {name: other, namespace: default}, spec: {nodeSelector: {pool: node}, containers: [{name: c, image: nginx, resources: {requests: {cpu: "1800m"}}}]}}
  - {wait: "list('Pod', 'default').exists(p, p.metadata.name == 'other' && p.status.phase == 'Running')"}
` + gangPods("a", "b", "c")
	runGang(t, true, full+`
  expect:
  - {name: none, never: "list('Pod', 'default').exists(p, p.metadata.name != 'other' && has(p.spec.nodeName))"}
  - {name: told, eventually: "list('Pod', 'default').filter(p, p.metadata.name != 'other' && p.status.conditions.exists(c, c.type == 'PodScheduled' && c.message == 'pod group is unschedulable, waiting for minCount pods from a gang to be scheduled, one or more plugins asked to wait and no plugin rejected pod')).size() == 2", within: 60s}
  - {name: short, eventually: "list('Pod', 'default').filter(p, p.status.conditions.exists(c, c.type == 'PodScheduled' && c.message.startsWith('0/4 nodes are available: ') && c.message.contains('2 Insufficient cpu'))).size() == 1", within: 60s}
  - {name: reported, eventually: "get('PodGroup', 'default/trio').status.conditions.exists(c, c.type == 'PodGroupScheduled' && c.status == 'False' && c.reason == 'Unschedulable' && c.message == 'pod group is unschedulable')", within: 60s}
`)
	runGang(t, true, full+`  - {kubectl: delete pod other, at: 20s}
  expect:
  - {name: running, eventually: "list('Pod', 'default').filter(p, p.status.phase == 'Running').size() == 3", within: 120s}
`)
}

// Without the feature gates there are no groups: the API server serves none, and drops what pods say of theirs.
func TestGangIsOffByDefault(t *testing.T) {
	alone := strings.Replace(gang, "  - kubectl: apply -f -\n    manifest: |\n      apiVersion: scheduling.k8s.io/v1alpha2\n      kind: PodGroup\n      metadata: {name: trio, namespace: default}\n      spec: {schedulingPolicy: {gang: {minCount: 3}}}\n", "", 1)
	runGang(t, false, alone+gangPods("a")+`
  expect:
  - {name: running, eventually: "list('Pod', 'default').exists(p, p.status.phase == 'Running' && !has(p.spec.schedulingGroup))", within: 60s}
`)
	s := decode(t, "  cluster: {scheduler: {featureGates: {GangScheduling: true}}}\n")
	if err := scenarios.Check(s); err == nil || !strings.Contains(err.Error(), "needs GenericWorkload=true") {
		t.Error(err)
	}
}
