package namespace

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// remains is what is left of a namespace's content.
type remains struct {
	resources  map[*api.Resource]int
	finalizers map[string]int
	failures   []error
	// estimate is in how many seconds the rest may be gone; 0 says nothing.
	estimate int64
}

func newRemains() *remains {
	return &remains{resources: make(map[*api.Resource]int), finalizers: make(map[string]int)}
}

// fine are the conditions of a namespace whose deletion goes well, in the order in which they are written.
var fine = []corev1.NamespaceCondition{
	{Type: corev1.NamespaceDeletionDiscoveryFailure, Reason: "ResourcesDiscovered", Message: "All resources successfully discovered"},
	{Type: corev1.NamespaceDeletionGVParsingFailure, Reason: "ParsedGroupVersions", Message: "All legacy kube types successfully parsed"},
	{Type: corev1.NamespaceDeletionContentFailure, Reason: "ContentDeleted", Message: "All content successfully deleted, may be waiting on finalization"},
	{Type: corev1.NamespaceContentRemaining, Reason: "ContentRemoved", Message: "All content successfully removed"},
	{Type: corev1.NamespaceFinalizersRemaining, Reason: "ContentHasNoFinalizers", Message: "All content-preserving finalizers finished"},
}

// problems are the conditions that the remains give rise to. While only pods are left upstream says nothing of what
// remains; totals tells which case it is.
func (r *remains) problems(totals bool) map[corev1.NamespaceConditionType]corev1.NamespaceCondition {
	out := make(map[corev1.NamespaceConditionType]corev1.NamespaceCondition)
	report := func(t corev1.NamespaceConditionType, reason, message string) {
		out[t] = corev1.NamespaceCondition{Type: t, Status: corev1.ConditionTrue, Reason: reason, Message: message}
	}
	if len(r.failures) > 0 {
		var messages []string
		for _, err := range r.failures {
			messages = append(messages, err.Error())
		}
		slices.Sort(messages)
		report(corev1.NamespaceDeletionContentFailure, "ContentDeletionFailed", fmt.Sprintf(
			"Failed to delete all resource types, %d remaining: %v", len(messages), strings.Join(messages, ", ")))
	}
	if !totals {
		return out
	}
	if len(r.resources) > 0 {
		report(corev1.NamespaceContentRemaining, "SomeResourcesRemain",
			"Some resources are remaining: "+strings.Join(r.describeResources(), ", "))
	}
	if len(r.finalizers) > 0 {
		report(corev1.NamespaceFinalizersRemaining, "SomeFinalizersRemain",
			"Some content in the namespace has finalizers remaining: "+strings.Join(r.describeFinalizers(), ", "))
	}
	return out
}

func (r *remains) describeResources() []string {
	var out []string
	for kind, n := range r.resources { //sim:unordered sorted below
		out = append(out, fmt.Sprintf("%s.%s has %d resource instances", kind.Name, kind.Group, n))
	}
	slices.Sort(out)
	return out
}

func (r *remains) describeFinalizers() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.finalizers)) {
		out = append(out, fmt.Sprintf("%s in %d resource instances", name, r.finalizers[name]))
	}
	slices.Sort(out)
	return out
}

// withConditions returns the conditions brought up to date with the problems, and whether that changed anything.
func withConditions(old []corev1.NamespaceCondition, problems map[corev1.NamespaceConditionType]corev1.NamespaceCondition, now metav1.Time) ([]corev1.NamespaceCondition, bool) {
	next, changed := slices.Clone(old), false
	for _, want := range fine {
		want.Status = corev1.ConditionFalse
		if p, bad := problems[want.Type]; bad {
			want = p
		}
		want.LastTransitionTime = now
		i := slices.IndexFunc(next, func(c corev1.NamespaceCondition) bool { return c.Type == want.Type })
		if i < 0 {
			next, changed = append(next, want), true
			continue
		}
		if next[i].Status == want.Status {
			want.LastTransitionTime = next[i].LastTransitionTime
		}
		if next[i].Status != want.Status || next[i].Reason != want.Reason || next[i].Message != want.Message {
			next[i], changed = want, true
		}
	}
	return next, changed
}
