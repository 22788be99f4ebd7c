package scenarios_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
)

// placed puts a scenario into a folder of its own.
func placed(t *testing.T, folder, spec string) *scenarios.Scenario {
	t.Helper()
	s := decode(t, spec)
	s.File = filepath.Join(folder, "test.yaml")
	return s
}

const saveThenLose = small + `
  steps:
  - {name: up, kubectl: create deployment web --image=a --replicas=2}
  - {name: ready, wait: "get('Deployment', 'default/web').status.availableReplicas == 2", within: 2m}
  - {name: save, etcd: {snapshotSave: store.db}}
`

// A run saves the store, goes on, and returns to what it saved; nothing that came between is left, and the cluster works
// on. Another run begins with the file.
func TestStoreIsSavedAndRestored(t *testing.T) {
	folder := t.TempDir()
	r := runScenario(t, placed(t, folder, saveThenLose+`
  - {name: lose, kubectl: [delete deployment web, create deployment other --image=a]}
  - {name: lost, wait: "list('Pod', 'default').size() == 1", within: 2m}
  - {name: back, etcd: {restore: store.db, bumpRevision: 1000000000}}
  - {name: again, wait: "list('Deployment', 'default').map(d, d.metadata.name) == ['web']", within: 2m}
  - {name: more, kubectl: scale deployment web --replicas=3}
  - {name: works, wait: "get('Deployment', 'default/web').status.availableReplicas == 3", within: 5m}
`), scenarios.Options{})
	if r.Verdict != reports.Held {
		t.Fatalf("%s: %v", r.Verdict, r.Failures())
	}
	if saved, back := stepOf(t, r, "save"), stepOf(t, r, "back"); !strings.HasPrefix(saved.Output, "revision ") || !strings.HasPrefix(back.Output, "revision 1000000") {
		t.Errorf("save says %q, back says %q", saved.Output, back.Output)
	}
	file, err := os.ReadFile(filepath.Join(folder, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	r = run(t, small+`
  steps:
  - {name: there, wait: "get('Deployment', 'default/web').status.availableReplicas == 2", within: 2m}
`, scenarios.Options{Restore: file})
	if r.Verdict != reports.Held {
		t.Fatalf("the new cluster %s: %v", r.Verdict, r.Failures())
	}
}

// The same run says the same, and writes the same file.
func TestBackupsAreDeterministic(t *testing.T) {
	var files [2][]byte
	var digests [2]string
	for i := range files {
		folder := t.TempDir()
		r := runScenario(t, placed(t, folder, saveThenLose+"  - {name: back, etcd: {restore: store.db}}\n"), scenarios.Options{Seed: 3})
		digests[i] = r.Digest
		var err error
		if files[i], err = os.ReadFile(filepath.Join(folder, "store.db")); err != nil {
			t.Fatal(err)
		}
	}
	if digests[0] != digests[1] || !bytes.Equal(files[0], files[1]) {
		t.Errorf("digests %v, files equal: %v", digests, bytes.Equal(files[0], files[1]))
	}
}

// A file that is cut short or has one wrong bit is found before the run, and said to be damaged.
func TestDamagedBackupIsFoundBeforeTheRun(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "store.db")
	if r := runScenario(t, placed(t, folder, saveThenLose), scenarios.Options{}); r.Verdict != reports.Held {
		t.Fatalf("%s: %v", r.Verdict, r.Failures())
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	restoring := placed(t, folder, small+"  steps:\n  - {etcd: {restore: store.db}}\n")
	if err := scenarios.Check(restoring); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(whole)/2] ^= 4
	for name, damaged := range map[string][]byte{"cut": whole[:len(whole)-7], "flipped": flipped, "empty": {}} {
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		err := scenarios.Check(restoring)
		if err == nil || !strings.Contains(err.Error(), "spec.steps[0].etcd.restore: store.db: the backup is damaged: ") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := scenarios.Run(t.Context(), decode(t, small), scenarios.Options{Restore: damaged}); err == nil || !strings.Contains(err.Error(), "the backup is damaged") {
			t.Errorf("%s, from the beginning: %v", name, err)
		}
	}
	if b, err := cluster.ReadBackup(bytes.NewReader(whole)); err != nil || len(b.Keys.Living()) == 0 {
		t.Errorf("the whole file: %v", err)
	}
}
