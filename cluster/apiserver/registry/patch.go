package registry

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
)

// maxPatchOperations bounds a JSON patch (apiserver endpoints/handlers: maxJSONPatchOperations).
const maxPatchOperations = 10000

// Patch decides on a change of the stored object old by a patch. A patch that names no resource version never conflicts:
// the server decides again when its write loses a race.
func (e *Entry) Patch(ctx *Context, subresource string, old api.Object, body *api.PatchBody) (Outcome, error) {
	if subresource == "scale" {
		return e.patchScale(ctx, old, body)
	}
	obj, err := e.ApplyPatch(e.Present(old), body)
	if err != nil {
		return Outcome{}, err
	}
	return e.Update(ctx, subresource, old, obj)
}

// ApplyPatch returns old, an object of the resource's kind or a Scale, with the patch applied. old stays as it is.
func (e *Entry) ApplyPatch(old api.Object, body *api.PatchBody) (api.Object, error) {
	if body.Apply != nil {
		return body.Apply(old)
	}
	before, err := json.Marshal(withKind(old))
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	after, err := e.patchJSON(before, old, body)
	if err != nil {
		return nil, err
	}
	return e.decodePatched(after, old)
}

// withKind returns a copy of obj that carries its apiVersion and kind, so that a patch may name them.
func withKind(obj api.Object) api.Object {
	r := api.ResourceOf(obj)
	if r == nil {
		return obj
	}
	c := api.ShallowCopy(obj)
	c.GetObjectKind().SetGroupVersionKind(r.GroupVersionKind())
	return c
}

func (e *Entry) patchJSON(before []byte, old api.Object, body *api.PatchBody) ([]byte, error) {
	switch body.Type {
	case types.JSONPatchType:
		return applyJSONPatch(before, body.Data)
	case types.MergePatchType:
		after, err := jsonpatch.MergePatch(before, body.Data)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return after, nil
	case types.StrategicMergePatchType:
		return applyStrategic(before, body.Data, old)
	}
	return nil, apierrors.NewGenericServerResponse(415, "patch", e.Resource.GroupResource(), api.Meta(old).Name,
		fmt.Sprintf("the body of the request was in an unknown format - accepted media types include: %s, %s, %s",
			types.JSONPatchType, types.MergePatchType, types.StrategicMergePatchType), 0, false)
}

func applyJSONPatch(before, patch []byte) ([]byte, error) {
	ops, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if len(ops) > maxPatchOperations {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf(
			"The allowed maximum operations in a JSON patch is %d, got %d", maxPatchOperations, len(ops)))
	}
	after, err := ops.Apply(before)
	if err != nil {
		return nil, apierrors.NewGenericServerResponse(422, "", schema.GroupResource{}, "", err.Error(), 0, false)
	}
	return after, nil
}

func applyStrategic(before, patch []byte, old api.Object) ([]byte, error) {
	after, err := strategicpatch.StrategicMergePatch(before, patch, old)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return after, nil
}

// decodePatched turns the patched JSON into an object of old's type. Unknown fields are refused, as kubectl's
// fieldValidation=Strict has it, since in a simulation they are always a mistake.
func (e *Entry) decodePatched(data []byte, old api.Object) (api.Object, error) {
	obj := newLike(old)
	strict, err := kjson.UnmarshalStrict(data, obj)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if len(strict) > 0 {
		return nil, apierrors.NewInvalid(e.Resource.GroupKind(), api.Meta(old).Name, field.ErrorList{
			field.Invalid(field.NewPath("patch"), string(data), "strict decoding error: "+joinErrors(strict))})
	}
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	api.NormaliseTimes(obj)
	return obj, nil
}

func newLike(obj api.Object) api.Object {
	if r := api.ResourceOf(obj); r != nil {
		return r.New()
	}
	fresh, err := api.Scheme.New(scaleKind)
	if err != nil {
		panic(fmt.Sprintf("registry: %T is neither a served kind nor a Scale: %v", obj, err))
	}
	return fresh.(api.Object)
}

func joinErrors(errs []error) string {
	var text []string
	for _, err := range errs {
		text = append(text, err.Error())
	}
	return strings.Join(text, ", ")
}
