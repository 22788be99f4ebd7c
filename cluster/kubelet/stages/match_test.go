package stages

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

var words = rapid.SampledFrom([]string{"", "a", "True", "False", "Running", "Pending", "Job", "x-1"})

func anyPod(t *rapid.T) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Name, pod.Namespace = "p", words.Draw(t, "namespace")
	pod.Labels = rapid.MapOf(rapid.SampledFrom([]string{"fail", "hang", "app"}), words).Draw(t, "labels")
	pod.Annotations = rapid.MapOf(rapid.SampledFrom([]string{"k/a", "weight"}), words).Draw(t, "annotations")
	if rapid.Bool().Draw(t, "deleted") {
		at := metav1.Unix(1_780_000_000, 0)
		pod.DeletionTimestamp = &at
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "owners") {
		pod.OwnerReferences = append(pod.OwnerReferences, metav1.OwnerReference{Kind: words.Draw(t, "kind"), Name: fmt.Sprint("o", i)})
	}
	pod.Status.Phase = corev1.PodPhase(words.Draw(t, "phase"))
	pod.Status.PodIP, pod.Spec.NodeName = words.Draw(t, "ip"), words.Draw(t, "node")
	for range rapid.IntRange(0, 3).Draw(t, "conditions") {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
			Type:   rapid.SampledFrom([]corev1.PodConditionType{"Ready", "Initialized"}).Draw(t, "type"),
			Status: corev1.ConditionStatus(words.Draw(t, "status")), Reason: words.Draw(t, "reason"),
		})
	}
	return pod
}

var directQueries = []string{
	".metadata.deletionTimestamp", ".status.phase", ".status.podIP", ".spec.nodeName", ".metadata.name", ".metadata.namespace",
	".metadata.labels.fail", `.metadata.labels["hang"]`, `.metadata.annotations["k/a"]`, ".metadata.annotations.weight",
	`.status.conditions.[] | select( .type == "Ready" ) | .status`, `.status.conditions[] | select(.type == "Initialized") | .reason`,
	".metadata.ownerReferences.[].kind", ".metadata.ownerReferences[].name",
}

func TestDirectQueriesFindWhatJQFinds(t *testing.T) {
	for _, text := range directQueries {
		q, err := newQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		if q.direct == nil {
			t.Fatalf("%s is not read directly", text)
		}
		rapid.Check(t, func(t *rapid.T) {
			s := &Subject{Object: anyPod(t)}
			if got, want := fmt.Sprint(q.values(s)), fmt.Sprint(q.generalValues(s)); got != want {
				t.Fatalf("%s: %s, jq finds %s", text, got, want)
			}
		})
	}
}

func TestRequirementsDecideAlikeBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &MatchExpression{
			Key:      rapid.SampledFrom(directQueries).Draw(t, "query"),
			Operator: rapid.SampledFrom([]Operator{In, NotIn, Exists, DoesNotExist}).Draw(t, "operator"),
		}
		if e.Operator == In || e.Operator == NotIn {
			e.Values = rapid.SliceOfN(words, 1, 2).Draw(t, "values")
		}
		r, err := newRequirement(e)
		if err != nil {
			t.Fatal(err)
		}
		s := &Subject{Object: anyPod(t)}
		direct := r.matches(s)
		r.query.direct = nil
		if general := r.matches(s); direct != general {
			t.Fatalf("%+v: direct %v, jq %v", e, direct, general)
		}
	})
}

func stage(t *testing.T, body string) *Compiled {
	t.Helper()
	set, err := Load([]byte("apiVersion: kwok.x-k8s.io/v1alpha1\nkind: Stage\nmetadata: {name: s}\nspec:\n  resourceRef: {apiGroup: v1, kind: Pod}\n  selector: {}\n" + body))
	if err != nil {
		t.Fatal(err)
	}
	return set.Pods[0]
}

