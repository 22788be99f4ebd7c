package schedulerperf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/workloads/schedulerperf"
)

func read(name string) ([]byte, error) { return os.ReadFile(filepath.FromSlash(name)) }

func load(t *testing.T) map[string]*schedulerperf.Case {
	t.Helper()
	cases, err := schedulerperf.Load("testdata/performance-config.yaml", read)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*schedulerperf.Case{}
	for _, c := range cases {
		byName[c.Name] = c
	}
	return byName
}

func workload(t *testing.T, c *schedulerperf.Case, name string) *schedulerperf.Workload {
	t.Helper()
	for i := range c.Workloads {
		if c.Workloads[i].Name == name {
			return &c.Workloads[i]
		}
	}
	t.Fatalf("%s has no workload %s", c.Name, name)
	return nil
}

func run(t *testing.T, name string, o schedulerperf.Options) (*schedulerperf.Result, error) {
	t.Helper()
	test, size, _ := strings.Cut(name, "/")
	c := load(t)[test]
	o.Seed = 1
	ready, err := c.Prepare(workload(t, c, size), o)
	if err != nil {
		t.Fatal(err)
	}
	return ready.Do(t.Context())
}

// item finds a figure by metric and name.
func item(r *schedulerperf.Result, metric, name string) *schedulerperf.DataItem {
	for i := range r.Items {
		if l := r.Items[i].Labels; l["Metric"] == metric && l["Name"] == schedulerperf.NamePrefix+name {
			return &r.Items[i]
		}
	}
	return nil
}

// TestRun runs every case that can, twice: the same items, with pods that were scheduled on the virtual clock and none on a host's.
func TestRun(t *testing.T) {
	for name, measurements := range map[string][]string{
		"Basic/5Nodes":                     {"namespace-4"},
		"Basic/100Nodes":                   {"namespace-4"},
		"Preemption/Default":               {"namespace-3"},
		"Preemption/AsyncAPICalls":         {"namespace-3"},
		"Preemption/SynchronousPreemption": {"namespace-3"},
		"Templates/Indexed":                {"gated"},
		"SteadyState/For10s":               {"namespace-1"},
		"Volumes/Fits":                     {"set-0", "set-1"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := run(t, name, schedulerperf.Options{})
			if err != nil {
				t.Fatal(err)
			}
			again, err := run(t, name, schedulerperf.Options{})
			if err != nil || !bytes.Equal(schedulerperf.JSON(r), schedulerperf.JSON(again)) {
				t.Errorf("another result the second time: %v", err)
			}
			for _, m := range measurements {
				found := item(r, schedulerperf.SimulatedThroughput, name+"/"+m)
				if found == nil || found.Data["Average"] <= 0 || found.Unit != "pods/s" || found.Labels["Clock"] != "simulated" {
					t.Errorf("%s: %+v", m, found)
				}
				attempts := item(r, "scheduler_scheduling_attempt_duration_seconds", name+"/"+m)
				if attempts == nil || attempts.Data["Perc99"] <= 0 || attempts.Unit != "ms" || attempts.Labels["result"] != "scheduled" {
					t.Errorf("%s: %+v", m, attempts)
				}
				if item(r, schedulerperf.Throughput, name+"/"+m) != nil {
					t.Errorf("%s: a throughput of the host without its clock", m)
				}
			}
		})
	}
}

// TestGatesMatter: preemption takes another time where the serial loop waits for the victims, or does not wait for statuses.
func TestGatesMatter(t *testing.T) {
	took := map[float64]string{}
	for _, name := range []string{"Preemption/Default", "Preemption/AsyncAPICalls", "Preemption/SynchronousPreemption"} {
		r, err := run(t, name, schedulerperf.Options{})
		if err != nil {
			t.Fatal(err)
		}
		attempts := item(r, "scheduler_scheduling_algorithm_duration_seconds", name+"/namespace-3").Data["Average"]
		algorithm := item(r, "SimulatedSchedulingDuration", name+"/namespace-3").Data["Duration"] + attempts
		if other := took[algorithm]; other != "" {
			t.Errorf("%s took as long as %s", name, other)
		}
		took[algorithm] = name
	}
}

