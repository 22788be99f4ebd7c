package watchcache

import (
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// FieldGetter reads a selectable field of an object.
type FieldGetter func(api.Object) string

// Selector is what a list or watch asks for, resolved once: namespace and name, labels, and fields with their getters.
// The zero Selector selects everything.
type Selector struct {
	Namespace, Name string
	labels          labels.Selector // nil selects everything
	fields          []fieldRequirement
	plain           bool // neither labels nor fields beside namespace and name
}

type fieldRequirement struct {
	field, value string
	get          FieldGetter
	negated      bool
}

// NewSelector resolves the selectors of a request. getter returns nil for a field that the resource does not select by;
// the field's name is then returned as unknown.
func NewSelector(namespace, name string, l labels.Selector, f fields.Selector, getter func(string) FieldGetter) (s Selector, unknown string) {
	s = Selector{Namespace: namespace, Name: name, plain: true}
	if l != nil && !l.Empty() {
		s.labels, s.plain = l, false
	}
	if f == nil {
		return s, ""
	}
	for _, r := range f.Requirements() {
		req := fieldRequirement{field: r.Field, value: r.Value, negated: r.Operator == selection.NotEquals}
		switch {
		case r.Field == "metadata.name" && !req.negated && s.Name == "":
			s.Name = r.Value
			continue
		case r.Field == "metadata.namespace" && !req.negated && s.Namespace == "":
			s.Namespace = r.Value
			continue
		}
		if req.get = metadataGetter(r.Field); req.get == nil {
			req.get = getter(r.Field)
		}
		if req.get == nil {
			return s, r.Field
		}
		s.fields, s.plain = append(s.fields, req), false
	}
	return s, ""
}

func metadataGetter(field string) FieldGetter {
	switch field {
	case "metadata.name":
		return func(o api.Object) string { return api.Meta(o).Name }
	case "metadata.namespace":
		return func(o api.Object) string { return api.Meta(o).Namespace }
	}
	return nil
}

// Matches reports whether the object passes.
func (s *Selector) Matches(obj api.Object) bool {
	if s.Namespace == "" && s.Name == "" && s.plain {
		return true
	}
	m := api.Meta(obj)
	if s.Namespace != "" && m.Namespace != s.Namespace || s.Name != "" && m.Name != s.Name {
		return false
	}
	if s.labels != nil && !s.labels.Matches(labels.Set(m.Labels)) {
		return false
	}
	for i := range s.fields {
		if r := &s.fields[i]; (r.get(obj) == r.value) == r.negated {
			return false
		}
	}
	return true
}

// Plain reports whether the selector asks for nothing but a namespace: only then do lists count what remains.
func (s *Selector) Plain() bool { return s.plain && s.Name == "" }

// requires returns the value that a field must have.
func (s *Selector) requires(field string) (string, bool) {
	for i := range s.fields {
		if r := &s.fields[i]; r.field == field && !r.negated {
			return r.value, true
		}
	}
	return "", false
}

// Value returns the value that the selector requires of a field, if it does.
func (s *Selector) Value(field string) (string, bool) { return s.requires(field) }

// String identifies the selector in messages.
func (s *Selector) String() string {
	var b strings.Builder
	b.WriteString(api.Key(s.Namespace, s.Name))
	if s.labels != nil {
		b.WriteString(" labels " + s.labels.String())
	}
	for _, r := range s.fields {
		operator := "="
		if r.negated {
			operator = "!="
		}
		b.WriteString(" " + r.field + operator + r.value)
	}
	return b.String()
}
