package registry

import (
	"errors"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// immortal namespaces cannot be deleted (admission plugin NamespaceLifecycle).
var immortal = []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic}

func namespaceEntries() []*Entry {
	return []*Entry{{
		Resource: api.Namespaces,
		deep:     true,
		name:     labelName,
		defaults: fill(func(ns *corev1.Namespace) {
			if ns.Name == "" {
				return
			}
			ns.Labels = api.With(ns.Labels, corev1.LabelMetadataName, ns.Name)
		}),
		prepareCreate: on(prepareNamespace),
		prepareUpdate: pair(func(_ *Context, ns, old *corev1.Namespace) {
			ns.Spec.Finalizers, ns.Status = old.Spec.Finalizers, old.Status
		}),
		prepareStatus: pair(func(_ *Context, ns, old *corev1.Namespace) { ns.Spec = old.Spec }),
		emptied:       func(obj api.Object) bool { return len(obj.(*corev1.Namespace).Spec.Finalizers) == 0 },
		selectable:    []string{"status.phase"},
		value:         func(obj api.Object, _ string) string { return string(obj.(*corev1.Namespace).Status.Phase) },
		columns:       namespaceColumns,
	}}
}

func prepareNamespace(_ *Context, ns *corev1.Namespace) {
	ns.Status = corev1.NamespaceStatus{Phase: corev1.NamespaceActive}
	if ns.Labels[corev1.LabelMetadataName] != ns.Name { // the name was generated
		ns.Labels = api.With(ns.Labels, corev1.LabelMetadataName, ns.Name)
	}
	if !slices.Contains(ns.Spec.Finalizers, corev1.FinalizerKubernetes) {
		ns.Spec.Finalizers = append(ns.Spec.Finalizers, corev1.FinalizerKubernetes)
	}
}

// prepareFinalize lets the finalize subresource change spec.finalizers, and nothing else of spec and status.
func prepareFinalize(obj, old api.Object) {
	ns, was := obj.(*corev1.Namespace), old.(*corev1.Namespace)
	ns.Status = was.Status
}

// deleteNamespace handles the two phases of a namespace's end: the first delete marks it Terminating, later ones wait for
// its spec.finalizers. done is false when nothing but ordinary deletion is left.
func deleteNamespace(ctx *Context, old api.Object, opts *metav1.DeleteOptions) (out Outcome, done bool, err error) {
	ns := old.(*corev1.Namespace)
	if slices.Contains(immortal, ns.Name) {
		return out, true, apierrors.NewForbidden(api.Namespaces.GroupResource(), ns.Name, errors.New("this namespace may not be deleted"))
	}
	if ns.DeletionTimestamp == nil {
		ns = api.Shallow(ns)
		now := ctx.time()
		ns.DeletionTimestamp = &now
		ns.Status.Phase = corev1.NamespaceTerminating
		ns.Finalizers = For(api.Namespaces).collectionFinalizers(ns.Finalizers, opts)
		return Outcome{Action: Write, Object: ns}, true, nil
	}
	if len(ns.Spec.Finalizers) > 0 {
		return Outcome{Action: Nothing, Object: ns}, true, nil
	}
	return out, false, nil
}
