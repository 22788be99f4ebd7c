package stages

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// recordedEnv answers templates as the recorded cluster did.
type recordedEnv struct {
	now             time.Time
	nodeIP          string
	hostIPs, podIPs []string
}

func (e *recordedEnv) Now() time.Time                   { return e.now }
func (e *recordedEnv) StartTime() time.Time             { return e.now }
func (e *recordedEnv) NodeName() string                 { return "" }
func (e *recordedEnv) NodeIP() string                   { return e.nodeIP }
func (e *recordedEnv) NodePort() int                    { return 10247 }
func (e *recordedEnv) NodeIPsWith(string) []string      { return e.hostIPs }
func (e *recordedEnv) PodIPsWith(string, bool) []string { return e.podIPs }

type recording struct {
	Scenario, Stage string
	Object          json.RawMessage
	Patch           json.RawMessage
}

func recordings(t testing.TB) []recording {
	f, err := os.Open("testdata/recorded.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []recording
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r recording
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if len(out) < 20 {
		t.Fatalf("only %d recorded patches", len(out))
	}
	return out
}

// env reads from the recorded patch what KWOK's functions must have answered.
func (r *recording) env(t testing.TB) *recordedEnv {
	var p struct {
		Status struct {
			StartTime  string `json:"startTime"`
			Conditions []struct {
				LastHeartbeatTime string `json:"lastHeartbeatTime"`
			} `json:"conditions"`
			Containers []struct {
				State struct {
					Terminated struct {
						FinishedAt string `json:"finishedAt"`
					} `json:"terminated"`
				} `json:"state"`
			} `json:"containerStatuses"`
			HostIPs []corev1.HostIP `json:"hostIPs"`
			PodIPs  []corev1.PodIP  `json:"podIPs"`
		} `json:"status"`
	}
	if err := json.Unmarshal(r.Patch, &p); err != nil {
		t.Fatal(err)
	}
	e := &recordedEnv{nodeIP: "10.10.0.1"}
	text := p.Status.StartTime
	switch {
	case strings.HasPrefix(r.Stage, "node"):
		text = p.Status.Conditions[0].LastHeartbeatTime
	case text == "":
		text = p.Status.Containers[0].State.Terminated.FinishedAt
	}
	var err error
	if e.now, err = time.Parse(time.RFC3339Nano, text); err != nil {
		t.Fatal(err)
	}
	for _, ip := range p.Status.HostIPs {
		e.hostIPs = append(e.hostIPs, ip.IP)
	}
	for _, ip := range p.Status.PodIPs {
		e.podIPs = append(e.podIPs, ip.IP)
	}
	return e
}

func (r *recording) object(t testing.TB) api.Object {
	obj, _, err := api.Decode(r.Object)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func load(t testing.TB, name string) *Set {
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func noDraw(int64) int64 { panic("unexpected draw") }

func lifecycleOf(set *Set, obj api.Object) Lifecycle {
	if _, ok := obj.(*corev1.Node); ok {
		return set.Nodes
	}
	return set.Pods
}

func TestStagesSendWhatKWOKSent(t *testing.T) {
	set := load(t, "golden.yaml")
	for i, r := range recordings(t) {
		obj := r.object(t)
		stage := lifecycleOf(set, obj).Match(&Subject{Object: obj}, noDraw)
		if stage == nil || stage.Name != r.Stage {
			t.Fatalf("recording %d (%s): matched %v, KWOK played %s", i, r.Scenario, stage, r.Stage)
		}
		renderer := NewRenderer(r.env(t))
		renderer.general = true
		body, err := renderer.Compute(stage.Steps[len(stage.Steps)-1].Patch, obj)
		if err != nil || body == nil {
			t.Fatalf("recording %d (%s): %v, %v", i, r.Stage, body, err)
		}
		var got, want any
		if err := json.Unmarshal(body.Data, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(r.Patch, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("recording %d (%s %s):\n got %s\nwant %s", i, r.Scenario, r.Stage, body.Data, r.Patch)
		}
	}
}

func TestTypedTemplatesEqualTheirTemplates(t *testing.T) {
	set := load(t, "golden.yaml")
	typed := map[string]int{}
	for i, r := range recordings(t) {
		obj := r.object(t)
		patch := lifecycleOf(set, obj).Match(&Subject{Object: obj}, noDraw).Steps[0].Patch
		if patch.typed == nil {
			continue
		}
		renderer := NewRenderer(r.env(t))
		got, err := renderer.Compute(patch, obj)
		if err != nil {
			t.Fatalf("recording %d (%s): %v", i, r.Stage, err)
		}
		if got.Apply == nil {
			continue // an object that the typed form leaves to the template
		}
		typed[r.Stage]++
		renderer.general = true
		want, err := renderer.Compute(patch, obj)
		if err != nil {
			t.Fatal(err)
		}
		if got.SizeBytes != len(want.Data) {
			t.Errorf("recording %d (%s): %d bytes, the template renders %d: %s", i, r.Stage, got.SizeBytes, len(want.Data), want.Data)
		}
		compareEffects(t, obj, got, want.Data)
	}
	for _, stage := range []string{"pod-ready", "pod-complete", "pod-fail", "node-heartbeat-with-lease", "node-initialize"} {
		if typed[stage] == 0 {
			t.Errorf("no recording went through the typed template of %s", stage)
		}
	}
}

// compareEffects applies both forms of a patch to the object.
func compareEffects(t *testing.T, obj api.Object, typed *api.PatchBody, data []byte) {
	t.Helper()
	before, err := json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	applied, err := typed.Apply(obj)
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := json.Marshal(obj); string(after) != string(before) {
		t.Fatalf("applying changed the object itself:\n%s\n%s", before, after)
	}
	patched, err := strategicpatch.StrategicMergePatch(before, data, obj)
	if err != nil {
		t.Fatal(err)
	}
	want := api.ResourceOf(obj).New()
	if err := json.Unmarshal(patched, want); err != nil {
		t.Fatal(err)
	}
	gotJSON, _ := json.Marshal(applied)
	wantJSON, _ := json.Marshal(want)
	if string(gotJSON) != string(wantJSON) {
		t.Errorf("typed patch:\n got %s\nwant %s", gotJSON, wantJSON)
	}
}
