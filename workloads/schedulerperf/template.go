package schedulerperf

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// source is a template file. One without actions is decoded once, and its object shared.
type source[T any] struct {
	file   string
	text   *template.Template
	decode func(file string, data []byte) (T, error)
	fixed  *T
}

// newSource reads a file and tries it for the first of count objects.
func newSource[T any](f *files, name string, count int, decode func(string, []byte) (T, error)) (*source[T], error) {
	data, err := f.read(f.path(name))
	if err != nil {
		return nil, err
	}
	s := &source[T]{file: f.path(name), decode: decode}
	if s.text, err = template.New(s.file).Option("missingkey=error").Funcs(functions).Parse(string(data)); err != nil {
		return nil, &Error{File: s.file, What: err.Error()}
	}
	first, err := s.object(0, max(count, 1))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(data), "{{") {
		s.fixed = &first
	}
	return s, nil
}

// object is the index-th of count objects.
func (s *source[T]) object(index, count int) (T, error) {
	var none T
	if s.fixed != nil {
		return *s.fixed, nil
	}
	var text bytes.Buffer
	if err := s.text.Execute(&text, map[string]any{"Index": index, "Count": count}); err != nil {
		return none, &Error{File: s.file, What: err.Error()}
	}
	return s.decode(s.file, text.Bytes())
}

// typed decodes an object as upstream's client side does: strictly, names of fields in any case.
func typed[T any](file string, data []byte) (*T, error) {
	n, err := parse(file, data)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := decode(file, n, false, out); err != nil {
		return nil, err
	}
	if o, ok := any(out).(api.Object); ok {
		api.NormaliseTimes(o)
	}
	return out, nil
}

// anyKind decodes an object of whatever kind it says, as the API server does: strictly, names of fields exact.
func anyKind(file string, data []byte) (api.Object, error) {
	n, err := parse(file, data)
	if err != nil {
		return nil, err
	}
	object, r, err := api.Decode(data)
	if r == nil && err != nil {
		var unknown *api.ErrNotServed
		if errors.As(err, &unknown) {
			return nil, &Error{file, lineOf(n, "kind"), err.Error()}
		}
	}
	if err != nil {
		return nil, strictError(file, n, err)
	}
	return object, nil
}

// functions are upstream's (operations.go, getTemplateFuncs).
var functions = template.FuncMap{
	"AddFloat": func(numbers ...any) (float64, error) {
		return fold(0, func(a, b float64) float64 { return a + b }, numbers)
	},
	"MultiplyFloat": func(numbers ...any) (float64, error) {
		return fold(1, func(a, b float64) float64 { return a * b }, numbers)
	},
	"SubtractFloat": func(a, b any) (float64, error) { return both(a, b, subtract) },
	"DivideFloat":   func(a, b any) (float64, error) { return both(a, b, divide) },
	"AddInt": func(numbers ...any) (int, error) {
		return whole(fold(0, func(a, b float64) float64 { return a + b }, numbers))
	},
	"MultiplyInt": func(numbers ...any) (int, error) {
		return whole(fold(1, func(a, b float64) float64 { return a * b }, numbers))
	},
	"SubtractInt": func(a, b any) (int, error) { return whole(both(a, b, subtract)) },
	"DivideInt":   func(a, b any) (int, error) { return whole(both(a, b, divide)) },
	"Mod":         func(a, b any) (int, error) { return whole(both(a, b, modulo)) },
}

func subtract(a, b float64) (float64, error) { return a - b, nil }

func divide(a, b float64) (float64, error) {
	if b == 0 {
		return 0, errors.New("division by zero")
	}
	return a / b, nil
}

func modulo(a, b float64) (float64, error) {
	if int(b) == 0 {
		return 0, errors.New("division by zero")
	}
	return float64(int(a) % int(b)), nil
}

func whole(f float64, err error) (int, error) { return int(f), err }

func fold(start float64, f func(a, b float64) float64, numbers []any) (float64, error) {
	for _, n := range numbers {
		v, err := number(n)
		if err != nil {
			return 0, err
		}
		start = f(start, v)
	}
	return start, nil
}

func both(a, b any, f func(a, b float64) (float64, error)) (float64, error) {
	x, err := number(a)
	if err != nil {
		return 0, err
	}
	y, err := number(b)
	if err != nil {
		return 0, err
	}
	return f(x, y)
}

func number(v any) (float64, error) {
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		return 0, fmt.Errorf("cannot cast %v to float64", v)
	}
	return f, nil
}

// strictError finds the line of what api.Decode refused.
func strictError(file string, n *yaml.Node, err error) error {
	apiVersion, kind := childOf(n, "apiVersion"), childOf(n, "kind")
	if apiVersion != nil && kind != nil {
		if r := api.ForKind(apiVersion.Value, kind.Value); r != nil {
			c := checker{file: file, exact: true}
			if found := c.check(n, "", reflect.TypeOf(r.New())); found != nil {
				return found
			}
		}
	}
	return &Error{file, n.Line, err.Error()}
}
