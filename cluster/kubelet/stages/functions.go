package stages

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	text "text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Version is KWOK's, whose behaviour this package follows.
const Version = "0.9.0"

// Env answers what templates ask about the world.
type Env interface {
	Now() time.Time
	StartTime() time.Time // of the controller
	NodeName() string     // of the controller's own --node-name
	NodeIP() string
	NodePort() int
	NodeIPsWith(node string) []string
	PodIPsWith(node string, hostNetwork bool) []string
}

// nodeConditions are the conditions of a healthy node, in KWOK's words.
var nodeConditions = []corev1.NodeCondition{
	{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status"},
	{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory", Message: "kubelet has sufficient memory available"},
	{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure", Message: "kubelet has no disk pressure"},
	{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID", Message: "kubelet has sufficient PID available"},
	{Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionFalse, Reason: "RouteCreated", Message: "RouteController created a route"},
}

func conditionsAsData() any {
	var data any
	encoded, err := json.Marshal(nodeConditions)
	if err == nil {
		err = json.Unmarshal(encoded, &data)
	}
	if err != nil {
		panic(fmt.Sprintf("stages: node conditions: %v", err))
	}
	return data
}

// functions returns KWOK's template functions, and the few of sprig that stages in the wild use. With a nil env they
// serve for parsing only.
func functions(env Env) text.FuncMap {
	m := text.FuncMap{
		"Quote":          quote,
		"YAML":           toYAML,
		"Version":        func() string { return Version },
		"NodeConditions": conditionsAsData,
		"default": func(otherwise, v any) any {
			if v == nil || v == "" {
				return otherwise
			}
			return v
		},
		"lower": strings.ToLower,
		"upper": strings.ToUpper,
		"trim":  strings.TrimSpace,
		"quote": func(v any) string { return strconv.Quote(fmt.Sprint(v)) },
		"Now":   func() string { return stamp(env.Now()) },

		"StartTime":   func() string { return stamp(env.StartTime()) },
		"NodeName":    func() string { return env.NodeName() },
		"NodeIP":      func() string { return env.NodeIP() },
		"NodePort":    func() int { return env.NodePort() },
		"NodeIPWith":  func(node string) string { return firstOf(env.NodeIPsWith(node)) },
		"NodeIPsWith": func(node string) []string { return env.NodeIPsWith(node) },
		"PodIP":       func() string { return firstOf(env.PodIPsWith("", false)) },
		"PodIPWith": func(node string, hostNetwork bool, uid, name, namespace string) string {
			return firstOf(env.PodIPsWith(node, hostNetwork))
		},
		"PodIPsWith": func(node string, hostNetwork bool, uid, name, namespace string) []string {
			return env.PodIPsWith(node, hostNetwork)
		},
	}
	return m
}

// stamp is a time as KWOK's Now writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func firstOf(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// quote writes a value as a JSON string: a string as it is, anything else as its JSON.
func quote(v any) string {
	data, err := json.Marshal(v)
	switch {
	case err != nil:
		return strconv.Quote(fmt.Sprint(v))
	case len(data) == 0:
		return `""`
	case data[0] == '"':
		return string(data)
	}
	return strconv.Quote(string(data))
}

// toYAML writes a value as YAML, indented by steps of two spaces, beginning with a line break if indented.
func toYAML(v any, indent ...int) (string, error) {
	data, err := yaml.Marshal(v)
	if err != nil {
		return "", err
	}
	if len(indent) == 1 && indent[0] > 0 {
		pad := "\n" + strings.Repeat(" ", indent[0]*2)
		return strings.ReplaceAll("\n"+string(data), "\n", pad), nil
	}
	return string(data), nil
}
