package registry

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/google/go-cmp/cmp"
)

// history is every recorded state of one object, nil after its removal.
type history []api.Object

// TestWritesReplayToRecordedStates takes every successful write of the recordings (updates, patches of each type,
// deletes, bindings, evictions), applies it to each recorded state of its object, and expects one of the results to be
// the state that was recorded next.
func TestWritesReplayToRecordedStates(t *testing.T) {
	done := map[string]int{}
	for _, file := range recordingFiles(t, "watch.jsonl") {
		histories, w := readHistories(t, file)
		var rec auditRecord
		eachLine(t, filepath.Join(filepath.Dir(file), "audit.jsonl"), func() any { rec = auditRecord{}; return &rec }, func() {
			target, ok := parseTarget(rec.URI)
			if !ok || rec.Code >= 300 || rec.Verb == "create" && target.subresource == "" || rec.Verb == "deletecollection" {
				return
			}
			h := histories[target.resource.Name+"/"+api.Key(target.namespace, target.name)]
			if len(h) < 2 {
				return // the object was not watched, or not touched
			}
			if replays(t, w, target, &rec, h) {
				done[rec.Verb+" "+target.resource.Name+" "+target.subresource]++
				return
			}
			t.Errorf("%s: %s %s %s\n%s\nleads to no recorded state%s", filepath.Base(filepath.Dir(file)), rec.T.Format(time.StampMilli), rec.Verb, rec.URI, rec.Req, nearest(t, w, target, &rec, h))
		})
	}
	for _, want := range []string{"patch deployments ", "patch deployments scale", "patch nodes ", "patch pods status", "patch events ",
		"update replicasets ", "update deployments status", "delete pods ", "create pods binding", "create pods eviction",
		"update endpointslices ", "update persistentvolumeclaims ", "patch resourcequotas ", "update jobs status"} {
		if done[want] == 0 {
			t.Errorf("no %q was replayed", want)
		}
	}
}

func readHistories(t *testing.T, file string) (map[string]history, *world) {
	t.Helper()
	histories, w := map[string]history{}, newWorld()
	for i, zone := range []string{"zone-a", "zone-b", "zone-c", "zone-a"} { // there before the recording began
		node := &corev1.Node{ObjectMeta: named("", "node-"+itoa(i))}
		node.Labels = map[string]string{corev1.LabelTopologyZone: zone, corev1.LabelTopologyRegion: "r1"}
		w.add(node)
	}
	var rec watchRecord
	eachLine(t, file, func() any { rec = watchRecord{}; return &rec }, func() {
		obj, r := decodeRecorded(t, rec.Object)
		if obj == nil {
			return
		}
		key := r.Name + "/" + api.KeyOf(obj)
		if rec.Type == "DELETED" {
			obj = nil
		} else if r == api.Nodes {
			w.add(obj)
		}
		histories[key] = append(histories[key], obj)
	})
	return histories, w
}

type writeTarget struct {
	resource                     *api.Resource
	namespace, name, subresource string
}

