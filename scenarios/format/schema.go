package format

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// Schema is the JSON Schema of a scenario file, for editors: indented JSON with a final newline.
func Schema() []byte {
	r := &jsonschema.Reflector{ExpandedStruct: true}
	schema := r.Reflect(&Scenario{})
	schema.Title = "Fauxkube scenario"
	schema.Description = "A simulated Kubernetes cluster, what happens to it, and what must hold."
	for _, name := range []string{"apiVersion", "kind"} {
		if property, ok := schema.Properties.Get(name); ok {
			property.Const = map[string]string{"apiVersion": APIVersion, "kind": Kind}[name]
		}
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("format: the schema cannot be encoded: %v", err))
	}
	return append(text, '\n')
}

func textSchema(description string, examples ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Description: description, Examples: examples}
}

func either(schemas ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: schemas}
}

// JSONSchema says how a duration is written.
func (Duration) JSONSchema() *jsonschema.Schema {
	return textSchema("simulated time", "500ms", "90s", "1m30s")
}

// JSONSchema says how a time is written.
func (Timestamp) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Format: "date-time"}
}

// JSONSchema says how a quantity is written.
func (Quantity) JSONSchema() *jsonschema.Schema {
	return either(textSchema("a Kubernetes quantity", "120Mi", "2Gi"), &jsonschema.Schema{Type: "integer"})
}

// JSONSchema says how a bound is written.
func (Bound) JSONSchema() *jsonschema.Schema {
	return either(textSchema("a duration", "5s"), &jsonschema.Schema{Type: "number"})
}

// JSONSchema says how seeds are written.
func (Seeds) JSONSchema() *jsonschema.Schema {
	return either(textSchema("a range or a list", "1-20", "1-3,7"), &jsonschema.Schema{Type: "integer"})
}

// JSONSchema says how a step is referred to.
func (After) JSONSchema() *jsonschema.Schema {
	return textSchema("a step's name, with +duration where wanted", "ready+15s")
}

// JSONSchema says how commands are written.
func (Commands) JSONSchema() *jsonschema.Schema {
	line := &jsonschema.Schema{Type: "string"}
	return either(line, &jsonschema.Schema{Type: "array", Items: line})
}

// JSONSchema says what a kubelet may be.
func (Kubelet) JSONSchema() *jsonschema.Schema {
	stages := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"stages"}, AdditionalProperties: jsonschema.FalseSchema}
	stages.Properties.Set("stages", &jsonschema.Schema{Type: "string"})
	return either(&jsonschema.Schema{Const: "real"}, stages)
}

// JSONSchema admits any object.
func (Raw) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{Type: "object"} }
