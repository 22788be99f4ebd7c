package registry

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// namespaceLifecycle lets objects be created only in a namespace that exists and is not on its way out.
func namespaceLifecycle(ctx *Context, req *attributes) error {
	if req.old != nil || !req.entry.Resource.Namespaced {
		return nil
	}
	ns, _ := ctx.Lookup.Get(api.Namespaces, "", req.namespace).(*corev1.Namespace)
	if ns == nil {
		return apierrors.NewNotFound(corev1.Resource("namespaces"), req.namespace)
	}
	if ns.Status.Phase != corev1.NamespaceTerminating {
		return nil
	}
	err := forbidden(req, fmt.Errorf("unable to create new content in namespace %s because it is being terminated", req.namespace))
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace",
		Message: fmt.Sprintf("namespace %s is being terminated", req.namespace),
	})
	return err
}

// forbidden is how an admission plugin refuses.
func forbidden(req *attributes, err error) *apierrors.StatusError {
	return apierrors.NewForbidden(req.entry.Resource.GroupResource(), api.Meta(req.obj).Name, err)
}
