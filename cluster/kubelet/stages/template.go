package stages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	text "text/template"

	"sigs.k8s.io/yaml"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// template is a parsed template. It is bound to the functions of a controller by its Renderer.
type template struct{ parsed *text.Template }

func parseTemplate(source string) (*template, error) {
	t, err := text.New("_").Funcs(functions(nil)).Parse(strings.TrimSpace(source))
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return &template{parsed: t}, nil
}

// Renderer renders templates with the functions of one controller.
type Renderer struct {
	env   Env
	bound map[*template]*text.Template
	buf   bytes.Buffer
	// general makes it ignore typed templates: tests compare both ways.
	general bool
}

// NewRenderer returns a renderer whose functions ask env.
func NewRenderer(env Env) *Renderer {
	return &Renderer{env: env, bound: map[*template]*text.Template{}}
}

// execute renders the template over the object's JSON form and converts the YAML that comes out to JSON.
func (r *Renderer) execute(t *template, obj api.Object) ([]byte, error) {
	bound := r.bound[t]
	if bound == nil {
		bound = text.Must(t.parsed.Clone()).Funcs(functions(r.env))
		r.bound[t] = bound
	}
	data, err := withNumbers(obj)
	if err != nil {
		return nil, err
	}
	r.buf.Reset()
	if err := bound.Execute(&r.buf, data); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	out, err := yaml.YAMLToJSON(r.buf.Bytes())
	if err != nil {
		return nil, fmt.Errorf("template output: %w", err)
	}
	return out, nil
}

func withNumbers(obj api.Object) (any, error) {
	encoded, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var data any
	return data, decoder.Decode(&data)
}