func TestDelayComesFromDurationJitterAndQueries(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	half := func(n int64) int64 { return n / 2 }
	annotated := func(v string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"d": v}}}
	}
	from := "  delay: {durationMilliseconds: 1000, durationFrom: {expressionFrom: '.metadata.annotations[\"d\"]'}}\n"
	for _, c := range []struct {
		name, body string
		pod        *corev1.Pod
		want       time.Duration
	}{
		{"none", "", &corev1.Pod{}, 0},
		{"fixed", "  delay: {durationMilliseconds: 1500}\n", &corev1.Pod{}, 1500 * time.Millisecond},
		{"jitter", "  delay: {durationMilliseconds: 1000, jitterDurationMilliseconds: 3000}\n", &corev1.Pod{}, 2 * time.Second},
		{"jitter below duration wins", "  delay: {durationMilliseconds: 1000, jitterDurationMilliseconds: 400}\n", &corev1.Pod{}, 400 * time.Millisecond},
		{"query finds nothing", from, &corev1.Pod{}, time.Second},
		{"query finds a duration", from, annotated("7s"), 7 * time.Second},
		{"query finds a time", from, annotated("2026-01-01T00:01:00Z"), time.Minute},
		{"query finds nonsense", from, annotated("soon"), time.Second},
		{"query finds an empty string", from, annotated(""), 0},
	} {
		if got := stage(t, c.body).Delay(&Subject{Object: c.pod}, now, half); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWeightsDecideBetweenMatches(t *testing.T) {
	mk := func(name string, weight int64) *Compiled { return &Compiled{Name: name, weight: weight} }
	l := Lifecycle{mk("a", 1), mk("zero", 0), mk("b", 3)}
	s := &Subject{Object: &corev1.Pod{}}
	got := map[string]int{}
	for i := range int64(4) {
		got[l.Match(s, func(n int64) int64 {
			if n != 4 {
				t.Fatalf("drew of %d, want the sum of weights 4", n)
			}
			return i
		}).Name]++
	}
	if got["a"] != 1 || got["b"] != 3 || got["zero"] != 0 {
		t.Errorf("picked %v", got)
	}
	even := Lifecycle{mk("a", 0), mk("b", 0)}
	if name := even.Match(s, func(n int64) int64 { return n - 1 }).Name; name != "b" {
		t.Errorf("all weights 0: picked %s, want b", name)
	}
}

func TestFinalizersBecomeJSONPatches(t *testing.T) {
	f := func(v ...string) []Finalizer {
		var out []Finalizer
		for _, x := range v {
			out = append(out, Finalizer{Value: x})
		}
		return out
	}
	for _, c := range []struct {
		has  []string
		f    Finalizers
		want string
	}{
		{nil, Finalizers{Add: f("a")}, `[{"op":"add","path":"/metadata/finalizers","value":["a"]}]`},
		{[]string{"a"}, Finalizers{Add: f("a", "b")}, `[{"op":"add","path":"/metadata/finalizers/-","value":"b"}]`},
		{[]string{"a", "b", "c"}, Finalizers{Remove: f("a", "c")}, `[{"op":"remove","path":"/metadata/finalizers/2"},{"op":"remove","path":"/metadata/finalizers/0"}]`},
		{[]string{"a"}, Finalizers{Remove: f("a")}, `[{"op":"remove","path":"/metadata/finalizers"}]`},
		{[]string{"a"}, Finalizers{Empty: true}, `[{"op":"remove","path":"/metadata/finalizers"}]`},
		{nil, Finalizers{Empty: true}, ""},
	} {
		got := ""
		if p := FinalizersPatch(c.has, &c.f); p != nil {
			got = string(p.Data)
		}
		if got != c.want {
			t.Errorf("%v %+v: %s, want %s", c.has, c.f, got, c.want)
		}
	}
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	doc := func(kind, spec string) string {
		return "apiVersion: kwok.x-k8s.io/v1alpha1\nkind: " + kind + "\nmetadata: {name: s}\nspec: " + spec + "\n"
	}
	for _, c := range []struct{ data, want string }{
		{doc("Stag", "{}"), "want kwok.x-k8s.io/v1alpha1 Stage"},
		{doc("Stage", "{resourceRef: {kind: Pod}, typo: 1}"), "typo"},
		{doc("Stage", "{resourceRef: {apiGroup: v1, kind: Service}, selector: {}}"), "stages for Service are not supported"},
		{doc("Stage", "{resourceRef: {kind: Pod}, selector: {matchExpressions: [{key: '.a[', operator: Exists}]}}"), "query"},
		{doc("Stage", "{resourceRef: {kind: Pod}, selector: {matchExpressions: [{key: '.a', operator: In}]}}"), "needs values"},
		{doc("Stage", "{resourceRef: {kind: Pod}, selector: {}, next: {statusTemplate: '{{ Nope }}'}}"), "Nope"},
	} {
		if _, err := Load([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.data, err, c.want)
		}
	}
}

func BenchmarkMatchAndRenderPod(b *testing.B) {
	set := load(b, "fast.yaml")
	r := recordings(b)[0]
	obj := r.object(b)
	renderer := NewRenderer(r.env(b))
	b.ReportAllocs()
	for b.Loop() {
		c := set.Pods.Match(&Subject{Object: obj}, noDraw)
		body, err := renderer.Compute(c.Steps[0].Patch, obj)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := body.Apply(obj); err != nil {
			b.Fatal(err)
		}
	}
	_ = api.Pods
}

func TestListsMergeAsStrategicPatchesDo(t *testing.T) {
	type set struct {
		Conditions []corev1.PodCondition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	}
	draw := func(t *rapid.T, label string) []corev1.PodCondition {
		var out []corev1.PodCondition
		for _, x := range rapid.Permutation([]string{"A", "B", "C", "D", "E"}).Draw(t, label)[:rapid.IntRange(0, 5).Draw(t, label+" length")] {
			out = append(out, corev1.PodCondition{Type: corev1.PodConditionType(x), Status: corev1.ConditionStatus(label)})
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		own, patch := draw(t, "own"), draw(t, "patch")
		original, _ := json.Marshal(set{own})
		body, _ := json.Marshal(set{patch})
		merged, err := strategicpatch.StrategicMergePatch(original, body, set{})
		if err != nil {
			t.Fatal(err)
		}
		var normal set
		if err := json.Unmarshal(merged, &normal); err != nil {
			t.Fatal(err)
		}
		merged, _ = json.Marshal(normal)
		got, _ := json.Marshal(set{mergeList(own, patch,
			func(a, b *corev1.PodCondition) bool { return a.Type == b.Type },
			func(_, patched corev1.PodCondition) corev1.PodCondition { return patched })})
		if string(got) != string(merged) {
			t.Fatalf("own %s patch %s:\n got %s\nwant %s", original, body, got, merged)
		}
	})
}
