package registry

import (
	"errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Create decides on a new object. namespace is the request's, obj the body, which stays as it is.
func (e *Entry) Create(ctx *Context, namespace string, obj api.Object) (Outcome, error) {
	obj = e.copy(obj)
	m := api.Meta(obj)
	if err := e.placeInNamespace(m, namespace); err != nil {
		return Outcome{}, err
	}
	if e.defaults != nil {
		e.defaults(obj)
	}
	if err := e.nameAndStamp(ctx, m); err != nil {
		return Outcome{}, err
	}
	req := &attributes{entry: e, namespace: namespace, obj: obj}
	if err := run(ctx, e.admit, req); err != nil {
		return Outcome{}, err
	}
	if e.prepareCreate != nil {
		e.prepareCreate(ctx, obj)
	}
	if err := e.checkNew(ctx, obj); err != nil {
		return Outcome{}, err
	}
	if err := run(ctx, e.refuse, req); err != nil {
		return Outcome{}, err
	}
	return Outcome{Action: Write, Object: e.store(obj), Before: req.before}, nil
}

// placeInNamespace makes the object's namespace the request's.
func (e *Entry) placeInNamespace(m *metav1.ObjectMeta, namespace string) error {
	if !e.Resource.Namespaced {
		if m.Namespace != "" {
			return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
		}
		return nil
	}
	if namespace == "" {
		return apierrors.NewBadRequest("namespace is required")
	}
	if m.Namespace == "" {
		m.Namespace = namespace
	}
	if m.Namespace != namespace {
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	return nil
}

// nameAndStamp fills what only the server may say: name from generateName, uid, creation time.
func (e *Entry) nameAndStamp(ctx *Context, m *metav1.ObjectMeta) error {
	if m.ResourceVersion != "" {
		return apierrors.NewInternalError(errors.New("resourceVersion should not be set on objects to be created"))
	}
	m.DeletionTimestamp, m.DeletionGracePeriodSeconds = nil, nil
	m.SelfLink, m.ManagedFields = "", nil
	m.Generation = 0
	m.CreationTimestamp = ctx.time()
	m.UID = ctx.UID()
	if m.Name == "" && m.GenerateName != "" {
		m.Name = api.GenerateName(m.GenerateName, api.Suffix(ctx.Random()))
	}
	return nil
}

// checkNew allocates and validates.
func (e *Entry) checkNew(ctx *Context, obj api.Object) error {
	m := api.Meta(obj)
	errs := validateMeta(m, e.Resource.Namespaced, e.name)
	if e.allocate != nil {
		errs = append(errs, e.allocate(ctx, obj, nil)...)
	}
	if e.validate != nil {
		errs = append(errs, e.validate(obj)...)
	}
	if e.validateNew != nil {
		errs = append(errs, e.validateNew(obj)...)
	}
	if len(errs) > 0 {
		return apierrors.NewInvalid(e.Resource.GroupKind(), m.Name, errs)
	}
	return nil
}

func run(ctx *Context, plugins []admission, req *attributes) error {
	for _, p := range plugins {
		if err := p(ctx, req); err != nil {
			return err
		}
	}
	return nil
}

// AlreadyExists is the error of a create whose key is taken. A generated name asks the client to try again.
func (e *Entry) AlreadyExists(obj api.Object) error {
	m := api.Meta(obj)
	if m.GenerateName != "" {
		return apierrors.NewGenerateNameConflict(e.Resource.GroupResource(), m.Name, 1)
	}
	return apierrors.NewAlreadyExists(e.Resource.GroupResource(), m.Name)
}

// NotFound is the error of a request for an object that is not there.
func (e *Entry) NotFound(name string) error {
	return apierrors.NewNotFound(e.Resource.GroupResource(), name)
}
