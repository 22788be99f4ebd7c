package kubectl

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

var fileSystem = Files{Read: func(path string) ([]byte, error) {
	text, ok := map[string]string{
		"app.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n---\n# nothing\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
		"list.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: x}}\n",
		"crd.yaml":  "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n",
		"typo.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {replica: 3}\n",
	}[path]
	if !ok {
		return nil, errors.New(path + ": no such file")
	}
	return []byte(text), nil
}}

func TestSplit(t *testing.T) {
	words, err := split(`patch deploy/web -p '{"spec": {"replicas": 3}}'  --type="merge" ''`)
	want := []string{"patch", "deploy/web", "-p", `{"spec": {"replicas": 3}}`, "--type=merge", ""}
	if err != nil || !slices.Equal(words, want) {
		t.Errorf("got %q, %v", words, err)
	}
}

// What cannot run is refused when the scenario is loaded, with a message that says what would be right.
func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"logs web":                     "not one of the commands that are simulated",
		"apply":                        "want kubectl apply -f FILE",
		"apply -f none.yaml":           "none.yaml: no such file",
		"apply -f crd.yaml":            "crd.yaml:2: ",
		"apply -f typo.yaml":           `typo.yaml:4: unknown field "spec.replica"`,
		"apply -f -":                   "reads the step's manifest",
		"apply -n other -f list.yaml":  `the namespace from the provided object "x" does not match the namespace "other"`,
		"delete widget w":              `the server doesn't have a resource type "widget"`,
		"scale deploy/web --replica=3": "unknown flag: --replica",
		"patch deploy/web -p 'x":       "is not closed",
		"set image deploy/web":         "want kubectl set image TYPE NAME CONTAINER=IMAGE...",
	} {
		if _, err := Parse(line, fileSystem); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", line, err, want)
		}
	}
}

func TestManifests(t *testing.T) {
	c, err := Parse("kubectl -n shop apply -f app.yaml", fileSystem)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.objects) != 2 || api.KeyOf(c.objects[0].object) != "shop/a" || api.KeyOf(c.objects[1].object) != "shop" {
		t.Errorf("decoded %d objects", len(c.objects))
	}
	want := `{"apiVersion":"v1","data":{"k":"v"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"shop"}}` + "\n"
	if got := c.objects[0].annotated().object.GetAnnotations()[lastApplied]; got != want {
		t.Errorf("the annotation is %s, want %s", got, want)
	}
	var skipped []string
	files := fileSystem
	files.SkipUnknownKinds, files.Skipped = true, func(name string) { skipped = append(skipped, name) }
	if _, err := Parse("apply -f crd.yaml -f app.yaml", files); err != nil || len(skipped) != 1 || !strings.Contains(skipped[0], "Widget") {
		t.Errorf("skipped %q, %v", skipped, err)
	}
}

func TestTaints(t *testing.T) {
	node := &corev1.Node{}
	steps := []struct{ edit, want, fails string }{
		{"a=b:NoSchedule", "a=b:NoSchedule", ""},
		{"k:NoExecute", "k:NoExecute a=b:NoSchedule", ""},
		{"a=c:NoSchedule", "k:NoExecute a=b:NoSchedule", "--overwrite is false"},
		{"a=b:Never", "k:NoExecute a=b:NoSchedule", "invalid taint effect"},
		{"k:NoExecute-", "a=b:NoSchedule", ""},
		{"zzz-", "a=b:NoSchedule", "not found"},
		{"a-", "", ""},
	}
	for _, s := range steps {
		err := editTaint(node, s.edit, false)
		if (err == nil) != (s.fails == "") || err != nil && !strings.Contains(err.Error(), s.fails) {
			t.Errorf("%s: %v", s.edit, err)
		}
		var got []string
		for _, taint := range node.Spec.Taints {
			got = append(got, taint.ToString())
		}
		if strings.Join(got, " ") != s.want {
			t.Errorf("after %s the taints are %v, want %s", s.edit, got, s.want)
		}
	}
}
