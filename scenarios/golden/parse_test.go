package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const tinySteps = `   0.000  create
          $ kubectl -n tiny apply -f tiny/in.yaml
          rc=0 deployment.apps/web created
   1.250  condition met: [ $(kubectl -n $NS get pods -o name | wc -l) = 1 ]
   3.250  apply what comes in
          $ cat <<'X' | kubectl -n tiny apply -f -
apiVersion: v1
kind: Pod
X
          rc=1 error: no
          second line
`

const tinyWatch = `{"t": 0.0001, "type": "STEP", "object": {"kind": "Step", "metadata": {"name": "create"}}}
{"t": 0.1, "type": "ADDED", "object": {"kind": "Deployment", "metadata": {"name": "web", "namespace": "tiny", "uid": "1", "resourceVersion": "10"}, "spec": {"replicas": 1}, "status": {}}}
{"t": 0.2, "type": "ADDED", "object": {"kind": "ReplicaSet", "metadata": {"name": "web-abc", "namespace": "tiny", "uid": "2", "resourceVersion": "11", "annotations": {"deployment.kubernetes.io/revision": "1"}, "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "1", "controller": true}]}, "spec": {"replicas": 1}}}
{"t": 0.3, "type": "ADDED", "object": {"kind": "Pod", "metadata": {"name": "web-abc-x2x4z", "generateName": "web-abc-", "namespace": "tiny", "uid": "3", "resourceVersion": "12", "creationTimestamp": "2026-11-21T02:40:54Z", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-abc", "uid": "2", "controller": true}]}, "status": {"phase": "Pending"}}}
{"t": 0.4, "type": "ADDED", "object": {"kind": "Event", "metadata": {"name": "web-abc.1", "namespace": "tiny", "resourceVersion": "13"}, "involvedObject": {"kind": "ReplicaSet", "name": "web-abc"}, "type": "Normal", "reason": "SuccessfulCreate", "message": "Created pod: web-abc-x2x4z", "count": 1, "source": {"component": "replicaset-controller"}, "reportingComponent": "replicaset-controller"}}
{"t": 0.5, "type": "MODIFIED", "object": {"kind": "Pod", "metadata": {"name": "web-abc-x2x4z", "generateName": "web-abc-", "namespace": "tiny", "uid": "3", "resourceVersion": "14", "creationTimestamp": "2026-11-21T02:40:54Z", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-abc", "uid": "2", "controller": true}]}, "spec": {"nodeName": "node-1"}, "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-21T02:40:54Z"}]}}}
{"t": 0.6, "type": "MODIFIED", "object": {"kind": "Deployment", "metadata": {"name": "web", "namespace": "tiny", "uid": "1", "resourceVersion": "15"}, "spec": {"replicas": 1}, "status": {"replicas": 1, "conditions": [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}]}}}
{"t": 3.2501, "type": "STEP", "object": {"kind": "Step", "metadata": {"name": "apply what comes in"}}}
`

const tinyAudit = `{"t": "2026-11-21T02:40:54.500000Z", "user": "kubernetes-admin", "ua": "kubectl/v1.36.3", "verb": "create", "uri": "/apis/apps/v1/namespaces/tiny/deployments?fieldManager=kubectl-client-side-apply", "code": 201, "req": {"metadata": {"name": "web"}}}
{"t": "2026-11-21T02:40:54.600000Z", "user": "system:serviceaccount:kube-system:replicaset-controller", "ua": "kube-controller-manager/v1.36.3 (linux/amd64)", "verb": "create", "uri": "/api/v1/namespaces/tiny/pods", "code": 201, "req": {"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-abc"}]}}}
{"t": "2026-11-21T02:40:54.700000Z", "user": "system:kube-scheduler", "ua": "kube-scheduler/v1.36.3", "verb": "create", "uri": "/api/v1/namespaces/tiny/pods/web-abc-x2x4z/binding", "code": 201}
`

const tinyFinal = `apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: tiny}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: tiny}, data: {a: b}}
`

// tiny is a small recording.
func tiny(t *testing.T) *Transcript {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tiny")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"steps.txt": tinySteps, "watch.jsonl": tinyWatch, "audit.jsonl": tinyAudit, "out.yaml": tinyFinal} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	transcript, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return transcript
}

