package schedulerperf

import (
	"fmt"
	"strings"
	"time"
)

// params are a workload's, with which of them an operation has asked for.
type params struct {
	values map[string]any
	used   map[string]bool
}

// lookUp returns the parameter that $name stands for.
func lookUp[T any](p *params, name string) (T, error) {
	var none T
	key, ok := strings.CutPrefix(name, "$")
	if !ok {
		return none, fmt.Errorf("parameter %q: want $ and a name", name)
	}
	p.used[key] = true
	value, ok := p.values[key]
	if !ok {
		return none, fmt.Errorf("parameter %s is undefined", key)
	}
	typed, ok := value.(T)
	if !ok {
		return none, fmt.Errorf("parameter %s has the wrong type %T, want %T", key, value, none)
	}
	return typed, nil
}

// unused are the parameters that nobody asked for.
func (p *params) unused() []string {
	var names []string
	for _, name := range sortedKeys(p.values) {
		if !p.used[name] {
			names = append(names, name)
		}
	}
	return names
}

// amount is how many objects an operation is about.
type amount struct {
	Count      *int   `json:"count"`
	CountParam string `json:"countParam"`
}

// of is the number; otherwise is what it is where neither field is given.
func (a amount) of(p *params, otherwise int) (int, error) {
	n := otherwise
	switch {
	case a.CountParam != "":
		value, err := lookUp[float64](p, a.CountParam) // JSON's numbers are such
		if err != nil {
			return 0, err
		}
		n = int(value)
	case a.Count != nil:
		n = *a.Count
	}
	if n < 0 {
		return 0, fmt.Errorf("invalid count %d: want at least 0", n)
	}
	return n, nil
}

// durationOf is a duration, or that of a parameter if one is named.
func durationOf(given time.Duration, name string, p *params) (time.Duration, error) {
	if name == "" {
		return given, nil
	}
	text, err := lookUp[string](p, name)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("invalid duration parameter %s: %w", name, err)
	}
	return d, nil
}
