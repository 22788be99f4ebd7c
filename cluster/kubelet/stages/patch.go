package stages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Compute renders the patch for an object. It returns nil where the patch would change nothing, as KWOK then sends
// none. Where the template is one of the well-known ones the body is typed: same size, same effect, no JSON.
func (r *Renderer) Compute(p *CompiledPatch, obj api.Object) (*api.PatchBody, error) {
	if p.typed != nil && !r.general {
		if apply, size, ok := p.typed(r, obj); ok {
			return &api.PatchBody{Type: p.Type, Apply: apply, SizeBytes: size}, nil
		}
	}
	data, err := r.execute(p.template, obj)
	if err != nil {
		return nil, err
	}
	if p.root != "" {
		if data, err = wrap(p.root, p.Type, data); err != nil {
			return nil, err
		}
	}
	changes, err := wouldChange(obj, p.Type, data)
	if err != nil || !changes {
		return nil, err
	}
	return &api.PatchBody{Type: p.Type, Data: data}, nil
}

func wrap(root string, t types.PatchType, data []byte) ([]byte, error) {
	if t != types.JSONPatchType {
		return json.Marshal(map[string]json.RawMessage{root: data})
	}
	var operations []operation
	if err := json.Unmarshal(data, &operations); err != nil {
		return nil, err
	}
	for i := range operations {
		operations[i].Path = "/" + root + operations[i].Path
	}
	return json.Marshal(operations)
}

// operation is one operation of a JSON patch.
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
	From  string          `json:"from,omitempty"`
}

// wouldChange applies the patch to the object that the controller has seen.
func wouldChange(obj api.Object, t types.PatchType, data []byte) (bool, error) {
	original, err := json.Marshal(obj)
	if err != nil {
		return false, err
	}
	var patched []byte
	switch t {
	case types.JSONPatchType:
		decoded, err := jsonpatch.DecodePatch(data)
		if err != nil {
			return false, err
		}
		patched, err = decoded.Apply(original)
		return !bytes.Equal(original, patched), err
	case types.StrategicMergePatchType:
		patched, err = strategicpatch.StrategicMergePatch(original, data, obj)
	case types.MergePatchType:
		patched, err = jsonpatch.MergePatch(original, data)
	default:
		return false, fmt.Errorf("unknown patch type %s", t)
	}
	if err != nil {
		return false, err
	}
	result := api.ResourceOf(obj).New()
	if err := json.Unmarshal(patched, result); err != nil {
		return false, err
	}
	normal, err := json.Marshal(result)
	return !bytes.Equal(original, normal), err
}

// FinalizersPatch returns the JSON patch for a change of finalizers, or nil if there is nothing to change.
func FinalizersPatch(has []string, f *Finalizers) *api.PatchBody {
	operations := finalizerOperations(has, f)
	if len(operations) == 0 {
		return nil
	}
	data, err := json.Marshal(operations)
	if err != nil {
		panic(fmt.Sprintf("stages: finalizers: %v", err))
	}
	return &api.PatchBody{Type: types.JSONPatchType, Data: data}
}

func finalizerOperations(has []string, f *Finalizers) []operation {
	removed := removals(has, f.Remove)
	if !f.Empty && (len(f.Remove) == 0 || len(removed) != len(has)) {
		return append(removed, additions(has, f.Add)...)
	}
	var out []operation
	if len(has) > 0 {
		out = append(out, operation{Op: "remove", Path: "/metadata/finalizers"})
	}
	return append(out, additions(nil, f.Add)...)
}

func removals(has []string, remove []Finalizer) []operation {
	var out []operation
	for i, h := range slices.Backward(has) {
		if slices.ContainsFunc(remove, func(f Finalizer) bool { return f.Value == h }) {
			out = append(out, operation{Op: "remove", Path: fmt.Sprintf("/metadata/finalizers/%d", i)})
		}
	}
	return out
}

func additions(has []string, add []Finalizer) []operation {
	if len(add) == 0 {
		return nil
	}
	if len(has) == 0 {
		values := make([]string, len(add))
		for i, f := range add {
			values[i] = f.Value
		}
		return []operation{{Op: "add", Path: "/metadata/finalizers", Value: rawJSON(values)}}
	}
	var out []operation
	for _, f := range add {
		if !slices.Contains(has, f.Value) {
			out = append(out, operation{Op: "add", Path: "/metadata/finalizers/-", Value: rawJSON(f.Value)})
		}
	}
	return out
}

func rawJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("stages: %v", err))
	}
	return data
}