func parseTarget(uri string) (writeTarget, bool) {
	u, err := url.Parse(uri)
	if err != nil {
		return writeTarget{}, false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	version := parts[1]
	if parts[0] == "apis" {
		version = parts[1] + "/" + parts[2]
		parts = parts[3:]
	} else {
		parts = parts[2:]
	}
	var tgt writeTarget
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "finalize" && parts[2] != "status" {
		tgt.namespace, parts = parts[1], parts[2:]
	}
	for _, r := range api.Resources() {
		if r.APIVersion() == version && r.Name == parts[0] {
			tgt.resource = r
		}
	}
	if tgt.resource == nil || len(parts) < 2 {
		return tgt, false
	}
	tgt.name = parts[1]
	if len(parts) > 2 {
		tgt.subresource = parts[2]
	}
	return tgt, true
}

// replays tries the write on every recorded state.
func replays(t *testing.T, w *world, tgt writeTarget, rec *auditRecord, h history) bool {
	version := namedVersion(rec)
	for i := 0; i+1 < len(h); i++ {
		if h[i] == nil || version != "" && version != api.Meta(h[i]).ResourceVersion {
			continue
		}
		for _, out := range outcomes(t, w, tgt, rec, h[i]) {
			if leadsTo(out, h[i], h[i+1:]) {
				return true
			}
		}
	}
	last := h[len(h)-1]
	for _, out := range outcomes(t, w, tgt, rec, last) {
		if out.Action == Nothing {
			return true
		}
	}
	return false
}

// namedVersion is the resource version that an update names: the state it was applied to.
func namedVersion(rec *auditRecord) string {
	if rec.Verb != "update" {
		return ""
	}
	var body struct {
		Metadata struct{ ResourceVersion string }
	}
	if json.Unmarshal(rec.Req, &body) != nil {
		return ""
	}
	return body.Metadata.ResourceVersion
}

func leadsTo(out Outcome, old api.Object, next history) bool {
	switch out.Action {
	case Nothing:
		return true
	case Remove:
		return next[0] == nil
	case WriteThenRemove:
		return next[0] != nil && sameState(out.Object, next[0]) && len(next) > 1 && next[1] == nil
	}
	return next[0] != nil && sameState(out.Object, next[0])
}

func sameState(got, want api.Object) bool {
	c := api.ShallowCopy(got)
	api.Meta(c).ResourceVersion = api.Meta(want).ResourceVersion
	return api.EqualObjects(c, want)
}

// outcomes decides on the recorded request, once for the second in which the request ended and once for the one before,
// in which it may have begun.
func outcomes(t *testing.T, w *world, tgt writeTarget, rec *auditRecord, old api.Object) []Outcome {
	if old == nil {
		return nil
	}
	var outs []Outcome
	for _, now := range []time.Time{rec.T, rec.T.Add(-time.Second)} {
		ctx := w.context()
		ctx.Now = now
		before := old.DeepCopyObject().(api.Object)
		if out, err := decide(t, ctx, tgt, rec, old); err == nil {
			outs = append(outs, out)
		}
		if !api.EqualObjects(before, old) {
			t.Fatalf("%s %s wrote into the stored object:\n%s", rec.Verb, rec.URI, cmp.Diff(before, old))
		}
	}
	return outs
}

func decide(t *testing.T, ctx *Context, tgt writeTarget, rec *auditRecord, old api.Object) (Outcome, error) {
	t.Helper()
	e := For(tgt.resource)
	switch {
	case rec.Verb == "delete":
		var opts metav1.DeleteOptions
		if len(rec.Req) > 0 {
			must(t, json.Unmarshal(rec.Req, &opts))
		}
		return e.Delete(ctx, old, &opts)
	case tgt.subresource == "binding":
		var b corev1.Binding
		must(t, json.Unmarshal(rec.Req, &b))
		return Bind(ctx, old, &b)
	case tgt.subresource == "eviction":
		var ev policyv1.Eviction
		must(t, json.Unmarshal(rec.Req, &ev))
		return Evict(ctx, old, &ev)
	case rec.Verb == "update":
		body, _ := decodeRecorded(t, rec.Req)
		return e.Update(ctx, tgt.subresource, old, body)
	}
	return e.Patch(ctx, tgt.subresource, old, &api.PatchBody{Type: guessPatchType(tgt, rec), Data: rec.Req})
}

// guessPatchType tells the type of a recorded patch, which the recording does not keep, as its senders choose it.
func guessPatchType(tgt writeTarget, rec *auditRecord) types.PatchType {
	switch {
	case rec.Req[0] == '[':
		return types.JSONPatchType
	case strings.HasPrefix(rec.UA, "kubectl") && (tgt.subresource == "scale" || strings.Contains(rec.URI, "kubectl-patch-merge")):
		return types.MergePatchType
	}
	return types.StrategicMergePatchType
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nearest explains a failure: the smallest difference to any following state, or the errors.
func nearest(t *testing.T, w *world, tgt writeTarget, rec *auditRecord, h history) string {
	best := ""
	for i := 0; i+1 < len(h); i++ {
		if h[i] == nil {
			continue
		}
		ctx := w.context()
		ctx.Now = rec.T
		out, err := decide(t, ctx, tgt, rec, h[i])
		text := ""
		switch {
		case err != nil:
			text = "\nerror: " + err.Error()
		case h[i+1] == nil:
			text = "\nnext state is removal"
		default:
			text = "\n" + cmp.Diff(h[i+1], out.Object)
		}
		if best == "" || len(text) < len(best) {
			best = text
		}
	}
	return best
}
