package openb

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// No policy ever gets past the bound.
func TestNothingExceedsTheUpperBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := &Trace{}
		for i := range rapid.IntRange(1, 5).Draw(t, "nodes") {
			n := policies.Node{
				Name: fmt.Sprint("n", i), Model: rapid.SampledFrom([]string{"T4", "G2"}).Draw(t, "model"),
				CPULeft: 8000 * rapid.Int64Range(1, 8).Draw(t, "cpu"), MemoryLeft: 1000,
			}
			for range rapid.IntRange(1, 8).Draw(t, "gpus") {
				n.GPULeft = append(n.GPULeft, policies.GPUMilli)
			}
			trace.Nodes = append(trace.Nodes, n)
		}
		for i := range rapid.IntRange(1, 30).Draw(t, "pods") {
			p := policies.Pod{Name: fmt.Sprint("p", i), CPUMilli: 1000 * rapid.Int64Range(0, 20).Draw(t, "cpu"), MemoryBytes: rapid.Int64Range(0, 100).Draw(t, "memory"),
				GPUs: 1, GPUMilli: 50 * rapid.Int64Range(1, 20).Draw(t, "gpu"), Models: rapid.SampledFrom([]string{"", "", "T4"}).Draw(t, "models")}
			if p.GPUMilli == policies.GPUMilli {
				p.GPUs = rapid.IntRange(1, 8).Draw(t, "gpus")
			}
			trace.Pods = append(trace.Pods, p)
		}
		seed := rapid.Int64Range(0, 100).Draw(t, "seed")
		for _, percent := range []int{50, 100, 130} {
			bound := UpperBound(trace, seed, percent)
			for _, policy := range policies.Names() {
				r, err := Run(trace, policy, seed, ByName)
				if err != nil {
					t.Fatal(err)
				}
				if r.Allocated[percent] > bound {
					t.Errorf("%s allocates %.2f %% at %d %%, and %.2f was to be the most", policy, r.Allocated[percent], percent, bound)
				}
			}
		}
	})
}

// Small cases whose optimum is known.
func TestUpperBoundOfKnownCases(t *testing.T) {
	node := func(cpus int64, gpus int) policies.Node {
		n := policies.Node{CPULeft: 1000 * cpus, MemoryLeft: 1}
		for range gpus {
			n.GPULeft = append(n.GPULeft, policies.GPUMilli)
		}
		return n
	}
	pods := func(count int, p policies.Pod) []policies.Pod {
		var all []policies.Pod
		for i := range count {
			p.Name = fmt.Sprint(i)
			all = append(all, p)
		}
		return all
	}
	for _, test := range []struct {
		name  string
		trace Trace
		want  float64
	}{
		{"every GPU whole", Trace{Nodes: []policies.Node{node(64, 4)}, Pods: pods(4, policies.Pod{GPUs: 1, GPUMilli: 1000})}, 100},
		{"one of more than a half to a GPU", Trace{Nodes: []policies.Node{node(64, 4)}, Pods: pods(6, policies.Pod{GPUs: 1, GPUMilli: 600})}, 60},
		{"two of more than a third to a GPU", Trace{Nodes: []policies.Node{node(64, 4)}, Pods: pods(10, policies.Pod{GPUs: 1, GPUMilli: 400})}, 80},
		{"CPU for two of four", Trace{Nodes: []policies.Node{node(64, 4)}, Pods: pods(4, policies.Pod{GPUs: 1, GPUMilli: 1000, CPUMilli: 32_000})}, 50},
		{"no node is large enough", Trace{Nodes: []policies.Node{node(64, 2), node(64, 2)}, Pods: pods(1, policies.Pod{GPUs: 4, GPUMilli: 1000})}, 0},
		{"nobody asks for more", Trace{Nodes: []policies.Node{node(64, 4)}, Pods: pods(1, policies.Pod{GPUs: 1, GPUMilli: 100})}, 100},
	} {
		if got := UpperBound(&test.trace, 1, 100); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestUpperBoundOfTheDefaultTrace(t *testing.T) {
	if got := UpperBound(defaultTrace(t), 42, 100); got != 97.33 {
		t.Errorf("%v, want 97.33", got)
	}
}
