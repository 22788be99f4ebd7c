package api

import (
	"bytes"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/rand"

	"pgregory.net/rapid"
)

// TestSizeIsThatOfTheStorageEncoding encodes objects as upstream stores them and counts.
func TestSizeIsThatOfTheStorageEncoding(t *testing.T) {
	s := protobuf.NewSerializer(Scheme, Scheme)
	for _, r := range Resources() {
		obj := r.New()
		m := Meta(obj)
		m.Name, m.Namespace = "name", "namespace"
		m.Labels = map[string]string{"app": "web"}
		if pod, ok := obj.(*corev1.Pod); ok {
			pod.Spec.Containers = make([]corev1.Container, 40) // long enough for two length bytes
		}
		var b bytes.Buffer
		typed := obj.DeepCopyObject()
		typed.GetObjectKind().SetGroupVersionKind(r.GroupVersionKind())
		if err := s.Encode(typed, &b); err != nil {
			t.Fatal(err)
		}
		if got := SizeOf(obj); got != b.Len() {
			t.Errorf("SizeOf(%s) = %d, encoded %d", r, got, b.Len())
		}
	}
}

func TestNamesAreFoundAsKubectlFindsThem(t *testing.T) {
	for name, want := range map[string]*Resource{
		"po": Pods, "pod": Pods, "Pods": Pods, "deploy": Deployments, "deployments.apps": Deployments, "deployment.v1.apps": Deployments,
		"events": Events, "ev": Events, "events.events.k8s.io": EventsV1, "svc": Services, "pvc": PersistentVolumeClaims, "hpa": HorizontalPodAutoscalers,
		"widgets": nil,
	} {
		if got := ForName(name); got != want {
			t.Errorf("ForName(%q) = %v, want %v", name, got, want)
		}
	}
	if ForKind("apps/v1", "Deployment") != Deployments || ForKind("v1", "Deployment") != nil {
		t.Error("ForKind")
	}
}

func TestRequestsRenderAsURLs(t *testing.T) {
	for want, r := range map[string]*Request{
		"/api/v1/nodes/n":                                                           {Verb: VerbGet, Resource: Nodes, Name: "n"},
		"/api/v1/namespaces/demo":                                                   {Verb: VerbDelete, Resource: Namespaces, Name: "demo"},
		"/api/v1/namespaces/demo/pods":                                              {Verb: VerbCreate, Resource: Pods, Namespace: "demo", Name: "p"},
		"/api/v1/namespaces/demo/pods/p/binding":                                    {Verb: VerbCreate, Resource: Pods, Namespace: "demo", Name: "p", Subresource: "binding"},
		"/apis/apps/v1/namespaces/demo/deployments/d/scale":                         {Verb: VerbPatch, Resource: Deployments, Namespace: "demo", Name: "d", Subresource: "scale"},
		"/api/v1/pods?fieldSelector=spec.nodeName%3Dn&resourceVersion=5&watch=true": {Verb: VerbWatch, Resource: Pods, FieldSelector: ByField("spec.nodeName", "n"), ResourceVersion: "5"},
	} {
		if got := Path(r); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestSafeEncodeIsUpstreams(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.StringMatching(`[ -~]*`).Draw(rt, "s") // ASCII: upstream mistakes runes for positions beyond it
		if got, want := SafeEncode(s), rand.SafeEncodeString(s); got != want {
			rt.Fatalf("SafeEncode(%q) = %q, want %q", s, got, want)
		}
	})
}

func TestGeneratedNamesFit(t *testing.T) {
	long := "a-name-that-is-very-much-longer-than-any-name-of-a-pod-may-be-in-a-cluster-"
	for base, want := range map[string]int{"web-": 9, long: 63} {
		if got := GenerateName(base, Suffix(12345)); len(got) != want {
			t.Errorf("GenerateName(%q) = %q: %d characters, want %d", base, got, len(got), want)
		}
	}
}

func TestShallowCopySharesWhatIsBehindPointers(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{"a": "b"}}}
	pod.Spec.Containers = []corev1.Container{{Name: "c"}}
	c := ShallowCopy(pod).(*corev1.Pod)
	c.Name, c.Labels = "q", With(c.Labels, "a", "c")
	if pod.Name != "p" || pod.Labels["a"] != "b" || &c.Spec.Containers[0] != &pod.Spec.Containers[0] {
		t.Errorf("original %v, copy %v", pod, c)
	}
	for _, r := range Resources() {
		if got := ResourceOf(ShallowCopy(r.New())); got != r {
			t.Errorf("copy of %s is %v", r, got)
		}
	}
}

func TestAppendNeverWritesIntoSpareCapacity(t *testing.T) {
	shared := make([]int, 1, 4)
	a, b := Append(shared, 1), Append(shared, 2)
	if a[1] != 1 || b[1] != 2 || len(Remove(a, 0)) != 1 || a[0] != 0 {
		t.Errorf("%v %v", a, b)
	}
}

func TestConditionKeepsItsTransitionTime(t *testing.T) {
	at := func(s int) metav1.Time { return Time(time.Date(2026, 1, 1, 0, 0, s, 5, time.UTC)) }
	ready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue}
	list, changed := WithPodCondition(nil, ready, at(1))
	if !changed || list[0].LastTransitionTime != at(1) {
		t.Fatalf("added: %v %v", list, changed)
	}
	if _, changed = WithPodCondition(list, ready, at(2)); changed {
		t.Error("the same condition counts as a change")
	}
	ready.Reason = "because"
	if next, changed := WithPodCondition(list, ready, at(2)); !changed || next[0].LastTransitionTime != at(1) || list[0].Reason != "" {
		t.Errorf("new reason: %v %v", next, changed)
	}
	ready.Status = corev1.ConditionFalse
	if next, _ := WithPodCondition(list, ready, at(3)); next[0].LastTransitionTime != at(3) {
		t.Errorf("new status: %v", next)
	}
}

func TestSameBitsMeansEqual(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a"}}, NodeName: "n"}}
	same := Shallow(pod)
	if !SameBits(&pod.Spec, &same.Spec) || !Shared(pod.Spec.Containers, same.Spec.Containers) {
		t.Error("a shallow copy differs")
	}
	other := pod.DeepCopy()
	if SameBits(&pod.Spec, &other.Spec) || Shared(pod.Spec.Containers, other.Spec.Containers) {
		t.Error("a deep copy shares what it points to")
	}
	same.Spec.NodeName = "m"
	if SameBits(&pod.Spec, &same.Spec) {
		t.Error("a change went unseen")
	}
}
