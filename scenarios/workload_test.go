package scenarios_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
)

// workload is a step with the given fields, beside a template and an arrival process where they have none.
func workload(fields ...string) string {
	text := "  steps:\n  - name: load\n    workload:\n"
	for _, part := range []struct{ name, otherwise string }{
		{"count: ", "count: 3"}, {"arrival: ", "arrival: {poisson: {every: 1s}}"}, {"lifetime: ", ""}, {"sizes: ", ""},
		{"manifest: ", "manifest: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: x}]}}'"},
	} {
		line := part.otherwise
		for _, f := range fields {
			if strings.HasPrefix(f, part.name) {
				line = f
			}
		}
		text += "      " + line + "\n"
	}
	return text
}

func TestMistakesInWorkloads(t *testing.T) {
	const at = "test.yaml:9: spec.steps[0].workload."
	for _, c := range []struct{ field, want string }{
		{"arrival: {poisson: {every: 0s}}", at + "arrival: poisson.every is 0s: want 1µs at least"},
		{"arrival: {bursty: {calm: {for: 1m}, burst: {for: 1m}}}", "arrival: bursty: nothing ever arrives"},
		{"arrival: {bursty: {calm: {every: 1s}, burst: {for: 1m}}}", "arrival: bursty.calm.for is 0s"},
		{"arrival: {diurnal: {every: 1s, weights: [0, 0]}}", "arrival: diurnal.weights: all are 0"},
		{"arrival: {diurnal: {every: 1s, weights: [1, -2]}}", "arrival: diurnal.weights: -2 is out of range"},
		{"arrival: {renewal: {gaps: {uniform: {min: 2s, max: 1s}}}}", "arrival: renewal.gaps: uniform: min 2s is above max 1s"},
		{"arrival: {renewal: {gaps: 0s}}", "arrival: renewal.gaps: the mean is 0s"},
		{"lifetime: soon", `lifetime: fixed: "soon" is not a duration`},
		{"lifetime: {lognormal: {median: 1m}}", "lifetime: lognormal.p99: is missing"},
		{"lifetime: {exponential: {mean: 100000h}}", "lifetime: exponential.mean: 100000h is out of all proportion"},
		{"lifetime: {weibull: {scale: 1m, shape: 0}}", "lifetime: weibull.shape: 0 is out of range: 0.05 to 1000"},
		{"lifetime: {values: []}", "lifetime: has 0 of fixed, uniform"},
		{"lifetime: {values: [{value: 1s, weight: 0}]}", "lifetime: values: nothing has weight"},
		{"lifetime: {fixed: 1m, atLeast: 5m, atMost: 2m}", "lifetime: atLeast: 5m is above atMost, 2m"},
		{"lifetime: {quantiles: [{at: 0, value: 1s}, {at: 1, value: 1ms}]}", "lifetime: quantiles[1]: at and value must rise"},
		{"lifetime: {mixture: [{of: {gamma: {mean: 1m, shape: 2000}}}]}", "lifetime: mixture[0].of: gamma.shape: 2000 is out of range"},
		{"sizes: {cpu: lots}", `sizes.cpu: fixed: "lots" is no amount of CPU`},
		{"sizes: {memory: {normal: {mean: 1Gi, deviation: -1Mi}}}", "sizes.memory: normal.deviation: -1Mi is below 0"},
		{"sizes: {replicas: 3}", "sizes.replicas: a Pod has none"},
		{"sizes: {gpus: 1.5}", `sizes.gpus: fixed: "1.5" is not a whole number`},
		{"sizes: {gpus: 1, gpuMilli: 500}", "sizes.gpuMilli: beside gpus"},
		{"manifest: '{apiVersion: v1, kind: Pod}'", "manifest: metadata.name: want a name"},
		{"manifest: '{apiVersion: v1, kind: Pot, metadata: {name: p}}'", `manifest: no matches for kind "Pot"`},
		{"manifest: '{apiVersion: v1, kind: List, items: []}'", "manifest: 0 objects: want one"},
	} {
		err := scenarios.Check(decode(t, workload(c.field)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", c.field, err, c.want)
		}
	}
	if err := scenarios.Check(decode(t, workload())); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

const smallCluster = "  cluster: {nodePools: [{name: node, count: 2}]}\n"

// Deployments arrive with replicas of their own, live for a while, and are gone with their pods.
func TestDeploymentsArriveAndLeave(t *testing.T) {
	spec := smallCluster + workload("count: 4", "arrival: {regular: {every: 10s}}", "lifetime: 1m", "sizes: {replicas: {uniform: {min: 1, max: 3}}, cpu: 50m}",
		`manifest: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: x}]}}}}'`) + `
  expect:
  - {name: all run, eventually: "list('Deployment', 'default').exists(d, d.metadata.name == 'd-00004' && d.status.availableReplicas >= 1)"}
  - {name: sizes are drawn, always: "list('Pod', 'default').all(p, p.spec.containers[0].resources.requests['cpu'] == 0.05)"}
  - {name: all leave, eventually: "list('Deployment', 'default').size() == 0 && list('Pod', 'default').size() == 0", after: load, within: 3m, stable: 30s}
`
	r, err := scenarios.Run(t.Context(), decode(t, spec), scenarios.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != reports.Held {
		t.Errorf("%v", r.Failures())
	}
	if got := r.Timeline[len(r.Timeline)-1].Output; got != "created 4 of kind Deployment" {
		t.Errorf("the step said %q", got)
	}
}

// What the API refuses is said, once.
func TestARefusedWorkloadSaysWhy(t *testing.T) {
	spec := smallCluster + workload("manifest: '{apiVersion: v1, kind: Pod, metadata: {name: Bad}, spec: {containers: [{name: c, image: x}]}}'")
	r, err := scenarios.Run(t.Context(), decode(t, spec), scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Timeline[len(r.Timeline)-1].Error); r.Verdict != reports.Failed || !strings.HasPrefix(got, `none of 3 could be created: Bad-00001: Pod "Bad-00001" is invalid: metadata.name`) {
		t.Errorf("%v: %s", r.Verdict, got)
	}
}
