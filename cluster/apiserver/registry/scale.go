package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var scaleKind = autoscalingv1.SchemeGroupVersion.WithKind("Scale")

// scaling says where a kind keeps what its scale subresource shows.
type scaling struct {
	read  func(obj api.Object) (wanted, have int32, selector *metav1.LabelSelector)
	write func(obj api.Object, replicas int32) // obj is a shallow copy
}

// GetScale shows the scale of a stored object.
func (e *Entry) GetScale(obj api.Object) (*autoscalingv1.Scale, error) {
	if e.Scale == nil {
		return nil, apierrors.NewGenericServerResponse(404, "get", e.Resource.GroupResource(), "", "", 0, true)
	}
	m := api.Meta(obj)
	wanted, have, selector := e.Scale.read(obj)
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{
			Name: m.Name, Namespace: m.Namespace, UID: m.UID,
			ResourceVersion: m.ResourceVersion, CreationTimestamp: m.CreationTimestamp,
		},
		Spec:   autoscalingv1.ScaleSpec{Replicas: wanted},
		Status: autoscalingv1.ScaleStatus{Replicas: have, Selector: api.Selector(selector).String()},
	}, nil
}

// UpdateScale decides on a new number of replicas. The outcome's Response is the Scale as it will be, but for its
// resource version, which the server fills in.
func (e *Entry) UpdateScale(ctx *Context, old api.Object, scale *autoscalingv1.Scale) (Outcome, error) {
	if _, err := e.GetScale(old); err != nil {
		return Outcome{}, err
	}
	if errs := validateScale(scale); len(errs) > 0 {
		gk := schema.GroupKind{Group: scaleKind.Group, Kind: scaleKind.Kind}
		return Outcome{}, apierrors.NewInvalid(gk, scale.Name, errs)
	}
	obj := api.ShallowCopy(old)
	m := api.Meta(obj)
	m.ResourceVersion = scale.ResourceVersion
	if scale.UID != "" {
		m.UID = scale.UID
	}
	e.Scale.write(obj, scale.Spec.Replicas)
	out, err := e.Update(ctx, "", old, obj)
	if err != nil {
		return Outcome{}, err
	}
	shown, err := e.GetScale(out.Object)
	if err != nil {
		return Outcome{}, err
	}
	out.Response = shown
	return out, nil
}

func validateScale(s *autoscalingv1.Scale) field.ErrorList {
	if s.Spec.Replicas < 0 {
		return field.ErrorList{field.Invalid(field.NewPath("spec", "replicas"), s.Spec.Replicas, "must be greater than or equal to 0")}
	}
	return nil
}

func (e *Entry) patchScale(ctx *Context, old api.Object, body *api.PatchBody) (Outcome, error) {
	scale, err := e.GetScale(old)
	if err != nil {
		return Outcome{}, err
	}
	patched, err := e.ApplyPatch(scale, body)
	if err != nil {
		return Outcome{}, err
	}
	return e.UpdateScale(ctx, old, patched.(*autoscalingv1.Scale))
}
