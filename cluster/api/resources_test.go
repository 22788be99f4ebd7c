package api

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

type replicaSet = appsv1.ReplicaSet

func hasSuffix(uri, suffix string) bool {
	path, _, _ := strings.Cut(uri, "?")
	return strings.HasSuffix(path, suffix)
}

func TestResourceTableKnowsItsTypes(t *testing.T) {
	for _, r := range Resources() {
		if got := ResourceOf(r.New()); got != r {
			t.Errorf("ResourceOf(%s) = %v", r, got)
		}
		if got, _, err := Scheme.ObjectKinds(r.New()); err != nil || got[0] != r.GroupVersionKind() {
			t.Errorf("%s: scheme says %v, %v", r, got, err)
		}
	}
}