// TestSteadyStateGoesOn: whenever all pods have a node, others come, until the time is over.
func TestSteadyStateGoesOn(t *testing.T) {
	r, err := run(t, "SteadyState/For10s", schedulerperf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := item(r, "SimulatedSchedulingDuration", "SteadyState/For10s/namespace-1").Data["Duration"]
	rate := item(r, schedulerperf.SimulatedThroughput, "SteadyState/For10s/namespace-1").Data["Average"]
	if d < 10 || d > 10.1 || rate < 50 {
		t.Errorf("%v s at %v pods/s", d, rate)
	}
}

// TestThresholdsAreOfTheHost compares upstream's thresholds with the host's figure, and with nothing else.
func TestThresholdsAreOfTheHost(t *testing.T) {
	clock := time.Duration(0)
	ticking := func() time.Duration { clock += 20 * time.Millisecond; return clock } // at each pod: 50 pods a second
	for topic, met := range map[string]bool{"mine": true, "other": false} {
		r, err := run(t, "Basic/Topic", schedulerperf.Options{Topic: topic, HostNow: ticking})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Verdicts) != 1 || r.Verdicts[0].Clock != "host" || r.Verdicts[0].Met() != met || int(r.Verdicts[0].Value) != 50 {
			t.Errorf("%s: %+v", topic, r.Verdicts)
		}
		host := item(r, schedulerperf.Throughput, "Basic/Topic/namespace-4")
		if host.Labels["Clock"] != "host" || host.Data["AverageThreshold"] != r.Verdicts[0].Threshold {
			t.Errorf("%+v", host)
		}
		if simulated := item(r, schedulerperf.SimulatedThroughput, "Basic/Topic/namespace-4"); len(simulated.Data) != 5 {
			t.Errorf("a threshold beside the simulated figure: %+v", simulated)
		}
	}
	r, err := run(t, "Basic/100Nodes", schedulerperf.Options{})
	if err != nil || len(r.Verdicts) != 1 || r.Verdicts[0].Missing == "" || r.Verdicts[0].Met() {
		t.Errorf("%+v %v", r.Verdicts, err)
	}
}

