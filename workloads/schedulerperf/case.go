package schedulerperf

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Case is a test case: a template of operations, and workloads that fill it in.
type Case struct {
	Name                           string          `json:"name"`
	FeatureGates                   map[string]bool `json:"featureGates"`
	MetricsCollectorConfig         *Collected      `json:"metricsCollectorConfig"`
	WorkloadTemplate               Operations      `json:"workloadTemplate"`
	Workloads                      []Workload      `json:"workloads"`
	SchedulerConfigPath            string          `json:"schedulerConfigPath"`
	DefaultPodTemplatePath         string          `json:"defaultPodTemplatePath"`
	Labels                         []string        `json:"labels"`
	DefaultThresholdMetricSelector *MetricSelector `json:"defaultThresholdMetricSelector"`

	files *files
}

// Workload is a size of a case.
type Workload struct {
	Name                    string          `json:"name"`
	Labels                  []string        `json:"labels"`
	Params                  map[string]any  `json:"params"`
	FeatureGates            map[string]bool `json:"featureGates"`
	Threshold               Threshold       `json:"threshold"`
	ThresholdMetricSelector *MetricSelector `json:"thresholdMetricSelector"`
}

// Operations are the steps of a case, each of the type of its opcode.
type Operations struct{ list []numbered }

// numbered is an operation with its line.
type numbered struct {
	opcode string
	line   int
	operation
}

// UnmarshalJSON leaves operations to Load, which knows their lines.
func (*Operations) UnmarshalJSON([]byte) error { return nil }

// Collected are the histograms to report, each with the values of labels to tell apart.
type Collected struct {
	Metrics map[string][]LabelValues `json:"metrics"`
}

// LabelValues are a label and values of it.
type LabelValues struct {
	Label  string   `json:"label"`
	Values []string `json:"values"`
}

// MetricSelector says which figure a threshold is for.
type MetricSelector struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels"`
	DataBucket  string            `json:"dataBucket"`
	ExpectLower bool              `json:"expectLower"`
}

// Threshold is one value, or one a topic: the name under which upstream runs a folder.
type Threshold struct {
	value  float64
	topics map[string]float64
}

// UnmarshalJSON reads either form.
func (t *Threshold) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &t.value) == nil {
		return nil
	}
	if json.Unmarshal(text, &t.topics) != nil {
		return fmt.Errorf("threshold: want a number, or numbers by topic, got %s", text)
	}
	return nil
}

// of is the threshold for a topic; 0 is none.
func (t Threshold) of(topic string) float64 {
	if value, ok := t.topics[topic]; ok {
		return value
	}
	return t.value
}

// files reads what a configuration names, relative to it.
type files struct {
	folder string
	read   func(string) ([]byte, error)
}

func (f *files) path(name string) string { return path.Join(f.folder, name) }

// Load reads a configuration file. Files that it names are read relative to it, when a workload is prepared.
func Load(file string, read func(string) ([]byte, error)) ([]*Case, error) {
	data, err := read(file)
	if err != nil {
		return nil, err
	}
	root, err := parse(file, data)
	if err != nil {
		return nil, err
	}
	if root.Kind != yaml.SequenceNode {
		return nil, &Error{file, root.Line, "want a list of test cases, each with name, workloadTemplate and workloads"}
	}
	var cases []*Case
	if err := decode(file, root, false, &cases); err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		return nil, &Error{File: file, What: "no test cases defined"}
	}
	names := map[string]bool{}
	for i, n := range root.Content {
		c := cases[i]
		c.files = &files{path.Dir(file), read}
		if err := c.complete(file, n, names); err != nil {
			return nil, err
		}
	}
	return cases, nil
}

// complete reads a case's operations and checks it.
func (c *Case) complete(file string, n *yaml.Node, names map[string]bool) error {
	if err := c.readOperations(file, childOf(n, "workloadTemplate")); err != nil {
		return err
	}
	fail := func(format string, args ...any) error {
		return &Error{file, n.Line, fmt.Sprintf(format, args...)}
	}
	switch {
	case c.Name == "":
		return fail("a test case has no name")
	case names[c.Name]:
		return fail("%s: name is not unique", c.Name)
	case len(c.Workloads) == 0:
		return fail("%s: no workloads defined", c.Name)
	case len(c.WorkloadTemplate.list) == 0:
		return fail("%s: no ops defined", c.Name)
	case !slices.ContainsFunc(c.WorkloadTemplate.list, func(o numbered) bool { return collects(o.operation) }):
		return fail("%s: no op in the workload template collects metrics", c.Name)
	}
	names[c.Name] = true
	return c.checkWorkloads(fail)
}

func (c *Case) checkWorkloads(fail func(string, ...any) error) error {
	seen := map[string]bool{}
	for i := range c.Workloads {
		w := &c.Workloads[i]
		if seen[w.Name] {
			return fail("%s: workload name %s is not unique", c.Name, w.Name)
		}
		seen[w.Name] = true
		if s := c.selector(w); s.DataBucket == "" {
			return fail("%s/%s: dataBucket should be set for metric %v", c.Name, w.Name, s.Name)
		}
	}
	return nil
}

// readOperations reads the steps, each strictly as its opcode's type.
func (c *Case) readOperations(file string, n *yaml.Node) error {
	if n == nil {
		return nil
	}
	for _, item := range n.Content {
		opcode := childOf(item, "opcode")
		if opcode == nil {
			return &Error{file, item.Line, c.Name + ": an operation has no opcode"}
		}
		op := newOperation(opcode.Value)
		if op == nil {
			return &Error{file, opcode.Line, fmt.Sprintf("%s: unknown opcode %q; want one of %s", c.Name, opcode.Value, strings.Join(sortedKeys(operations), ", "))}
		}
		if _, refused := op.(*needsHook); !refused {
			if err := decode(file, item, false, op); err != nil {
				return err
			}
		}
		c.WorkloadTemplate.list = append(c.WorkloadTemplate.list, numbered{opcode.Value, item.Line, op})
	}
	return nil
}

// selector is which figure a workload's threshold is for: its own, the case's, or the average throughput.
func (c *Case) selector(w *Workload) MetricSelector {
	switch {
	case w.ThresholdMetricSelector != nil:
		return *w.ThresholdMetricSelector
	case c.DefaultThresholdMetricSelector != nil:
		return *c.DefaultThresholdMetricSelector
	}
	return MetricSelector{Name: Throughput, DataBucket: "Average"}
}

// Selected reports whether a workload passes a filter of labels as upstream's: label or +label must be there, -label must not.
func (c *Case) Selected(w *Workload, filter []string) bool {
	for _, f := range filter {
		if f == "" {
			continue
		}
		label, wanted := strings.TrimPrefix(f, "+"), true
		if l, isNot := strings.CutPrefix(f, "-"); isNot {
			label, wanted = l, false
		}
		if (slices.Contains(c.Labels, label) || slices.Contains(w.Labels, label)) != wanted {
			return false
		}
	}
	return true
}
