package kubectl

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/util/jsonpath"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// defaultWait is kubectl wait's timeout.
const defaultWait = 30 * time.Second

// condition decides whether an object, or its absence, is what is waited for.
type condition struct {
	test func(api.Object) (bool, error)
	met  string
}

func runWait(e *execution) error {
	conditions, err := e.waitConditions()
	if err != nil {
		return err
	}
	return e.each(nil, func(t target, _ []string) error {
		for _, c := range conditions {
			if err := e.await(t, e.options.timeout, c.test); err != nil {
				return fmt.Errorf("%w on %s", err, t.title())
			}
			e.printf("%s %s", t.title(), c.met)
		}
		return nil
	})
}

func (e *execution) waitConditions() ([]condition, error) {
	if len(e.options.conditions) == 0 {
		return nil, fmt.Errorf("kubectl %s: --for is required: condition=NAME, delete, or jsonpath='{...}'=VALUE", e.Line)
	}
	var all []condition
	for _, text := range e.options.conditions {
		c, err := parseCondition(text)
		if err != nil {
			return nil, fmt.Errorf("kubectl %s: %w", e.Line, err)
		}
		all = append(all, c)
	}
	return all, nil
}

func parseCondition(text string) (condition, error) {
	kind, rest, _ := strings.Cut(text, "=")
	switch strings.ToLower(kind) {
	case "delete":
		return condition{test: func(o api.Object) (bool, error) { return o == nil, nil }, met: "condition met"}, nil
	case "condition":
		name, value, given := strings.Cut(rest, "=")
		if !given {
			value = "true"
		}
		return condition{test: func(o api.Object) (bool, error) { return hasCondition(o, name, value) }, met: "condition met"}, nil
	case "jsonpath":
		return parseJSONPath(rest)
	}
	return condition{}, fmt.Errorf("unrecognized condition: %q", text)
}

// hasCondition looks a status condition up by its type, whatever the kind of object.
func hasCondition(o api.Object, name, value string) (bool, error) {
	if o == nil {
		return false, nil
	}
	data, err := api.ToMap(o)
	if err != nil {
		return false, err
	}
	status, _ := data["status"].(map[string]any)
	conditions, _ := status["conditions"].([]any)
	for _, c := range conditions {
		c, _ := c.(map[string]any)
		kind, _ := c["type"].(string)
		state, _ := c["status"].(string)
		if strings.EqualFold(kind, name) {
			return strings.EqualFold(state, value), nil
		}
	}
	return false, nil
}

func parseJSONPath(text string) (condition, error) {
	expression, value, given := strings.Cut(text, "}=")
	expression = strings.TrimSuffix(expression, "}") + "}"
	if !strings.HasPrefix(expression, "{") {
		return condition{}, fmt.Errorf("jsonpath %q: want {.status.phase}=Running", text)
	}
	path := jsonpath.New("wait").AllowMissingKeys(true)
	if err := path.Parse(expression); err != nil {
		return condition{}, err
	}
	test := func(o api.Object) (bool, error) {
		if o == nil {
			return false, nil
		}
		data, err := api.ToMap(o)
		if err != nil {
			return false, err
		}
		results, err := path.FindResults(data)
		if err != nil {
			return false, err
		}
		for _, group := range results {
			for _, found := range group {
				if !given || text1(found.Interface()) == value {
					return true, nil
				}
			}
		}
		return false, nil
	}
	return condition{test: test, met: "condition met"}, nil
}

// text1 renders a value as the command line writes it.
func text1(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
