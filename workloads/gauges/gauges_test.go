package gauges

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// cluster has nodes of three sorts.
func cluster() (nodes []*policies.Node) {
	for i := range 9 {
		n := &policies.Node{Name: fmt.Sprint("n", i), CPULeft: 64_000, MemoryLeft: 1 << 38, Model: []string{"T4", "V100M16", ""}[i%3]}
		for range []int{2, 8, 0}[i%3] {
			n.GPULeft = append(n.GPULeft, policies.GPUMilli)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func workload() *policies.Workload {
	return policies.NewWorkload([]policies.TypicalPod{
		{Pod: policies.Pod{CPUMilli: 4000, GPUs: 1, GPUMilli: 400}, Share: .6}, {Pod: policies.Pod{CPUMilli: 8000, GPUs: 2, GPUMilli: 1000}, Share: .4},
	})
}

// placed is a pod on a node.
type placed struct {
	node int
	pod  policies.Pod
	gpus []int
}

// dumb computes the gauges from all nodes and pods.
func dumb(nodes []*policies.Node, pods []placed) string {
	var used, watts, cents, inUse, usedGPU, gpuNodes int64
	var levels []float64
	for i, n := range nodes {
		has := false
		var cpu int64
		for _, p := range pods {
			if p.node == i {
				has = true
				cpu += p.pod.CPUMilli
				usedGPU += p.pod.TotalGPUMilli()
			}
		}
		gpus := int64(len(n.GPULeft))
		if gpus > 0 {
			gpuNodes++
			levels = append(levels, 100*float64(gpus*policies.GPUMilli-n.TotalGPULeft())/float64(gpus*policies.GPUMilli))
		}
		if !has {
			continue
		}
		used++
		inUse += gpus * policies.GPUMilli
		m := modelOf(n.Model)
		for _, left := range n.GPULeft {
			if left < policies.GPUMilli {
				watts += m.maxWatts
			} else {
				watts += m.idleWatts
			}
		}
		for socket := range int64(2) {
			if cpu > socket*socketMilli {
				watts += socketMaxWatts
			} else {
				watts += socketIdleWatts
			}
		}
		cents += gpus*m.centsPerHour + 64*threadCentsPerHour
	}
	mean, variance := 0.0, 0.0
	for _, l := range levels {
		mean += l / float64(len(levels))
	}
	for _, l := range levels {
		variance += (l - mean) * (l - mean) / float64(len(levels))
	}
	density := 0.0
	if inUse > 0 {
		density = 100 * float64(usedGPU) / float64(inUse)
	}
	return fmt.Sprintf("%d %d %.3f %.2f %.2f %.3f", used, usedGPU, float64(watts)/1000, float64(cents)/100, density, math.Sqrt(variance))
}

func TestGaugesFollowPods(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := cluster()
		g := New(nodes, workload())
		var pods []placed
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if len(pods) > 0 && rapid.Bool().Draw(t, "leaves") {
				i := rapid.IntRange(0, len(pods)-1).Draw(t, "who")
				p := pods[i]
				nodes[p.node].Remove(&p.pod, p.gpus)
				g.Removed(p.node)
				pods = append(pods[:i], pods[i+1:]...)
			} else {
				node := rapid.IntRange(0, len(nodes)-1).Draw(t, "node")
				p := placed{node: node, pod: policies.Pod{CPUMilli: rapid.Int64Range(0, 9000).Draw(t, "cpu"), MemoryBytes: 1 << 20}}
				if n := nodes[node]; len(n.GPULeft) > 0 && rapid.Bool().Draw(t, "gpu") {
					p.pod.GPUs, p.pod.GPUMilli = 1, rapid.SampledFrom([]int64{250, 500, 1000}).Draw(t, "milli")
					p.gpus = []int{rapid.IntRange(0, len(n.GPULeft)-1).Draw(t, "which")}
				}
				if !nodes[node].Fits(&p.pod) || len(p.gpus) > 0 && nodes[node].GPULeft[p.gpus[0]] < p.pod.GPUMilli {
					continue
				}
				nodes[node].Place(&p.pod, p.gpus)
				g.Placed(node)
				pods = append(pods, p)
			}
			got := fmt.Sprintf("%d %d %.3f %.2f %.2f %.3f", g.UsedNodes(), g.UsedGPUMilli(), g.Kilowatts(), g.DollarsPerHour(), g.PackingDensity(), g.Imbalance())
			if want := dumb(nodes, pods); got != want {
				t.Fatalf("nodes, GPU, kW, $/h, density, imbalance: %s, want %s", got, want)
			}
			fragmented := 0.0
			for _, n := range nodes {
				fragmented += workload().Fragmentation(n)
			}
			if math.Abs(fragmented-g.Fragmented()) > 1e-6 {
				t.Fatalf("fragmented %v, want %v", g.Fragmented(), fragmented)
			}
		}
	})
}

// A V100 node of 8 GPUs with one pod on one GPU and 33 threads: 300 W + 7 idle at 30 W + two busy sockets.
func TestPowerOfANode(t *testing.T) {
	n := &policies.Node{Name: "n", CPULeft: 96_000, MemoryLeft: 1 << 38, Model: "V100M16", GPULeft: []int64{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}}
	g := New([]*policies.Node{n}, workload())
	if g.Kilowatts() != 0 {
		t.Errorf("an empty node draws %v kW", g.Kilowatts())
	}
	n.Place(&policies.Pod{CPUMilli: 33_000, GPUs: 1, GPUMilli: 300}, []int{0})
	g.Placed(0)
	if got, want := g.Kilowatts(), (300+7*30+2*120+15)/1000.; math.Abs(got-want) > 1e-9 {
		t.Errorf("%v kW, want %v", got, want)
	}
}
