package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/scenarios"
)

const head = "apiVersion: fauxkube.dev/v1alpha1\nkind: Scenario\nmetadata: {name: test}\nspec:\n"

// decode reads a scenario whose spec is the given YAML, indented by two.
func decode(t *testing.T, spec string) *scenarios.Scenario {
	t.Helper()
	all, err := scenarios.Decode("test.yaml", []byte(head+strings.Trim(spec, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// Everything that can be known beforehand is one message each, with file, line and field, before anything runs.
func TestMistakesAreFoundBeforeTheRun(t *testing.T) {
	cases := []struct{ name, spec, want string }{
		{"a kubectl verb", "  steps:\n  - {kubectl: get pods}", "test.yaml:6: spec.steps[0].kubectl: kubectl get pods: not one of the commands that are simulated"},
		{"a missing manifest", "  steps:\n  - {kubectl: apply -f none.yaml}", "none.yaml: no such file"},
		{"an unknown kind", "  steps:\n  - kubectl: apply -f -\n    manifest: |\n      apiVersion: example.com/v1\n      kind: Widget\n      metadata: {name: w}", "test.yaml:9: spec.steps[0].manifest: no matches for kind"},
		{"an unused manifest", "  steps:\n  - {kubectl: scale deploy/web --replicas=2, manifest: 'kind: x'}", "test.yaml:6: spec.steps[0].manifest: no command reads it with -f -"},
		{"a wait", "  steps:\n  - wait: get('Deployment', 'a/b').status.availableReplica == 1", "test.yaml:6: spec.steps[0].wait: column 32: undefined field 'availableReplica'"},
		{"an expectation", "  expect:\n  - {name: x, never: list('Podz').size() > 0}", `test.yaml:6: spec.expect[0].never: column 6: "Podz" is not a kind`},
		{"since of no step", "  expect:\n  - {name: x, never: since('cut') > duration('1s')}", `spec.expect[0].never: since("cut"): no step is called that`},
		{"an API server that there is not", "  expect:\n  - {name: x, never: 'true', view: apiserver-7}", `"apiserver-7" is not an API server of this cluster: want apiserver-0 to apiserver-1`},
		{"a fault", "  steps:\n  - chaos:\n      kind: NodeChaos\n      spec:\n        action: crash\n        moode: one", "test.yaml:10: spec.steps[0].chaos.spec.moode: unknown field; did you mean mode?"},
		{"a client", "  cluster: {clients: {scheduler: {qps: 1, burst: 1}}}", `"scheduler" is not a client whose rate can be set`},
		{"an image pattern", "  cluster: {images: {'shop/*': {size: 1Mi}}}", `"shop/*": only a whole tag may be *`},
		{"a cost", "  cluster: {costs: {etcd.fsync: {p99: 1ms}}}", "has a p99 without a p50"},
		{"stages", "  cluster: {nodePools: [{name: a, count: 1, kubelet: {stages: none.yaml}}]}", "none.yaml: no such file"},
		{"a scheduler's configuration", "  cluster: {scheduler: {config: none.yaml}}", "test.yaml: spec.cluster.scheduler: none.yaml: no such file"},
		{"a feature gate", "  cluster: {scheduler: {featureGates: {StorageCapacityScoring: true}}}", "feature gate StorageCapacityScoring=true: only its default, false, is modelled"},
		{"a measure without its step", "  measure:\n  - {metric: convergence_seconds, max: 1s}", "convergence_seconds wants fault"},
		{"a measure of no percentile", "  measure:\n  - {metric: pod_startup, max: 1s}", "pod_startup wants a percentile"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := scenarios.Check(decode(t, c.spec))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if _, err := scenarios.Run(t.Context(), decode(t, c.spec), scenarios.Options{}); err == nil {
				t.Error("Run took it")
			}
		})
	}
}

func TestAllMistakesAreNamedAtOnce(t *testing.T) {
	err := scenarios.Check(decode(t, "  steps:\n  - {kubectl: get pods}\n  - {wait: '1 =='}\n  expect:\n  - {name: x, never: 'nothing'}"))
	if err == nil || strings.Count(err.Error(), "test.yaml:") != 3 {
		t.Errorf("got %v", err)
	}
}

// Manifests and stages are found relative to the scenario's file.
func TestPathsStartFromTheFile(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("s.yaml", head+"  steps:\n  - {kubectl: apply -f app.yaml}\n")
	write("app.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
	all, err := scenarios.Load(filepath.Join(folder, "s.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := scenarios.Check(all[0]); err != nil {
		t.Error(err)
	}
}

func TestUnknownKindsCanBeSkipped(t *testing.T) {
	s := decode(t, "  steps:\n  - kubectl: apply -f -\n    manifest: |\n      apiVersion: example.com/v1\n      kind: Widget\n      metadata: {name: w}\n      ---\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: c}")
	s.SkipUnknownKinds = true
	if err := scenarios.Check(s); err != nil {
		t.Error(err)
	}
}
