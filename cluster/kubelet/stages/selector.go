package stages

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/itchyny/gojq"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Subject is an object under test: its generic form is made at most once, and only if a query needs it.
type Subject struct {
	Object  api.Object
	generic any
}

func (s *Subject) json() any {
	if s.generic == nil {
		data, err := json.Marshal(s.Object)
		if err != nil {
			panic(fmt.Sprintf("stages: %s cannot be encoded: %v", api.KeyOf(s.Object), err))
		}
		if err := json.Unmarshal(data, &s.generic); err != nil {
			panic(fmt.Sprintf("stages: %s cannot be decoded: %v", api.KeyOf(s.Object), err))
		}
	}
	return s.generic
}

// query is a compiled jq query. Where its text is of a shape that reads single strings of a pod or node, the field is
// read directly (getter.go); general is always there and gives the same.
type query struct {
	general *gojq.Code
	direct  getter
}

func newQuery(text string) (*query, error) {
	parsed, err := gojq.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", text, err)
	}
	code, err := gojq.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", text, err)
	}
	return &query{general: code, direct: directGetter(text)}, nil
}

// values returns what the query finds, without nulls. As in KWOK an error while running finds nothing.
func (q *query) values(s *Subject) []any {
	var out []any
	if q.direct != nil {
		q.direct(s.Object, func(v string) { out = append(out, v) })
		return out
	}
	return q.generalValues(s)
}

func (q *query) generalValues(s *Subject) []any {
	var out []any
	for it := q.general.Run(s.json()); ; {
		v, ok := it.Next()
		if !ok {
			return out
		}
		if _, failed := v.(error); failed {
			return nil
		}
		if v != nil {
			out = append(out, v)
		}
	}
}

// first returns the first value that the query finds.
func (q *query) first(s *Subject) (any, bool) {
	if v := q.values(s); len(v) > 0 {
		return v[0], true
	}
	return nil, false
}

// requirement is a compiled match expression.
type requirement struct {
	query    *query
	operator Operator
	values   []string
}

func newRequirement(e *MatchExpression) (*requirement, error) {
	key, operator, values := e.Key, e.Operator, e.Values
	if e.CEL != nil {
		return nil, fmt.Errorf("matchExpressions: cel is not supported, use jq")
	}
	if e.JQ != nil {
		key, operator, values = e.JQ.Key, e.JQ.Operator, e.JQ.Values
	}
	switch operator {
	case In, NotIn:
		if len(values) == 0 {
			return nil, fmt.Errorf("matchExpressions: operator %s needs values", operator)
		}
	case Exists, DoesNotExist:
		if len(values) != 0 {
			return nil, fmt.Errorf("matchExpressions: operator %s takes no values", operator)
		}
	default:
		return nil, fmt.Errorf("matchExpressions: unknown operator %q", operator)
	}
	q, err := newQuery(key)
	return &requirement{query: q, operator: operator, values: values}, err
}

func (r *requirement) matches(s *Subject) bool {
	if r.query.direct != nil {
		found, among := false, false
		r.query.direct(s.Object, func(v string) {
			found, among = true, among || slices.Contains(r.values, v)
		})
		return r.decide(found, among)
	}
	values := r.query.generalValues(s)
	return r.decide(len(values) > 0, slices.ContainsFunc(values, r.among))
}

func (r *requirement) decide(found, among bool) bool {
	switch r.operator {
	case In:
		return among
	case NotIn:
		return !among
	case Exists:
		return found
	}
	return !found
}

func (r *requirement) among(v any) bool {
	switch v := v.(type) {
	case string:
		return slices.Contains(r.values, v)
	case bool:
		return slices.Contains(r.values, strconv.FormatBool(v))
	case int:
		return slices.Contains(r.values, strconv.Itoa(v))
	}
	return false
}
