package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Error is what is wrong with a file: where, which field, and what would be right.
type Error struct {
	File  string
	Line  int
	Field string
	What  string
	// Cause is the error that it comes from, if there is one.
	Cause error
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.What)
	return b.String()
}

// Load reads the scenarios of a file. Errors are *Error, all that were found joined, or those of reading.
func Load(file string) ([]*Scenario, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fileError(file, err)
	}
	return Decode(file, data)
}

func fileError(file string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return &Error{File: file, What: "no such file"}
	}
	return &Error{File: file, What: err.Error()}
}

// Decode reads the scenarios of a text; file is its name in messages.
func Decode(file string, data []byte) ([]*Scenario, error) {
	var scenarios []*Scenario
	documents := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		err := documents.Decode(&document)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, SyntaxError(file, 0, err)
		}
		if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
			continue
		}
		s, err := decodeOne(file, document.Content[0])
		if err != nil {
			return nil, err
		}
		s.Source = data
		scenarios = append(scenarios, s)
	}
	if len(scenarios) == 0 {
		return nil, &Error{File: file, What: "the file is empty: a scenario begins with apiVersion: " + APIVersion}
	}
	return scenarios, nil
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// SyntaxError gives a YAML parser's message our shape; offset is the number of lines before what it parsed.
func SyntaxError(file string, offset int, err error) *Error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
	e := &Error{File: file, Line: offset, What: "this is not YAML: " + text}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[1])
		e.Line += line
		e.What = "this is not YAML: " + strings.Replace(text, m[0], "", 1)
	}
	return e
}

func decodeOne(file string, n *yaml.Node) (*Scenario, error) {
	d := &decoder{file: file}
	if version := child(n, "apiVersion"); version == nil || version.Value != APIVersion {
		d.fail(orNode(version, n), "apiVersion", "want %s", APIVersion)
	} else if kind := child(n, "kind"); kind == nil || kind.Value != Kind {
		d.fail(orNode(kind, n), "kind", "want %s", Kind)
	}
	s := &Scenario{File: file}
	if len(d.errors) == 0 {
		d.decode(n, "", s)
	}
	if len(d.errors) == 0 {
		d.validate(s, n)
	}
	if len(d.errors) > 0 {
		return nil, errors.Join(d.errors...)
	}
	return s, nil
}

func orNode(n, otherwise *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return otherwise
}

// decoder fills Go values from YAML nodes and collects what is wrong.
type decoder struct {
	file   string
	errors []error
}

// DecodeStrict fills out, a pointer to a struct of this package's sort, from a part of a file.
func DecodeStrict(file, path string, n *yaml.Node, out any) error {
	d := &decoder{file: file}
	d.decode(n, path, out)
	return errors.Join(d.errors...)
}

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) {
	d.errors = append(d.errors, &Error{File: d.file, Line: n.Line, Field: path, What: fmt.Sprintf(format, args...)})
}

// scalar is a value written as text.
type scalar interface{ scan(text string) error }

// custom is a value with more than one way of writing it.
type custom interface {
	decodeNode(d *decoder, n *yaml.Node, path string)
}

func (d *decoder) decode(n *yaml.Node, path string, out any) {
	d.value(n, path, reflect.ValueOf(out).Elem())
}

func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch out := v.Addr().Interface().(type) {
	case custom:
		out.decodeNode(d, n, path)
		return
	case scalar:
		if n.Kind != yaml.ScalarNode {
			d.fail(n, path, "want a single value, got %s", describe(n))
		} else if err := out.scan(n.Value); err != nil {
			d.fail(n, path, "%v", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem())
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	case reflect.Slice:
		d.list(n, path, v)
	default:
		d.scalarValue(n, path, v)
	}
}

func (d *decoder) structure(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping with %s, got %s", strings.Join(fieldNames(v.Type()), ", "), describe(n))
		return
	}
	if line := v.FieldByName("Line"); line.IsValid() {
		line.SetInt(int64(n.Line))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			d.fail(key, join(path, key.Value), "the field is given twice")
			continue
		}
		seen[key.Value] = true
		field, ok := fieldByName(v.Type(), key.Value)
		if !ok {
			d.fail(key, join(path, key.Value), "unknown field%s", suggest(key.Value, fieldNames(v.Type())))
			continue
		}
		if value.Tag == "!!null" {
			continue
		}
		if has := v.FieldByName("Has" + field.Name); has.IsValid() {
			has.SetBool(true)
		}
		if line := v.FieldByName(field.Name + "Line"); line.IsValid() {
			line.SetInt(int64(value.Line))
		}
		d.value(value, join(path, key.Value), v.FieldByIndex(field.Index))
		d.bounds(value, join(path, key.Value), field, v.FieldByIndex(field.Index))
	}
}

// bounds checks what the field's jsonschema tag promises: minimum, maximum, enum.
func (d *decoder) bounds(n *yaml.Node, path string, field reflect.StructField, v reflect.Value) {
	var choices []string
	for part := range strings.SplitSeq(field.Tag.Get("jsonschema"), ",") {
		name, text, _ := strings.Cut(part, "=")
		switch name {
		case "minimum":
			if bound := mustInt(text); v.Int() < bound {
				d.fail(n, path, "%d is out of range: want at least %d", v.Int(), bound)
			}
		case "maximum":
			if bound := mustInt(text); v.Int() > bound {
				d.fail(n, path, "%d is out of range: want at most %d", v.Int(), bound)
			}
		case "enum":
			choices = append(choices, text)
		}
	}
	if len(choices) > 0 && !slices.Contains(choices, v.String()) {
		d.fail(n, path, "%q is not one of %s", v.String(), strings.Join(choices, ", "))
	}
}

func mustInt(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic("format: a bound that is no number: " + text)
	}
	return n
}

func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, got %s", describe(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], join(path, n.Content[i].Value), element)
		v.SetMapIndex(reflect.ValueOf(n.Content[i].Value), element)
	}
}

func (d *decoder) list(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

func (d *decoder) scalarValue(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, "want a single value, got %s", describe(n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			d.fail(n, path, "want true or false, got %q", n.Value)
			return
		}
		v.SetBool(n.Value == "true" || n.Value == "True" || n.Value == "TRUE")
	case reflect.Int:
		number, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			d.fail(n, path, "want a whole number, got %q", n.Value)
			return
		}
		v.SetInt(number)
	case reflect.Float64:
		number, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			d.fail(n, path, "want a number, got %q", n.Value)
			return
		}
		v.SetFloat(number)
	default:
		panic("format: no way to decode " + v.Type().String())
	}
}
