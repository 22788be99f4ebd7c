package api

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestTemplateHashEqualsRecordedNames recomputes the hash in the name of every ReplicaSet that the recorded control
// planes created.
func TestTemplateHashEqualsRecordedNames(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/reference/golden/*/audit.jsonl")
	if len(files) == 0 {
		t.Skip("the recordings are not beside this checkout")
	}
	seen := 0
	for _, f := range files {
		eachRecord(t, f, func(verb, uri string, body []byte) {
			if verb != "create" || !hasSuffix(uri, "/replicasets") {
				return
			}
			seen++
			checkTemplateHash(t, body)
		})
	}
	if seen == 0 {
		t.Fatal("the recordings hold no ReplicaSet")
	}
}

func checkTemplateHash(t *testing.T, body []byte) {
	t.Helper()
	obj, _, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	rs := Items[*replicaSet]([]Object{obj})[0]
	want := rs.Labels["pod-template-hash"]
	template := rs.Spec.Template
	template.Labels = Without(template.Labels, "pod-template-hash")
	if got := TemplateHash(&template, nil); got != want {
		t.Errorf("%s: hash %s, want %s", rs.Name, got, want)
	}
}

func eachRecord(t *testing.T, file string, fn func(verb, uri string, body []byte)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var rec struct {
			Verb, URI string
			Req       json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		fn(rec.Verb, rec.URI, rec.Req)
	}
}
