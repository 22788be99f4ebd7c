package registry

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/cluster/api"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"pgregory.net/rapid"
)

func TestPatchTypesMeanWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  types.PatchType
		patch string
		check func(*appsv1.Deployment) bool
	}{
		{"strategic merges containers by name", types.StrategicMergePatchType,
			`{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"nginx:1.26"}]}}}}`,
			func(d *appsv1.Deployment) bool {
				c := d.Spec.Template.Spec.Containers
				return len(c) == 1 && c[0].Image == "nginx:1.26" && c[0].ImagePullPolicy == corev1.PullIfNotPresent
			}},
		{"strategic adds a container", types.StrategicMergePatchType,
			`{"spec":{"template":{"spec":{"containers":[{"name":"x","image":"x:1"}]}}}}`,
			func(d *appsv1.Deployment) bool { return len(d.Spec.Template.Spec.Containers) == 2 }},
		{"merge replaces the list, and defaults fill it", types.MergePatchType,
			`{"spec":{"template":{"spec":{"containers":[{"name":"x","image":"x:1"}]}}}}`,
			func(d *appsv1.Deployment) bool {
				c := d.Spec.Template.Spec.Containers
				return len(c) == 1 && c[0].Name == "x" && c[0].TerminationMessagePath != ""
			}},
		{"merge removes by null", types.MergePatchType, `{"spec":{"revisionHistoryLimit":null}}`,
			func(d *appsv1.Deployment) bool { return *d.Spec.RevisionHistoryLimit == 10 }},
		{"json replaces", types.JSONPatchType, `[{"op":"replace","path":"/spec/replicas","value":7}]`,
			func(d *appsv1.Deployment) bool { return *d.Spec.Replicas == 7 && d.Generation == 2 }},
		{"metadata alone leaves the generation", types.MergePatchType, `{"metadata":{"labels":{"a":"b"}}}`,
			func(d *appsv1.Deployment) bool { return d.Labels["a"] == "b" && d.Generation == 1 }},
		{"an annotation of a deployment counts", types.MergePatchType, `{"metadata":{"annotations":{"a":"b"}}}`,
			func(d *appsv1.Deployment) bool { return d.Generation == 2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := demo()
			old, err := createYAML(t, w, deploymentManifest)
			must(t, err)
			out, err := For(api.Deployments).Patch(w.context(), "", old, &api.PatchBody{Type: c.kind, Data: []byte(c.patch)})
			must(t, err)
			if !c.check(out.Object.(*appsv1.Deployment)) {
				t.Errorf("%+v", out.Object)
			}
		})
	}
}

func TestPatchErrors(t *testing.T) {
	w := demo()
	old, err := createYAML(t, w, deploymentManifest)
	must(t, err)
	for _, c := range []struct {
		name  string
		kind  types.PatchType
		patch string
		is    func(error) bool
	}{
		{"stale version", types.MergePatchType, `{"metadata":{"resourceVersion":"3"}}`, apierrors.IsConflict},
		{"other uid", types.MergePatchType, `{"metadata":{"uid":"x"}}`, apierrors.IsConflict},
		{"unknown field", types.MergePatchType, `{"spec":{"replica":3}}`, apierrors.IsInvalid},
		{"not JSON", types.MergePatchType, `{`, apierrors.IsBadRequest},
		{"failed test", types.JSONPatchType, `[{"op":"test","path":"/spec/replicas","value":99}]`, apierrors.IsInvalid},
		{"invalid result", types.MergePatchType, `{"spec":{"replicas":-1}}`, apierrors.IsInvalid},
		{"server-side apply is not served", types.ApplyPatchType, `{}`, apierrors.IsUnsupportedMediaType},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := For(api.Deployments).Patch(w.context(), "", old, &api.PatchBody{Type: c.kind, Data: []byte(c.patch)})
			if !c.is(err) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTypedPatchPassesItsErrorThrough(t *testing.T) {
	w := demo()
	old, err := createYAML(t, w, deploymentManifest)
	must(t, err)
	mine := apierrors.NewConflict(api.Deployments.GroupResource(), "d", errModified)
	_, err = For(api.Deployments).Patch(w.context(), "", old, &api.PatchBody{Apply: func(api.Object) (api.Object, error) { return nil, mine }})
	if err != error(mine) {
		t.Errorf("got %v", err)
	}
}

// TestMergePatchEqualsItsDefinition compares the merge patch of labels with RFC 7386 spelled out on a map.
func TestMergePatchEqualsItsDefinition(t *testing.T) {
	w := demo()
	old, err := createYAML(t, w, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
	must(t, err)
	keys := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	rapid.Check(t, func(rt *rapid.T) {
		have := rapid.MapOf(keys, rapid.StringMatching(`[a-z]{0,3}`)).Draw(rt, "have")
		patch := rapid.MapOf(keys, rapid.Ptr(rapid.StringMatching(`[a-z]{0,3}`), true)).Draw(rt, "patch")
		c := old.(*corev1.ConfigMap).DeepCopy()
		c.Data = have
		body, err := json.Marshal(map[string]any{"data": patch})
		must(t, err)
		out, err := For(api.ConfigMaps).Patch(w.context(), "", c, &api.PatchBody{Type: types.MergePatchType, Data: body})
		must(t, err)
		want := map[string]string{}
		for k, v := range have {
			want[k] = v
		}
		for k, v := range patch {
			if v == nil {
				delete(want, k)
			} else {
				want[k] = *v
			}
		}
		if got := out.Object.(*corev1.ConfigMap).Data; !sameStrings(got, want) {
			rt.Fatalf("%v patched by %s: %v, want %v", have, body, got, want)
		}
	})
}

// TestQuickNamesAcceptOnlyWhatTheLibraryAccepts compares the scanners with the library's regular expressions.
func TestQuickNamesAcceptOnlyWhatTheLibraryAccepts(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9._/-]{0,12}`), rapid.StringMatching(`[a-z0-9]{60,66}`), rapid.StringMatching(`([a-z0-9]{1,9}\.){0,30}[a-z]{0,2}`))
	rapid.Check(t, func(rt *rapid.T) {
		s := text.Draw(rt, "s")
		for name, pair := range map[string]struct{ quick, slow bool }{
			"label":     {isLabel(s), len(labelName.explain(s, false)) == 0},
			"label1035": {isLabel1035(s), len(serviceName.explain(s, false)) == 0},
			"subdomain": {isSubdomain(s), len(subdomainName.explain(s, false)) == 0},
			"qualified": {isQualified(s), len(checkQualifiedSlow(s)) == 0},
			"value":     {isLabelValue(s), len(labelValueErrors(s, specPath)) == 0},
		} {
			if pair.quick != pair.slow {
				rt.Errorf("%s %q: quick says %v, the library %v", name, s, pair.quick, pair.slow)
			}
		}
	})
}

func TestPodTableRow(t *testing.T) {
	w := demo()
	pod := runningPod(t, w)
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	e := For(api.Pods)
	got := strings.Join(e.Row(pod, epoch.Add(90e9), false), "|")
	if want := "p|1/1|Running|0|90s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if head := strings.Join(e.Columns(false), "|"); head != "NAME|READY|STATUS|RESTARTS|AGE" {
		t.Error(head)
	}
}
