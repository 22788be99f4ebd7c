package schedulerperf

import (
	"fmt"
	"path"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Case is a test case: a template of operations, and workloads that fill it in.
type Case struct {
	Name                           string          `json:"name"`
	FeatureGates                   map[string]bool `json:"featureGates"`
	MetricsCollectorConfig         any             `json:"metricsCollectorConfig"`
	WorkloadTemplate               []Op            `json:"workloadTemplate"`
	Workloads                      []Workload      `json:"workloads"`
	SchedulerConfigPath            string          `json:"schedulerConfigPath"`
	DefaultPodTemplatePath         string          `json:"defaultPodTemplatePath"`
	Labels                         []string        `json:"labels"`
	DefaultThresholdMetricSelector any             `json:"defaultThresholdMetricSelector"`

	// read reads a file by its path relative to the configuration.
	read func(string) ([]byte, error)
}

// Workload is a size of a case.
type Workload struct {
	Name                    string          `json:"name"`
	Labels                  []string        `json:"labels"`
	Params                  map[string]any  `json:"params"`
	FeatureGates            map[string]bool `json:"featureGates"`
	Threshold               any             `json:"threshold"`
	ThresholdMetricSelector any             `json:"thresholdMetricSelector"`
}

// Op is an operation; which fields count depends on Opcode.
type Op struct {
	Opcode           string `json:"opcode"`
	Count            *int   `json:"count"`
	CountParam       string `json:"countParam"`
	CollectMetrics   bool   `json:"collectMetrics"`
	Namespace        string `json:"namespace"`
	TemplatePath     string `json:"templatePath"`
	NodeTemplatePath string `json:"nodeTemplatePath"`
	PodTemplatePath  string `json:"podTemplatePath"`
	NamespacePath    string `json:"namespaceTemplatePath"`
	Prefix           string `json:"prefix"`
	NamespacePrefix  string `json:"namespacePrefix"`
	CreatePodsOp     *Op    `json:"createPodsOp"`
	SkipWait         bool   `json:"skipWaitToCompletion"`
	Name             string `json:"name"`
	StageRequirement string `json:"stageRequirement"`
	DurationParam    string `json:"durationParam"`
	PerSecond        int    `json:"deletePodsPerSecond"`
	PersistentVolume string `json:"persistentVolumeTemplatePath"`
	PersistentClaim  string `json:"persistentVolumeClaimTemplatePath"`
	SteadyState      bool   `json:"steadyState"`
	SteadyStateParam string `json:"steadyStateParam"`
	Mode             string `json:"mode"`
	Number           int    `json:"number"`
	Interval         int64  `json:"intervalMilliseconds"`
	UpdatePerSecond  int    `json:"updatePerSecond"`
	MaxClaimsPerNode any    `json:"maxClaimsPerNode"`
	MaxClaimsParam   any    `json:"maxClaimsPerNodeParam"`
	DriverName       any    `json:"driverName"`
	Nodes            any    `json:"nodes"`

	Duration      metav1.Duration   `json:"duration"`
	Namespaces    []string          `json:"namespaces"`
	LabelSelector map[string]string `json:"labelSelector"`
	TemplatePaths []string          `json:"templatePaths"`
	Subresources  []string          `json:"subresources"`

	LabelNodes  *LabelNodes  `json:"labelNodePrepareStrategy"`
	UniqueLabel *UniqueLabel `json:"uniqueNodeLabelStrategy"`
	Allocatable any          `json:"nodeAllocatableStrategy"`
}

// LabelNodes gives nodes the values of a label in turn.
type LabelNodes struct {
	LabelKey    string   `json:"labelKey"`
	LabelValues []string `json:"labelValues"`
}

// UniqueLabel gives each node a value of its own.
type UniqueLabel struct {
	LabelKey string `json:"labelKey"`
}

// Load reads a configuration file. Files that it names are read relative to it.
func Load(file string, read func(string) ([]byte, error)) ([]*Case, error) {
	data, err := read(file)
	if err != nil {
		return nil, err
	}
	var cases []*Case
	if err := yaml.UnmarshalStrict(data, &cases); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, c := range cases {
		c.read = func(name string) ([]byte, error) { return read(path.Join(path.Dir(file), name)) }
		seen := map[string]bool{}
		for _, w := range c.Workloads {
			if seen[w.Name] {
				return nil, fmt.Errorf("%s: %s: workload name %s is not unique", file, c.Name, w.Name)
			}
			seen[w.Name] = true
		}
	}
	return cases, nil
}

// Refusal says why a workload can't be run; nil if it can.
func (c *Case) Refusal(w *Workload) error {
	for i := range c.WorkloadTemplate {
		op := &c.WorkloadTemplate[i]
		if !known[op.Opcode] {
			return fmt.Errorf("%s/%s: opcode %s is not modelled", c.Name, w.Name, op.Opcode)
		}
		if op.SteadyState || op.SteadyStateParam != "" || op.PersistentVolume != "" || op.Allocatable != nil {
			return fmt.Errorf("%s/%s: a %s with a steady state, volumes or a change of allocatable is not modelled", c.Name, w.Name, op.Opcode)
		}
	}
	_, err := c.configuration(w)
	return err
}

var known = map[string]bool{
	"createNodes": true, "createNamespaces": true, "createPods": true, "createPodSets": true, "createAny": true, "deletePods": true,
	"barrier": true, "sleep": true, "startCollectingMetrics": true, "stopCollectingMetrics": true,
}

// count is an operation's count, or the workload's parameter of that name; one unless given.
func (w *Workload) count(op *Op) (int, error) {
	switch {
	case op.CountParam != "":
		n, ok := w.Params[strings.TrimPrefix(op.CountParam, "$")].(float64)
		if !ok {
			return 0, fmt.Errorf("%s: no number is given for %s", w.Name, op.CountParam)
		}
		return int(n), nil
	case op.Count != nil:
		return *op.Count, nil
	}
	return 1, nil
}
