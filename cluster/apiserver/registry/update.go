package registry

import (
	"errors"
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// errModified is what a client reads who updates from a stale copy.
var errModified = errors.New("the object has been modified; please apply your changes to the latest version and try again")

// Update decides on a new state of the stored object old. subresource is "", "status", or "finalize" for namespaces.
// obj is the body, which stays as it is.
func (e *Entry) Update(ctx *Context, subresource string, old, obj api.Object) (Outcome, error) {
	if err := e.checkSubresource(subresource); err != nil {
		return Outcome{}, err
	}
	if subresource == "status" {
		obj = api.ShallowCopy(obj) // its spec is replaced by the stored one
	} else {
		obj = e.copy(obj)
	}
	old = e.Present(old)
	if err := e.checkPreconditions(api.Meta(obj), api.Meta(old)); err != nil {
		return Outcome{}, err
	}
	if e.defaults != nil && subresource == "" {
		e.defaults(obj)
	}
	keepMeta(api.Meta(obj), api.Meta(old))
	req := &attributes{entry: e, subresource: subresource, namespace: api.Meta(old).Namespace, obj: obj, old: old}
	if err := run(ctx, e.admit, req); err != nil {
		return Outcome{}, err
	}
	e.prepare(ctx, subresource, obj, old)
	if err := e.checkUpdate(ctx, subresource, obj, old); err != nil {
		return Outcome{}, err
	}
	if err := run(ctx, e.refuse, req); err != nil {
		return Outcome{}, err
	}
	return e.settle(obj, old, req), nil
}

func (e *Entry) checkSubresource(subresource string) error {
	switch subresource {
	case "":
		return nil
	case "ephemeralcontainers", "resize":
		if e.Resource == api.Pods {
			return nil
		}
	case "status":
		if e.Status {
			return nil
		}
	case "finalize":
		if e.Resource == api.Namespaces {
			return nil
		}
	}
	return apierrors.NewGenericServerResponse(404, "", e.Resource.GroupResource(), "", "", 0, true)
}

// checkPreconditions compares what the body says about the object's identity with what is stored.
func (e *Entry) checkPreconditions(m, old *metav1.ObjectMeta) error {
	if m.Name != "" && m.Name != old.Name {
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", m.Name, old.Name))
	}
	if m.Namespace != "" && m.Namespace != old.Namespace {
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	if m.UID != "" && m.UID != old.UID {
		return conflict(e.Resource, old.Name, fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", m.UID, old.UID))
	}
	switch {
	case m.ResourceVersion == old.ResourceVersion:
		return nil
	case m.ResourceVersion != "" && m.ResourceVersion != "0":
		return conflict(e.Resource, old.Name, errModified)
	case e.conditionalOnly:
		return apierrors.NewInvalid(e.Resource.GroupKind(), old.Name, field.ErrorList{
			field.Invalid(field.NewPath("metadata", "resourceVersion"), m.ResourceVersion, "must be specified for an update")})
	}
	return nil
}

// keepMeta gives the new state what a client may leave out and may not change.
func keepMeta(m, old *metav1.ObjectMeta) {
	m.Name, m.Namespace = old.Name, old.Namespace
	m.ResourceVersion, m.UID = old.ResourceVersion, old.UID
	m.CreationTimestamp = old.CreationTimestamp
	m.Generation = old.Generation
	m.SelfLink, m.ManagedFields = "", nil
	if old.DeletionTimestamp != nil {
		m.DeletionTimestamp = old.DeletionTimestamp
	}
	if old.DeletionGracePeriodSeconds != nil && m.DeletionGracePeriodSeconds == nil {
		m.DeletionGracePeriodSeconds = old.DeletionGracePeriodSeconds
	}
}

func (e *Entry) prepare(ctx *Context, subresource string, obj, old api.Object) {
	switch {
	case subresource == "status":
		e.prepareStatus(ctx, obj, old)
		keepMeta(api.Meta(obj), api.Meta(old))
	case subresource == "finalize":
		prepareFinalize(obj, old)
	case subresource == "ephemeralcontainers":
		prepareEphemeral(obj.(*corev1.Pod), old.(*corev1.Pod))
	case subresource == "resize":
		prepareResize(obj.(*corev1.Pod), old.(*corev1.Pod))
	case e.prepareUpdate != nil:
		e.prepareUpdate(ctx, obj, old)
	}
}

func (e *Entry) checkUpdate(ctx *Context, subresource string, obj, old api.Object) error {
	errs := validateMetaUpdate(api.Meta(obj), api.Meta(old))
	switch subresource {
	case "status":
		if e.updateStatus != nil {
			errs = append(errs, e.updateStatus(obj, old)...)
		}
	case "resize":
		errs = append(errs, validateResize(obj.(*corev1.Pod), old.(*corev1.Pod))...)
	case "":
		if e.allocate != nil {
			errs = append(errs, e.allocate(ctx, obj, old)...)
		}
		if e.validate != nil {
			errs = append(errs, e.validate(obj)...)
		}
		if e.update != nil {
			errs = append(errs, e.update(obj, old)...)
		}
	}
	if len(errs) > 0 {
		return apierrors.NewInvalid(e.Resource.GroupKind(), api.Meta(old).Name, errs)
	}
	return nil
}

// settle turns an accepted new state into an action: an object that was only waiting for its finalizers goes, and one
// that encodes like the stored one is not written.
func (e *Entry) settle(obj, old api.Object, req *attributes) Outcome {
	if e.maySweep(obj, old) {
		return Outcome{Action: Remove, Object: e.store(obj), Before: req.before}
	}
	if unchanged(req.subresource, obj, old) {
		return Outcome{Action: Nothing, Object: e.store(old)}
	}
	return Outcome{Action: Write, Object: e.store(obj), Before: req.before}
}

// unchanged compares encodings. For the most frequent writes, those of status, the spec is known to be the stored one.
func unchanged(subresource string, obj, old api.Object) bool {
	if subresource == "status" {
		switch o := obj.(type) {
		case *corev1.Pod:
			was := old.(*corev1.Pod)
			return api.Equal(&o.Status, &was.Status) && api.Equal(&o.ObjectMeta, &was.ObjectMeta)
		case *corev1.Node:
			was := old.(*corev1.Node)
			return api.Equal(&o.Status, &was.Status) && api.Equal(&o.ObjectMeta, &was.ObjectMeta)
		}
	}
	if o, ok := obj.(*coordinationv1.Lease); ok && renewed(o, old.(*coordinationv1.Lease)) {
		return false
	}
	return api.EqualObjects(obj, old)
}

// renewed reports whether a lease's time has moved on, by as much as its encoding shows: what nearly all updates do.
func renewed(l, old *coordinationv1.Lease) bool {
	a, b := l.Spec.RenewTime, old.Spec.RenewTime
	return a != nil && b != nil && a.UnixMicro() != b.UnixMicro()
}

func (e *Entry) maySweep(obj, old api.Object) bool {
	m, o := api.Meta(obj), api.Meta(old)
	if len(m.Finalizers) > 0 {
		return false
	}
	if e.emptied != nil {
		return o.DeletionTimestamp != nil && e.emptied(obj)
	}
	return o.DeletionGracePeriodSeconds != nil && *o.DeletionGracePeriodSeconds == 0
}
