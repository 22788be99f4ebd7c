package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/cluster/kubelet"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/failpoints"
)

// gpuSpec is a scenario on nodes with GPUs whose scheduler is given.
func gpuSpec(scheduler string) string {
	return `
  cluster:
    controlPlane: {apiservers: 1, etcd: 1}
    nodePools:
    - {name: t4, count: 2, capacity: {cpu: 16, memory: 64Gi, nvidia.com/gpu: 2}, labels: {alibabacloud.com/gpu-card-model: T4}}
    scheduler: ` + scheduler + `
  steps:
  - kubectl: apply -f -
    manifest: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: share}
      spec:
        replicas: 4
        selector: {matchLabels: {app: share}}
        template:
          metadata:
            labels: {app: share}
            annotations: {alibabacloud.com/gpu-milli: "500"}
          spec: {containers: [{name: c, image: cuda, resources: {requests: {cpu: 1}}}]}
  - {wait: "list('Pod', 'default').filter(p, p.status.phase == 'Running').size() == 4"}
  expect:
  - {name: packed, eventually: "list('Pod', 'default').size() == 4 && list('Pod', 'default').all(p, p.spec.nodeName == list('Pod', 'default')[0].spec.nodeName && 'alibabacloud.com/gpu-index' in p.metadata.annotations)", within: 10s}
`
}

// A policy packs shares on two GPUs of one node; default scores spread the same shares.
func TestPolicyInAScenario(t *testing.T) {
	for scheduler, want := range map[string]reports.Verdict{"{policy: gpupacking}": reports.Held, "{policy: default}": reports.Failed} {
		r := runScenario(t, decode(t, gpuSpec(scheduler)), scenarios.Options{})
		if r.Verdict != want {
			t.Errorf("%s: %s %+v", scheduler, r.Verdict, r.Expectations)
		}
		declared := slices.ContainsFunc(r.Costs, func(c reports.Cost) bool {
			return c.Operation == "scheduler.policy.gpupacking" && c.Count > 0 && !c.Assumed
		})
		if declared != (want == reports.Held) {
			t.Errorf("%s: costs %+v", scheduler, r.Costs)
		}
	}
}

func TestPolicyErrorsNameWhatWouldBeRight(t *testing.T) {
	list := "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1000,1,1,2000\n"
	for scheduler, want := range map[string]string{
		"{policy: fdg}":                         `spec.cluster.scheduler.policy: "fdg" is not one of bestfit, default, dotprod, fgd, firstfit, gpuclustering, gpupacking, random`,
		"{ties: coin}":                          `spec.cluster.scheduler.ties: "coin" is not one of upstream, random, name`,
		"{policy: fgd, config: s.yaml}":         "spec.cluster.scheduler: config s.yaml and policy fgd: want one of both",
		"{policy: bestfit, workload: pods.csv}": "spec.cluster.scheduler: workload: only policy fgd keeps nodes fit for one",
		"{policy: fgd, workload: pods.csv}":     `spec.cluster.scheduler: pods.csv: line 2: gpu_milli: want a whole number from 0 to 1000, got "2000"`,
	} {
		all, err := scenarios.Decode("s.yaml", []byte(head+gpuSpec(scheduler)))
		if err == nil {
			all[0].Read = func(string) ([]byte, error) { return []byte(list), nil }
			err = scenarios.Check(all[0])
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", scheduler, err, want)
		}
	}
}

// An invariant that breaks fails a run that asked for nothing of the kind.
func TestOvercommittedGPUFailsTheRun(t *testing.T) {
	spec := `
  cluster:
    controlPlane: {apiservers: 1, etcd: 1}
    nodePools: [{name: n, count: 1, capacity: {cpu: 16, memory: 64Gi, nvidia.com/gpu: 1}}]
  steps:
  - kubectl: apply -f -
    manifest: |
      {apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {alibabacloud.com/gpu-milli: "600"}}, spec: {nodeName: n-0, containers: [{name: c, image: cuda}]}}
      ---
      {apiVersion: v1, kind: Pod, metadata: {name: b, annotations: {alibabacloud.com/gpu-milli: "600"}}, spec: {nodeName: n-0, containers: [{name: c, image: cuda}]}}
  - {wait: "list('Pod', 'default').filter(p, p.status.phase == 'Running').size() == 2"}
`
	r := runScenario(t, decode(t, spec), scenarios.Options{Started: func(s *sim.Simulation) { failpoints.Plant(s, kubelet.BugOvercommit) }})
	if r.Verdict != reports.Failed || len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Message, "GPU 0: 1200 of 1000 thousandths are in use by default/a, default/b") {
		t.Errorf("%s %+v", r.Verdict, r.Findings)
	}
}
