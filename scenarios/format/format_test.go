package format

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const smallest = `apiVersion: fauxkube.dev/v1alpha1
kind: Scenario
metadata: {name: small}
spec:
`

func decodeSpec(t *testing.T, spec string) (*Scenario, error) {
	t.Helper()
	all, err := Decode("small.yaml", []byte(smallest+spec))
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Each mistake gives one message with file, line and field that says what would be right.
func TestMistakesAreNamed(t *testing.T) {
	cases := []struct{ name, spec, want string }{
		{"unknown field", "  step: []\n", `small.yaml:5: spec.step: unknown field; did you mean steps?`},
		{"unknown field of a step", "  steps:\n  - {kubctl: get pods}\n", `small.yaml:6: spec.steps[0].kubctl: unknown field; did you mean kubectl?`},
		{"wrong type", "  steps: 3\n", `small.yaml:5: spec.steps: want a list, got "3"`},
		{"negative duration", "  timeout: -5m\n", `small.yaml:5: spec.timeout: a duration of -5m cannot be: it must not be negative`},
		{"no duration", "  timeout: soon\n", `small.yaml:5: spec.timeout: "soon" is not a duration: write it as 500ms, 90s, 1m30s or 2h`},
		{"even members", "  cluster: {controlPlane: {etcd: 2}}\n", `small.yaml:5: spec.cluster.controlPlane.etcd: 2 members: want 1, 3 or 5`},
		{"too many members", "  cluster: {controlPlane: {etcd: 7}}\n", `small.yaml:5: spec.cluster.controlPlane.etcd: 7 is out of range: want at most 5`},
		{"two actions", "  steps:\n  - {name: a, wait: 'true', kubectl: get pods}\n", `small.yaml:6: spec.steps[0]: has 2 of kubectl, nodes, chaos, workload, etcd and wait: want exactly one`},
		{"no backup", "  steps:\n  - {etcd: {}}\n", `small.yaml:6: spec.steps[0].etcd: want a file under exactly one of snapshotSave and restore`},
		{"bump of nothing", "  steps:\n  - {etcd: {snapshotSave: a.db, bumpRevision: 3}}\n", `small.yaml:6: spec.steps[0].etcd.bumpRevision: belongs to restore`},
		{"unknown step", "  steps:\n  - {name: ready, wait: 'true'}\n  - {after: redy, wait: 'true'}\n", `small.yaml:7: spec.steps[1].after: no earlier step is called "redy"; did you mean ready?`},
		{"same name", "  steps:\n  - {name: a, wait: 'true'}\n  - {name: a, wait: 'true'}\n", `small.yaml:7: spec.steps[1].name: a second step "a"`},
		{"no property", "  expect:\n  - {name: nothing}\n", `small.yaml:6: spec.expect[0]: has 0 of always, never and eventually: want exactly one`},
		{"unknown kubelet", "  cluster: {nodePools: [{name: a, count: 1, kubelet: fake}]}\n", `small.yaml:5: spec.cluster.nodePools[0].kubelet: "fake" is not a kubelet: write real, or {stages: FILE}`},
		{"bad quantity", "  cluster: {nodePools: [{name: a, count: 1, capacity: {cpu: many}}]}\n", `small.yaml:5: spec.cluster.nodePools[0].capacity.cpu: "many" is not a quantity`},
		{"seeds backwards", "  seeds: 9-1\n", `small.yaml:5: spec.seeds: the seeds 9-1 run backwards: write 1-9`},
		{"bad taint", "  cluster: {nodePools: [{name: a, count: 1, taints: [{key: x, effect: Never}]}]}\n", `small.yaml:5: spec.cluster.nodePools[0].taints[0].effect: "Never" is not one of NoSchedule, PreferNoSchedule, NoExecute`},
		{"another version", "  kubernetes: v1.20\n", `small.yaml:5: spec.kubernetes: v1.20 is not imitated here: want v1.36`},
		{"no YAML", "  steps: [\n", `small.yaml:5: this is not YAML: did not find expected node content`},
		{"twice", "  timeout: 1m\n  timeout: 2m\n", `small.yaml:6: spec.timeout: the field is given twice`},
		{"nodes beside the store alone", "  store: {clients: 2}\n  cluster: {nodePools: [{name: a, count: 1}]}\n", `small.yaml:5: spec.cluster.nodePools: beside store: nothing else of Kubernetes runs then`},
		{"kubectl beside the store alone", "  store: {clients: 2}\n  steps:\n  - {kubectl: get pods}\n", `small.yaml:7: spec.steps[0]: kubectl, nodes, workload and wait have nothing to act on beside store`},
		{"unknown field of the store", "  store: {clients: 2, rate: 3}\n", `small.yaml:5: spec.store.rate: unknown field`},
		{"no clients", "  store: {clients: 0}\n", `small.yaml:5: spec.store.clients: 0 is out of range: want at least 1`},
		{"empty bound", "  measure:\n  - {metric: x}\n", `small.yaml:6: spec.measure[0]: bounds nothing: want max or min`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := decodeSpec(t, c.spec)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := Decode("x.yaml", []byte("apiVersion: fauxkube.dev/v2\nkind: Scenario\n")); err == nil || err.Error() != "x.yaml:1: apiVersion: want fauxkube.dev/v1alpha1" {
		t.Errorf("another version: %v", err)
	}
	if _, err := Load("no/such/file.yaml"); err == nil || err.Error() != "no/such/file.yaml: no such file" {
		t.Errorf("no file: %v", err)
	}
}

// Taking a step away leaves the IDs of all others.
func TestIDsDependOnContentOnly(t *testing.T) {
	lines := []string{
		"  - {kubectl: get pods}", "  - {kubectl: get nodes}", "  - {kubectl: get pods}", "  - {name: given, wait: 'true'}",
		"  - {chaos: {kind: NodeChaos, spec: {action: crash}}}", "  - {nodes: {crash: ['a-*']}}",
	}
	ids := func(lines []string) []string {
		s, err := decodeSpec(t, "  steps:\n"+strings.Join(lines, "\n")+"\n")
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, step := range s.Spec.Steps {
			ids = append(ids, step.ID)
		}
		return ids
	}
	all := ids(lines)
	if distinct := slices.Compact(slices.Sorted(slices.Values(all))); len(distinct) != len(lines) {
		t.Fatalf("IDs repeat: %v", all)
	}
	for i := 1; i < len(lines); i++ { // The two equal steps share a name up to their rank, so leave the first.
		want := slices.Delete(slices.Clone(all), i, i+1)
		if got := ids(slices.Delete(slices.Clone(lines), i, i+1)); !slices.Equal(got, want) {
			t.Errorf("without step %d the IDs are %v, want %v", i, got, want)
		}
	}
}

func TestSeeds(t *testing.T) {
	seeds, err := ParseSeeds("1-3, 7,9-10")
	if err != nil || !slices.Equal(seeds, Seeds{1, 2, 3, 7, 9, 10}) {
		t.Errorf("got %v, %v", seeds, err)
	}
}

// The example that the format was designed by decodes, and says what it says.
func TestReferenceExample(t *testing.T) {
	file := filepath.Join("..", "..", "..", "shared", "reference", "scenario-example.yaml")
	if _, err := os.Stat(file); err != nil {
		t.Skip("the reference example is not on this machine")
	}
	all, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	spec := all[0].Spec
	if len(spec.Seeds) != 20 || len(spec.Steps) != 5 || len(spec.Expect) != 3 || len(spec.Measure) != 2 {
		t.Errorf("%d seeds, %d steps, %d expectations, %d measures", len(spec.Seeds), len(spec.Steps), len(spec.Expect), len(spec.Measure))
	}
	if after := spec.Steps[3].After; after.Step != "rollout" || after.Pause != Duration(15*time.Second) {
		t.Errorf("step cut is after %v", after)
	}
	if image := spec.Cluster.Images["shop/web:*"]; image.Size != 120<<20 || image.Startup != Duration(2*time.Second) {
		t.Errorf("the image is %+v", image)
	}
}

func TestSchemaNamesEveryField(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"nodePools", "kubectl", "eventually", "stages", "percentile", "workload", "lognormal", "diurnal", "date-time", "additionalProperties"} {
		if !strings.Contains(string(Schema()), word) {
			t.Errorf("the schema does not mention %s", word)
		}
	}
}
