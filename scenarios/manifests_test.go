package scenarios_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
)

// tried runs manifests as run -f does.
func tried(t *testing.T, nodes int, text string) *reports.Report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "My App.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.FromManifests([]string{file}, scenarios.ManifestOptions{Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	if err := scenarios.Check(s); err != nil {
		t.Fatal(err)
	}
	if s.Metadata.Name != "my-app" {
		t.Errorf("the scenario is called %s", s.Metadata.Name)
	}
	return runScenario(t, s, scenarios.Options{Seed: 1})
}

// app is a Deployment with what is given in its container and its pods.
func app(container, pod string) string {
	return `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:1", ` + container + `}]` + pod + `}
`
}

func TestManifestsBecomeReady(t *testing.T) {
	r := tried(t, 4, app("readinessProbe: {httpGet: {path: /, port: 8080}}", "")+`
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
`)
	if r.Verdict != reports.Held || len(r.Findings) != 0 {
		t.Errorf("%s: %v", r.Verdict, r.Failures())
	}
	var names []string
	for _, e := range r.Expectations {
		names = append(names, e.ID)
	}
	if want := []string{"Service default/web has a ready endpoint", "Deployment default/web is available", "everything else exists"}; !slices.Equal(names, want) {
		t.Errorf("expected %q, want %q", names, want)
	}
	if want := []string{"registry.example/web:1"}; r.Cluster.Nodes != 4 || !slices.Equal(r.Cluster.DefaultImages, want) {
		t.Errorf("%d nodes, images %q", r.Cluster.Nodes, r.Cluster.DefaultImages)
	}
	for _, name := range []string{"pod_startup", "create_to_schedule", "scheduler_pod_scheduling_sli_duration_seconds"} {
		if i := slices.IndexFunc(r.Latencies, func(l reports.Latency) bool { return l.Name == name }); i < 0 || r.Latencies[i].Count < 3 {
			t.Errorf("no latency %s of three pods in %+v", name, r.Latencies)
		}
	}
}

// What does not become ready is named, with Kubernetes' own reason.
func TestManifestsThatDoNotBecomeReady(t *testing.T) {
	cases := []struct{ name, text, object, message string }{
		{"no node is large enough", app("resources: {requests: {cpu: 64}}", ""), "pod default/web-", "cannot be scheduled: 0/5 nodes are available:"},
		{"no node has the label", app("", ", nodeSelector: {disk: ssd}"), "pod default/web-", "didn't match Pod's node affinity/selector"},
		{"a missing ConfigMap", app("envFrom: [{configMapRef: {name: settings}}]", ""), "pod default/web-", `CreateContainerConfigError: configmap "settings" not found`},
		{"a service account that does not exist", app("", ", serviceAccountName: robot"), "deployment default/web", "0 of 3 replicas are available"},
		{"a StatefulSet, on which nothing acts", strings.Replace(strings.Replace(app("", ""), "kind: Deployment", "kind: StatefulSet", 1), "replicas: 3", "replicas: 3\n  serviceName: web", 1),
			"statefulset default/web", "this version runs no controller for StatefulSets"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := tried(t, 2, c.text)
			if r.Verdict != reports.Failed {
				t.Errorf("the verdict is %s", r.Verdict)
			}
			if !slices.ContainsFunc(r.Findings, func(f reports.Finding) bool {
				return strings.HasPrefix(f.Object, c.object) && strings.Contains(f.Message, c.message)
			}) {
				t.Errorf("found %+v\nwant %s: %s", r.Findings, c.object, c.message)
			}
		})
	}
}

func TestImagesThatCannotBePulled(t *testing.T) {
	r := run(t, small+"  timeout: 2m\n"+`
  steps:
  - {name: up, kubectl: create deployment web --image=shop/web:v1}
  - {name: ready, wait: "get('Deployment', 'default/web').status.availableReplicas == 1", within: 1m}
`+"", scenarios.Options{})
	if r.Verdict != reports.Held {
		t.Fatalf("%v", r.Failures())
	}
	s := decode(t, strings.Replace(small, "cluster: {", "cluster: {images: {'shop/web:*': {pullError: 'denied: no such repository'}}, ", 1)+`
  steps:
  - {name: up, kubectl: create deployment web --image=shop/web:v1}
  - {name: ready, wait: "get('Deployment', 'default/web').status.availableReplicas == 1", within: 1m}
`)
	r = runScenario(t, s, scenarios.Options{})
	if !slices.ContainsFunc(r.Findings, func(f reports.Finding) bool {
		return strings.Contains(f.Message, "container web waits:") && strings.Contains(f.Message, "denied: no such repository")
	}) {
		t.Errorf("found %+v", r.Findings)
	}
}

func TestManifestsThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	widget := write("widget.yaml", "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n")
	cases := []struct{ file, want string }{
		{filepath.Join(folder, "none.yaml"), "none.yaml: no such file"},
		{write("broken.yaml", "a: [\n"), "broken.yaml:1: this is not YAML: "},
		{widget, "widget.yaml:2: "},
		{write("typo.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {replica: 3}\n"), `typo.yaml:4: unknown field "spec.replica"`},
		{write("empty.yaml", "# nothing\n"), "there is no object in it"},
	}
	for _, c := range cases {
		if _, err := scenarios.FromManifests([]string{c.file}, scenarios.ManifestOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	config := write("config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
	s, err := scenarios.FromManifests([]string{widget, config}, scenarios.ManifestOptions{SkipUnknownKinds: true})
	if err != nil {
		t.Fatal(err)
	}
	r := runScenario(t, s, scenarios.Options{})
	if r.Verdict != reports.Held || len(r.Cluster.SkippedKinds) != 1 || !strings.Contains(r.Cluster.SkippedKinds[0], "Widget") {
		t.Errorf("%s, skipped %q: %v", r.Verdict, r.Cluster.SkippedKinds, r.Failures())
	}
}
