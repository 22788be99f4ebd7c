package schedulerperf

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Error is what is wrong with a file, and where.
type Error struct {
	File string
	Line int // 0 is unknown
	What string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.What
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
}

// parse reads one YAML document.
func parse(file string, data []byte) (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, yamlError(file, err)
	}
	if len(document.Content) == 0 {
		return nil, &Error{File: file, What: "the file is empty"}
	}
	return document.Content[0], nil
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yamlError takes the line out of the parser's message.
func yamlError(file string, err error) *Error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n  "), "yaml: ")
	e := &Error{File: file, What: text}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.What = strings.Replace(text, m[0], "", 1)
	}
	return e
}

// decode fills out, a pointer, from a node. Names of fields are matched as encoding/json does, or exactly.
func decode(file string, n *yaml.Node, exact bool, out any) error {
	c := checker{file: file, exact: exact}
	if err := c.check(n, "", reflect.TypeOf(out).Elem()); err != nil {
		return err
	}
	var plain any
	if err := n.Decode(&plain); err != nil {
		return yamlError(file, err)
	}
	data, err := json.Marshal(plain)
	if err != nil {
		return &Error{file, n.Line, err.Error()}
	}
	err = json.Unmarshal(data, out)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped):
		field := strings.ReplaceAll(mistyped.Field, embedded, "")
		return &Error{file, lineOf(n, field), fmt.Sprintf("%s: want a value of type %s, got a %s", field, mistyped.Type, mistyped.Value)}
	case err != nil:
		return &Error{file, n.Line, err.Error()}
	}
	return nil
}

// embedded is what encoding/json puts before the fields of type amount.
const embedded = "amount."

// lineOf is where a field is, given by its path with dots; the line of the last part that is found.
func lineOf(n *yaml.Node, path string) int {
	for name := range strings.SplitSeq(path, ".") {
		next := childOf(n, name)
		if next == nil {
			break
		}
		n = next
	}
	return n.Line
}

func childOf(n *yaml.Node, name string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if strings.EqualFold(n.Content[i].Value, name) {
			return n.Content[i+1]
		}
	}
	return nil
}

// checker finds fields that a type does not have.
type checker struct {
	file  string
	exact bool
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func (c checker) check(n *yaml.Node, path string, t reflect.Type) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	switch {
	case t.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		return c.structure(n, path, t)
	case t.Kind() == reflect.Map && n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if err := c.check(n.Content[i+1], join(path, n.Content[i].Value), t.Elem()); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			if err := c.check(item, fmt.Sprintf("%s[%d]", path, i), t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c checker) structure(n *yaml.Node, path string, t reflect.Type) error {
	known := map[string]reflect.Type{}
	fieldsOf(t, known)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field, ok := known[key.Value]
		if !ok && !c.exact {
			field, ok = foldedField(known, key.Value)
		}
		if !ok {
			return &Error{c.file, key.Line, fmt.Sprintf("unknown field %q; want one of %s", join(path, key.Value), strings.Join(sortedKeys(known), ", "))}
		}
		if err := c.check(n.Content[i+1], join(path, key.Value), field); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf collects a struct's fields by their names in JSON; those of embedded structs are its own.
func fieldsOf(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "":
			fieldsOf(f.Type, into)
		case f.IsExported() && name == "":
			into[f.Name] = f.Type
		case f.IsExported():
			into[name] = f.Type
		}
	}
}

func foldedField(known map[string]reflect.Type, name string) (reflect.Type, bool) {
	for _, k := range sortedKeys(known) {
		if strings.EqualFold(k, name) {
			return known[k], true
		}
	}
	return nil, false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m { //sim:unordered sorted below
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
