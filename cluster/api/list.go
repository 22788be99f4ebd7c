package api

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Items converts a generic list of objects to their type. An item of another type is a bug and panics.
func Items[T Object](objects []Object) []T {
	out := make([]T, len(objects))
	for i, o := range objects {
		out[i] = o.(T)
	}
	return out
}

// Generic converts typed objects to a generic list.
func Generic[T Object](objects []T) []Object {
	out := make([]Object, len(objects))
	for i, o := range objects {
		out[i] = o
	}
	return out
}

// TypedList builds the typed list (*corev1.PodList, ...) that a client outside the simulation receives. It copies every
// item's struct, so it is for the edges only.
func TypedList(r *Resource, l *List) runtime.Object {
	items := make([]runtime.Object, len(l.Items))
	for i, o := range l.Items {
		items[i] = o
	}
	typed := r.newList()
	if err := meta.SetList(typed, items); err != nil {
		panic(fmt.Sprintf("api: list of %s: %v", r, err))
	}
	m := typed.(metav1.ListMetaAccessor).GetListMeta()
	m.SetResourceVersion(l.ResourceVersion)
	m.SetContinue(l.Continue)
	m.SetRemainingItemCount(l.RemainingItemCount)
	return typed
}
