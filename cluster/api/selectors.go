package api

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// Selector converts the selector of an object's spec. nil selects nothing and the empty one selects everything, as
// metav1.LabelSelectorAsSelector has it. Validation admits no selector that fails to convert, so failing is a bug.
func Selector(s *metav1.LabelSelector) labels.Selector {
	sel, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		panic(fmt.Sprintf("api: stored label selector does not convert: %v", err))
	}
	return sel
}

// SelectorOf selects the objects that carry every label of set; the empty set selects everything.
func SelectorOf(set map[string]string) labels.Selector {
	return labels.SelectorFromSet(set)
}

// MatchesSet reports whether has carries every pair of want, which is what a Service's selector asks. An empty want
// matches everything; callers for which an empty selector selects nothing check that first.
func MatchesSet(want, has map[string]string) bool {
	if len(want) > len(has) {
		return false
	}
	for k, v := range want { //sim:unordered every pair must hold
		if got, ok := has[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// ByField selects objects whose selectable field has the value.
func ByField(field, value string) fields.Selector {
	return fields.OneTermEqualSelector(field, value)
}
