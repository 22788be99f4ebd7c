package api

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/runtime"
)

// ToMap converts an object to the tree of maps that its JSON is, with apiVersion and kind: what expressions and
// printers read. It costs tens of microseconds.
func ToMap(obj Object) (map[string]any, error) {
	u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, err
	}
	if r := ResourceOf(obj); r != nil {
		u["apiVersion"], u["kind"] = r.APIVersion(), r.Kind
	}
	return u, nil
}

// FromMap converts a tree back to an object of the resource, strictly.
func FromMap(r *Resource, u map[string]any) (Object, error) {
	obj := r.New()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u, obj, true); err != nil {
		return nil, err
	}
	return obj, nil
}

func marshalMap(u map[string]any) ([]byte, error) { return json.Marshal(u) }
