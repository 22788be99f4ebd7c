package kubectl

import (
	"encoding/json"
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/scenarios/format"
)

// Manifest is one object of a file, decoded and as JSON.
type Manifest struct {
	resource *api.Resource
	object   api.Object
	// raw is the document as a JSON object, from which apply makes its annotation.
	raw map[string]any
}

func readManifests(paths []string, namespace string, explicit bool, files Files) ([]Manifest, error) {
	var all []Manifest
	for _, path := range paths {
		data := files.Stdin
		if path == "-" {
			if data == nil {
				return nil, errors.New("-f - reads the step's manifest, and it has none")
			}
		} else {
			var err error
			if data, err = files.Read(path); err != nil {
				return nil, err
			}
		}
		found, err := ParseManifests(path, data, namespace, explicit, files)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, errors.New("no objects passed to apply")
	}
	return all, nil
}

// ParseManifests decodes the documents of a file strictly; lists are flattened. An object's namespace defaults to
// namespace; where that was given explicitly, another one is an error, as in kubectl. Errors are *format.Error, all that
// were found joined.
func ParseManifests(path string, data []byte, namespace string, explicit bool, files Files) ([]Manifest, error) {
	var all []Manifest
	var problems []error
	for _, d := range documents(data) {
		raws, err := flatten(d.text)
		if err != nil {
			problems = append(problems, format.SyntaxError(path, d.line-1, err))
			continue
		}
		for _, raw := range raws {
			m, err := decode(raw, namespace, explicit)
			var unknown *api.ErrNotServed
			if errors.As(err, &unknown) && files.SkipUnknownKinds {
				files.Skipped(fmt.Sprintf("%s (%s)", unknown.Error(), path))
				continue
			}
			if err != nil {
				problems = append(problems, d.problem(path, err))
				continue
			}
			all = append(all, m)
		}
	}
	return all, errors.Join(problems...)
}

// flatten gives a document's objects: one, or a List's items.
func flatten(document []byte) ([]map[string]any, error) {
	var raw map[string]any
	if err := yaml.Unmarshal(document, &raw); err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, nil
	}
	items, isList := raw["items"].([]any)
	if kind, _ := raw["kind"].(string); kind != "List" || !isList {
		return []map[string]any{raw}, nil
	}
	var all []map[string]any
	for _, item := range items {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, errors.New("an item of the List is not an object")
		}
		all = append(all, object)
	}
	return all, nil
}

func decode(raw map[string]any, namespace string, explicit bool) (Manifest, error) {
	data, err := json.Marshal(raw)
	if err != nil {
		return Manifest{}, err
	}
	object, resource, err := api.Decode(data)
	if err != nil {
		return Manifest{}, err
	}
	meta := api.Meta(object)
	if resource.Namespaced {
		if meta.Namespace == "" {
			meta.Namespace = namespace
		} else if explicit && meta.Namespace != namespace {
			return Manifest{}, fmt.Errorf("the namespace from the provided object %q does not match the namespace %q", meta.Namespace, namespace)
		}
		metadata, _ := raw["metadata"].(map[string]any)
		if metadata == nil {
			metadata = map[string]any{}
			raw["metadata"] = metadata
		}
		metadata["namespace"] = meta.Namespace
	}
	return Manifest{resource: resource, object: object, raw: raw}, nil
}

// Resource is the kind of the object.
func (m Manifest) Resource() *api.Resource { return m.resource }

// Object is the decoded object, its namespace filled in. It is shared: do not change it.
func (m Manifest) Object() api.Object { return m.object }

// title is how kubectl names an object: deployment.apps/web.
func title(r *api.Resource, name string) string {
	if r.Group == "" {
		return r.Singular + "/" + name
	}
	return r.Singular + "." + r.Group + "/" + name
}
