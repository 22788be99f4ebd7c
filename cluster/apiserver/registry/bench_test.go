package registry

import (
	"testing"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

func checkQualifiedSlow(s string) []string { return validation.IsQualifiedName(s) }

func mustCreate(b *testing.B, w *world, manifest string) api.Object {
	b.Helper()
	obj, r, err := api.Decode([]byte(manifest))
	if err != nil {
		b.Fatal(err)
	}
	out, err := For(r).Create(w.context(), "demo", obj)
	if err != nil {
		b.Fatal(err)
	}
	api.Meta(out.Object).ResourceVersion = "1"
	return out.Object
}

// templatePod is what a ReplicaSet sends: everything that a template's defaults fill is there.
func templatePod(b *testing.B, w *world) *corev1.Pod {
	pod := mustCreate(b, w, podManifest+"    ports: [{containerPort: 80, name: http}]\n    resources: {requests: {cpu: 100m, memory: 64Mi}}\n").(*corev1.Pod).DeepCopy()
	pod.Name, pod.GenerateName, pod.ResourceVersion = "", "web-799b96bdbf-", ""
	pod.Labels = map[string]string{"app": "web", "pod-template-hash": "799b96bdbf"}
	pod.Spec.Volumes, pod.Spec.Containers[0].VolumeMounts = nil, nil
	pod.Spec.Tolerations, pod.Spec.Priority, pod.Spec.PreemptionPolicy, pod.Spec.EnableServiceLinks = nil, nil, nil, nil
	pod.Status = corev1.PodStatus{}
	return pod
}

func BenchmarkCreatePod(b *testing.B) {
	w := demo()
	pod := templatePod(b, w)
	ctx := w.context()
	ctx.UID = func() types.UID { return "u" }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := For(api.Pods).Create(ctx, "demo", pod); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdatePodStatus(b *testing.B) {
	w := demo()
	old := mustCreate(b, w, podManifest).(*corev1.Pod)
	next := api.Shallow(old)
	next.Status.Phase = corev1.PodRunning
	ctx := w.context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := For(api.Pods).Update(ctx, "status", old, next); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBindPod(b *testing.B) {
	w := demo()
	old := mustCreate(b, w, podManifest)
	bind := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "n"}}
	ctx := w.context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Bind(ctx, old, bind); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenewLease(b *testing.B) {
	w := demo()
	old := mustCreate(b, w, "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: l}\nspec: {holderIdentity: node, leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z'}\n")
	next := old.DeepCopyObject().(api.Object)
	api.Meta(next).Labels = map[string]string{"a": "b"}
	ctx := w.context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := For(api.Leases).Update(ctx, "", old, next); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateEvent(b *testing.B) {
	w := demo()
	ev := mustCreate(b, w, "apiVersion: v1\nkind: Event\nmetadata: {name: e}\ninvolvedObject: {kind: Pod, namespace: demo, name: p}\nreason: R\ntype: Normal\nmessage: hello\n").(*corev1.Event).DeepCopy()
	ev.ResourceVersion = ""
	ctx := w.context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := For(api.Events).Create(ctx, "demo", ev); err != nil {
			b.Fatal(err)
		}
	}
}
