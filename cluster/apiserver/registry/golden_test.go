package registry

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/google/go-cmp/cmp"
)

// The recordings lie beside the repository and are not part of it.
const recordings = "../../../../shared/reference/golden"

func recordingFiles(t *testing.T, name string) []string {
	files, _ := filepath.Glob(filepath.Join(recordings, "*", name))
	if len(files) == 0 {
		t.Skip("the recordings are not beside this checkout")
	}
	return files
}

func eachLine(t *testing.T, file string, into func() any, fn func()) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), into()); err != nil {
			t.Fatal(err)
		}
		fn()
	}
}

type watchRecord struct {
	T      float64
	Type   string
	Object json.RawMessage
}

type auditRecord struct {
	T    time.Time
	User string
	UA   string
	Verb string
	URI  string
	Code int
	Req  json.RawMessage
}

// decodeRecorded decodes an object and drops what the simulation does not keep.
func decodeRecorded(t *testing.T, data []byte) (api.Object, *api.Resource) {
	t.Helper()
	obj, r, err := api.Decode(data)
	if err != nil {
		return nil, nil
	}
	m := api.Meta(obj)
	m.ManagedFields = nil
	return obj, r
}

// TestCreateFromManifestEqualsRecordedObject takes every object that was first seen in a recording, finds the request
// that created it, and expects the registry to make the same object of the manifest: of the YAML if kubectl sent it
// (its last-applied annotation holds it as the user wrote it), else of the recorded body.
func TestCreateFromManifestEqualsRecordedObject(t *testing.T) {
	seen := map[string]int{}
	for _, file := range recordingFiles(t, "watch.jsonl") {
		bodies := createdBodies(t, filepath.Join(filepath.Dir(file), "audit.jsonl"))
		w := newWorld()
		var rec watchRecord
		eachLine(t, file, func() any { rec = watchRecord{}; return &rec }, func() {
			want, r := decodeRecorded(t, rec.Object)
			if want == nil {
				return
			}
			if r != api.ResourceQuotas { // the recorded usage already counts what is created next
				defer w.add(want)
			}
			if rec.Type != "ADDED" {
				return
			}
			m := api.Meta(want)
			key := r.Name + "/" + api.Key(m.Namespace, m.Name)
			if m.GenerateName != "" && len(bodies[key]) == 0 {
				key = r.Name + "/" + api.Key(m.Namespace, m.GenerateName)
			}
			if len(bodies[key]) == 0 {
				return
			}
			body := bodies[key][0]
			bodies[key] = bodies[key][1:] // the next one of this name was created later
			seen[r.Name]++
			compareCreated(t, w, file, r, manifest(t, m.Annotations, body), want)
		})
	}
	for _, name := range []string{"pods", "deployments", "replicasets", "services", "jobs", "daemonsets", "statefulsets",
		"persistentvolumes", "persistentvolumeclaims", "poddisruptionbudgets", "events", "endpointslices", "nodes", "limitranges"} {
		if seen[name] == 0 {
			t.Errorf("no recorded creation of %s was compared", name)
		}
	}
}

// manifest is what the user wrote, where kubectl left it in the annotation; the annotation itself is put back.
func manifest(t *testing.T, annotations map[string]string, body json.RawMessage) api.Object {
	t.Helper()
	applied, has := annotations[corev1.LastAppliedConfigAnnotation]
	if !has {
		obj, _, err := api.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		return obj
	}
	obj, _, err := api.Decode([]byte(applied))
	if err != nil {
		t.Fatal(err)
	}
	m := api.Meta(obj)
	m.Annotations = api.With(m.Annotations, corev1.LastAppliedConfigAnnotation, applied)
	return obj
}

func createdBodies(t *testing.T, file string) map[string][]json.RawMessage {
	t.Helper()
	bodies := map[string][]json.RawMessage{}
	var rec auditRecord
	eachLine(t, file, func() any { rec = auditRecord{}; return &rec }, func() {
		if rec.Verb != "create" || rec.Code != 201 {
			return
		}
		obj, r, err := api.Decode(rec.Req)
		if err != nil || r == nil || r == api.EventsV1 {
			return
		}
		m := api.Meta(obj)
		name := m.Name
		if name == "" {
			name = m.GenerateName
		}
		key := r.Name + "/" + api.Key(m.Namespace, name)
		bodies[key] = append(bodies[key], rec.Req)
	})
	return bodies
}

func compareCreated(t *testing.T, w *world, file string, r *api.Resource, in, want api.Object) {
	t.Helper()
	wm := api.Meta(want)
	w.inhabit(wm.Namespace)
	// Copied controller revisions carry kubectl's annotation without being what kubectl sent.
	if got := api.ResourceOf(in); got != r {
		return
	}
	ctx := w.context()
	ctx.Now = wm.CreationTimestamp.Time
	ctx.UID = func() types.UID { return wm.UID }
	before := in.DeepCopyObject()
	out, err := For(r).Create(ctx, wm.Namespace, in)
	if err != nil {
		t.Errorf("%s: %s %s: %v", file, r, wm.Name, err)
		return
	}
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("%s: %s %s: Create wrote into the body it was given:\n%s", file, r, wm.Name, diff)
	}
	adoptDraws(out.Object, want)
	api.Meta(out.Object).ResourceVersion = wm.ResourceVersion
	if !api.EqualObjects(out.Object, want) {
		t.Errorf("%s: %s %s (-recorded +ours):\n%s", file, r, wm.Name, cmp.Diff(want, out.Object))
	}
}

// adoptDraws takes over what is drawn at random: generated names, token volumes, cluster addresses, node ports.
func adoptDraws(got, want api.Object) {
	if m := api.Meta(got); m.GenerateName != "" {
		m.Name = api.Meta(want).Name
	}
	switch g := got.(type) {
	case *corev1.Pod:
		adoptTokenVolume(g, want.(*corev1.Pod))
	case *corev1.Service:
		w := want.(*corev1.Service)
		g.Spec.ClusterIP, g.Spec.ClusterIPs = w.Spec.ClusterIP, w.Spec.ClusterIPs
		for i := range g.Spec.Ports {
			if g.Spec.Ports[i].NodePort != 0 && w.Spec.Ports[i].NodePort != 0 {
				g.Spec.Ports[i].NodePort = w.Spec.Ports[i].NodePort
			}
		}
	}
}

func adoptTokenVolume(got, want *corev1.Pod) {
	const prefix = "kube-api-access-"
	name := ""
	for _, v := range want.Spec.Volumes {
		if len(v.Name) > len(prefix) && v.Name[:len(prefix)] == prefix {
			name = v.Name
		}
	}
	rename := func(s *string) {
		if len(*s) == len(name) && (*s)[:len(prefix)] == prefix {
			*s = name
		}
	}
	for i := range got.Spec.Volumes {
		rename(&got.Spec.Volumes[i].Name)
	}
	for i := range got.Spec.Containers {
		for j := range got.Spec.Containers[i].VolumeMounts {
			rename(&got.Spec.Containers[i].VolumeMounts[j].Name)
		}
	}
}
