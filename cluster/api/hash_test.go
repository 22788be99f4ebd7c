package api

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

func TestResourceTableKnowsItsTypes(t *testing.T) {
	for _, r := range Resources() {
		if got := ResourceOf(r.New()); got != r {
			t.Errorf("ResourceOf(%s) = %v", r, got)
		}
		if got, _, err := Scheme.ObjectKinds(r.New()); err != nil || got[0] != r.GroupVersionKind() {
			t.Errorf("%s: scheme says %v, %v", r, got, err)
		}
	}
	_ = appsv1.Deployment{}
}