// TestJSON: all items have the same labels, as perf-dash wants it.
func TestJSON(t *testing.T) {
	r, err := run(t, "Basic/5Nodes", schedulerperf.Options{HostNow: func() time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	var parsed schedulerperf.DataItems
	if err := json.Unmarshal(schedulerperf.JSON(r), &parsed); err != nil || parsed.Version != "v1" {
		t.Fatal(err, parsed.Version)
	}
	for _, i := range parsed.DataItems {
		if len(i.Labels) != len(parsed.DataItems[0].Labels) || i.Labels["extension_point"] == "" {
			t.Errorf("%v", i.Labels)
		}
	}
}

// TestWhatNeverEndsSaysWhy: a workload whose pods do not fit names one of them.
func TestWhatNeverEndsSaysWhy(t *testing.T) {
	_, err := run(t, "Volumes/TooMany", schedulerperf.Options{})
	if err == nil || !strings.Contains(err.Error(), "Volumes/TooMany: op 1, createPodSets in line") || !strings.Contains(err.Error(), "10 of 11 pods after 10m0s") ||
		!strings.Contains(err.Error(), "node(s) exceed max volume count") {
		t.Error(err)
	}
}

// TestSelected filters by labels as upstream does.
func TestSelected(t *testing.T) {
	c := load(t)["Basic"]
	for filter, want := range map[string]string{
		"": "5Nodes 100Nodes Topic", "performance": "100Nodes", "short,integration-test": "5Nodes", "-short": "100Nodes Topic", "+short,-integration-test": "",
	} {
		var got []string
		for i := range c.Workloads {
			if c.Selected(&c.Workloads[i], strings.Split(filter, ",")) {
				got = append(got, c.Workloads[i].Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q selects %v, want %s", filter, got, want)
		}
	}
}

// oneCase is a configuration of one operation beside one that collects metrics.
func oneCase(operation string) string {
	return "- name: X\n  workloadTemplate:\n  - " + strings.ReplaceAll(operation, "\n", "\n    ") +
		"\n  - {opcode: createPods, count: 1, collectMetrics: true}\n  workloads: [{name: w, params: {n: 3, word: abc}}]\n"
}

// TestBadConfigurations: what is wrong is said with its place, and nothing runs.
func TestBadConfigurations(t *testing.T) {
	for file, want := range map[string]string{
		"":                           "f.yaml: the file is empty",
		"name: x\n":                  "f.yaml:1: want a list of test cases",
		"- name: x\n  workloadz: []": `f.yaml:2: unknown field "[0].workloadz"; want one of`,
		"- name: x\n\tbad":           "f.yaml:2: found a tab character",
		"- name: x\n  labels: 3":     "f.yaml:1: labels: want a value of type []string, got a number",
		"- name: x":                  "f.yaml:1: x: no workloads defined",
		"- name: x\n  workloads: [{name: a}]\n  workloadTemplate: [{opcode: sleep}]": "x: no op in the workload template collects metrics",
		"- name: x\n  workloads: [{name: a}]\n  workloadTemplate:\n  - count: 1":     "f.yaml:4: x: an operation has no opcode",
		oneCase("opcode: fly"):                                        `f.yaml:3: X: unknown opcode "fly"; want one of allocResourceClaims, barrier`,
		oneCase("opcode: createNodes\ncuont: 1"):                      `f.yaml:4: unknown field "cuont"`,
		oneCase("opcode: createNodes\ncount: many"):                   "f.yaml:4: count: want a value of type int, got a string",
		oneCase("opcode: createPods\nsteadystate: true\nskipWait: 1"): `f.yaml:5: unknown field "skipWait"`,
	} {
		_, err := schedulerperf.Load("f.yaml", func(string) ([]byte, error) { return []byte(file), nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", file, err, want)
		}
	}
}

// TestBadWorkloads: what a workload asks for and cannot be is found before it runs.
func TestBadWorkloads(t *testing.T) {
	files := map[string]string{
		"pod.yaml":   "apiVersion: v1\nkind: Pod\nspec:\n  containerz: []\n",
		"exact.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  Containers: []\n",
		"crd.yaml":   "apiVersion: example.com/v1\nkind: Thing\n",
		"index.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: 'a{{ .Indexx }}'}\n",
		"div.yaml":   "apiVersion: v1\nkind: Pod\nmetadata: {name: 'a{{ DivideInt 1 0 }}'}\n",
		"node.yaml":  "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n",
	}
	const used = "opcode: createNodes\ncountParam: $n\n"
	for operation, want := range map[string]string{
		"opcode: allocResourceClaims\nnamespace: x":                         "X/w: op 0, allocResourceClaims in line 3: opcode allocResourceClaims needs a Go hook",
		"opcode: createNodes\ncountParam: $m":                               "parameter m is undefined",
		"opcode: createNodes\ncountParam: $word":                            "parameter word has the wrong type string, want float64",
		"opcode: createNodes\ncountParam: n":                                `parameter "n": want $ and a name`,
		"opcode: createNodes\ncount: -1":                                    "invalid count -1",
		"opcode: createNodes\ncount: 1":                                     "parameters n, word are defined but unused",
		used + "nodeTemplatePath: none.yaml":                                "none.yaml",
		used + "labelNodePrepareStrategy: {labelKey: a}":                    "labelNodePrepareStrategy.labelValues: want at least one",
		used + "nodeAllocatableStrategy: {nodeAllocatable: {cpu: x}}":       `nodeAllocatableStrategy.nodeAllocatable.cpu: "x"`,
		"opcode: createPods\npodTemplatePath: pod.yaml":                     `dir/pod.yaml:4: unknown field "spec.containerz"`,
		"opcode: createPods\npodTemplatePath: index.yaml":                   `map has no entry for key "Indexx"`,
		"opcode: createPods\npodTemplatePath: div.yaml":                     "division by zero",
		"opcode: createPods\nskipWaitToCompletion: true\nsteadyState: true": "cannot be true at the same time",
		"opcode: createPods\nsteadyState: true":                             "the test duration and the count must be > 0",
		"opcode: createAny\ntemplatePath: exact.yaml\nnamespace: a":         `dir/exact.yaml:5: unknown field "spec.Containers"`,
		"opcode: createAny\ntemplatePath: crd.yaml":                         `dir/crd.yaml:2: no matches for kind "Thing" in version "example.com/v1"`,
		"opcode: createAny\ntemplatePath: node.yaml\nnamespace: a":          "nodes have none",
		"opcode: updateAny\ntemplatePath: exact.yaml":                       `dir/exact.yaml:5: unknown field "spec.Containers"`,
		"opcode: churn\nmode: often":                                        `invalid mode "often"`,
		"opcode: churn\nmode: recreate\ntemplatePaths: [node.yaml]":         "invalid number 0 for mode recreate",
		"opcode: churn\nmode: create":                                       "templatePaths: want at least one",
		"opcode: barrier\nstageRequirement: Done":                           "invalid stageRequirement Done: want Scheduled or Attempted",
		"opcode: startCollectingMetrics":                                    "namespaces cannot be empty",
		"opcode: sleep\ndurationParam: $word":                               "invalid duration parameter $word",
		"opcode: deletePods\ndeletePodsPerSecond: -1":                       "invalid deletePodsPerSecond -1",
	} {
		cases, err := schedulerperf.Load("dir/f.yaml", func(name string) ([]byte, error) {
			if name == "dir/f.yaml" {
				return []byte(oneCase(operation)), nil
			}
			if data, ok := files[strings.TrimPrefix(name, "dir/")]; ok {
				return []byte(data), nil
			}
			return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
		})
		if err != nil {
			t.Errorf("%s: %v", operation, err)
			continue
		}
		if _, err = cases[0].Prepare(&cases[0].Workloads[0], schedulerperf.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", operation, err, want)
		}
	}
}

// TestGates: a gate that is not modelled is refused with the workload's name.
func TestGates(t *testing.T) {
	file := strings.Replace(oneCase("opcode: createNodes\ncountParam: $n"), "{name: w,", "{name: w, featureGates: {StorageCapacityScoring: true},", 1)
	cases, err := schedulerperf.Load("f.yaml", func(string) ([]byte, error) { return []byte(file), nil })
	if err != nil {
		t.Fatal(err)
	}
	_, err = cases[0].Prepare(&cases[0].Workloads[0], schedulerperf.Options{})
	if err == nil || errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "X/w: feature gate StorageCapacityScoring=true: only its default") {
		t.Error(err)
	}
}