func TestLoad(t *testing.T) {
	r := tiny(t)
	if len(r.Steps) != 2 || r.Steps[1].Code != 1 || !slices.Equal(r.Steps[1].Output, []string{"error: no", "second line"}) ||
		!strings.HasPrefix(r.Steps[1].Command, "cat <<'X' | kubectl -n tiny apply -f -\napiVersion: v1\n") {
		t.Errorf("steps %+v", r.Steps)
	}
	if w := r.Steps[0].Waits; len(w) != 1 || w[0].At != 1250*time.Millisecond || !strings.HasPrefix(w[0].Condition, "[ $(kubectl") {
		t.Errorf("waits %+v", w)
	}
	if r.Steps[1].At != 3250100*time.Microsecond {
		t.Errorf("the second step is at %v: want the watch's time", r.Steps[1].At)
	}
	if len(r.Changes) != 6 || r.Changes[0].Revision != 10 || r.Changes[1].At != 200*time.Millisecond {
		t.Errorf("changes %+v", r.Changes)
	}
	if len(r.Final) != 2 || r.Final[1].Kind() != "ConfigMap" {
		t.Errorf("final %+v", r.Final)
	}
	want := []string{
		"kubernetes-admin (kubectl/v1.36.3) create deployments/ web 100ms",
		"replicaset-controller (kube-controller-manager/v1.36.3) create pods/ web-abc 200ms",
		"system:kube-scheduler create pods/binding web-abc-x2x4z 300ms",
	}
	for i, q := range r.Requests {
		if got := fmt.Sprintf("%s %s %s/%s %s %v", q.Client, q.Verb, q.Resource, q.Subresource, q.About, q.At); got != want[i] {
			t.Errorf("request %d is %s, want %s", i, got, want[i])
		}
	}
}

func TestRequestPaths(t *testing.T) {
	for uri, want := range map[string]string{
		"/api/v1/nodes/n/status":                            "nodes/status in ",
		"/api/v1/namespaces/x":                              "namespaces/ in x",
		"/api/v1/namespaces/x/finalize":                     "namespaces/finalize in x",
		"/api/v1/namespaces/x/pods/p/eviction?dryRun=All":   "pods/eviction in x",
		"/apis/apps/v1/namespaces/x/deployments":            "deployments/ in x",
		"/apis/events.k8s.io/v1/namespaces/default/events/": "events/ in default",
	} {
		r, err := requestOf("u", "u/1", "get", uri, 200)
		if got := fmt.Sprintf("%s/%s in %s", r.Resource, r.Subresource, r.Namespace); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", uri, got, err, want)
		}
	}
	if _, err := requestOf("u", "u/1", "get", "/healthz", 200); err == nil {
		t.Error("/healthz is taken for a resource")
	}
}

func TestBrokenRecordingsAreRefused(t *testing.T) {
	for _, steps := range []string{"          $ true\n", "   0.100  condition met: true\n", "   0.000  a\n          $ true\n          rc=x\n"} {
		if err := new(Transcript).readSteps([]byte(steps)); err == nil {
			t.Errorf("steps %q are read", steps)
		}
	}
	for _, watch := range []string{"{", `{"t": 0, "type": "STEP", "object": {"metadata": {"name": "other"}}}`} {
		if err := new(Transcript).readWatch([]byte(watch)); err == nil {
			t.Errorf("watch %q is read", watch)
		}
	}
}

// Each recording that is replayed waits for conditions that can be told.
func TestConditionsAreKnown(t *testing.T) {
	for _, r := range replayed {
		_, recording := load(t, r.name)
		for _, step := range recording.Steps {
			for _, w := range step.Waits {
				if _, err := parseCondition(w.Condition, r.name); err != nil {
					t.Errorf("%s: %v", r.name, err)
				}
			}
		}
	}
	if _, err := parseCondition("[ -e file ]", "x"); err == nil {
		t.Error("a condition that nobody knows is accepted")
	}
}

// events.txt says in lines what the watch has seen of Events.
func TestEventsFileAgreesWithTheWatch(t *testing.T) {
	for _, r := range replayed {
		folder, recording := load(t, r.name)
		data, err := os.ReadFile(filepath.Join(folder, "events.txt"))
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			f := strings.Split(line, "\t")
			if strings.Contains(f[3], "/node-") || !strings.Contains(line, "default-scheduler") {
				counts[strings.Join(f[1:], " ")]++
			}
		}
		side := newSide(recording)
		side.normaliser = &normaliser{}
		for _, o := range side.occurrences() {
			text := strings.NewReplacer(" from ", " ").Replace(o.about)
			for line, n := range counts {
				f := strings.Fields(line)
				if n > 0 && strings.HasSuffix(line, " "+o.message) && strings.HasPrefix(text, f[2]+" "+f[0]+" "+f[1]) && f[3] == fmt.Sprintf("x%d", o.count) {
					counts[line]--
					break
				}
			}
		}
		for line, n := range counts {
			if n > 0 && r.name != "namespace-delete" { // Its Events go with it, and events.txt is of the end.
				t.Errorf("%s: events.txt has %s, the watch does not", r.name, line)
			}
		}
	}
}
