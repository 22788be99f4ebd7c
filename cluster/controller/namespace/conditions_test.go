package namespace

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func lines(all []corev1.NamespaceCondition) []string {
	var out []string
	for _, c := range all {
		out = append(out, string(c.Type)+"="+string(c.Status)+" | "+c.Reason+" | "+c.Message)
	}
	return out
}

func TestConditionsOfADeletionThatGoesWell(t *testing.T) {
	got, changed := withConditions(nil, newRemains().problems(true), metav1.Unix(1, 0))
	want := []string{
		"NamespaceDeletionDiscoveryFailure=False | ResourcesDiscovered | All resources successfully discovered",
		"NamespaceDeletionGroupVersionParsingFailure=False | ParsedGroupVersions | All legacy kube types successfully parsed",
		"NamespaceDeletionContentFailure=False | ContentDeleted | All content successfully deleted, may be waiting on finalization",
		"NamespaceContentRemaining=False | ContentRemoved | All content successfully removed",
		"NamespaceFinalizersRemaining=False | ContentHasNoFinalizers | All content-preserving finalizers finished",
	}
	if diff := cmp.Diff(want, lines(got)); diff != "" || !changed {
		t.Error(diff)
	}
	if _, changed := withConditions(got, nil, metav1.Unix(2, 0)); changed {
		t.Error("nothing differs")
	}
}

func TestWhatRemainsIsSaid(t *testing.T) {
	r := newRemains()
	r.resources[api.Pods], r.resources[api.Deployments] = 2, 1
	r.finalizers["example.com/hold"] = 3
	r.failures = []error{errors.New("b"), errors.New("a")}
	got, _ := withConditions(nil, r.problems(true), metav1.Unix(1, 0))
	want := []string{
		"NamespaceDeletionContentFailure=True | ContentDeletionFailed | Failed to delete all resource types, 2 remaining: a, b",
		"NamespaceContentRemaining=True | SomeResourcesRemain | Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances",
		"NamespaceFinalizersRemaining=True | SomeFinalizersRemain | Some content in the namespace has finalizers remaining: example.com/hold in 3 resource instances",
	}
	if diff := cmp.Diff(want, lines(got)[2:]); diff != "" {
		t.Error(diff)
	}
	pods, _ := withConditions(nil, r.problems(false), metav1.Unix(1, 0))
	if pods[3].Status != corev1.ConditionFalse {
		t.Error("while only pods remain, upstream says nothing of them")
	}
	again, changed := withConditions(got, nil, metav1.Unix(9, 0))
	if !changed || !again[2].LastTransitionTime.Equal(&metav1.Time{Time: metav1.Unix(9, 0).Time}) || !again[0].LastTransitionTime.Equal(&got[0].LastTransitionTime) {
		t.Error("only what changed its status gets a new time")
	}
}
