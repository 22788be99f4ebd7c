package golden

import (
	"encoding/json"
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// objectOf is a simulated object as the watch of a real server would have shown it.
func objectOf(r *api.Resource, o api.Object) Object {
	data, err := api.Encode(o)
	if err != nil {
		panic(fmt.Sprintf("golden: %s %s cannot be encoded: %v", r.Kind, api.KeyOf(o), err))
	}
	var object Object
	if err := json.Unmarshal(data, &object); err != nil {
		panic(fmt.Sprintf("golden: %s %s cannot be decoded: %v", r.Kind, api.KeyOf(o), err))
	}
	return object
}

// at follows a path of fields; nil where there is nothing.
func (o Object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, field := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[field]
	}
	return v
}

func (o Object) text(path ...string) string {
	s, _ := o.at(path...).(string)
	return s
}

// number is an integer field, 0 where it is absent.
func (o Object) number(path ...string) int {
	n, _ := o.at(path...).(float64)
	return int(n)
}

// Kind, Name and Namespace are what they are called in the object.
func (o Object) Kind() string      { return o.text("kind") }
func (o Object) Name() string      { return o.text("metadata", "name") }
func (o Object) Namespace() string { return o.text("metadata", "namespace") }

// owner is the controller's kind and name, or where it has none the first owner's, empty without any.
func (o Object) owner() (kind, name string) {
	owners, _ := o.at("metadata", "ownerReferences").([]any)
	for _, owner := range owners {
		owner, _ := owner.(map[string]any)
		k, n := Object(owner).text("kind"), Object(owner).text("name")
		if isController, _ := owner["controller"].(bool); isController || kind == "" {
			kind, name = k, n
		}
	}
	return kind, name
}
