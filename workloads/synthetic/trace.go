package synthetic

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/arrivals"
	"github.com/fauxkube/fauxkube/workloads/generators"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// FullNodes is how many nodes the trace's cluster has.
const FullNodes = 1213

// fullPods is how many pods the trace has, busySpan the time in which all but a few of them came: the last 37 of 149 days.
const (
	fullPods = 8152
	busySpan = 37 * 24 * time.Hour
)

// What the maker draws for.
const (
	purposeOrder = generators.FreePurpose + iota
	purposeStay
)

// Trace is a cluster of so many nodes, from 1 to FullNodes, and pods in proportion: the same one each time.
func Trace(nodes int) *openb.Trace {
	s := sim.New(sim.Config{Seed: 1, NoWatchdog: true})
	defer s.Close()
	draws := s.Stream("synthetic")
	pods := makePods(fullPods*nodes/FullNodes, draws)
	stays := stayDistributions()
	arrival := generators.Diurnal(busySpan*FullNodes/fullPods/time.Duration(nodes), 24*time.Hour, hourWeights)
	jobs := make([]arrivals.Job, len(pods))
	var at time.Duration
	for i := range pods {
		at += arrival.Gap(draws, at)
		seconds := stays[kindOf(&pods[i])].Sample(draws.Uint64(purposeStay))
		jobs[i] = arrivals.Job{Pod: pods[i], Arrives: at.Truncate(time.Second), Stays: time.Duration(seconds) * time.Second}
	}
	return openb.NewTrace(fmt.Sprintf("synthetic-%d", nodes), makeNodes(nodes), jobs)
}

func makeNodes(count int) (nodes []policies.Node) {
	counts := make([]int, len(nodeClasses))
	for i, c := range nodeClasses {
		counts[i] = c.count
	}
	for i, share := range apportion(counts, count) {
		c := &nodeClasses[i]
		for range share {
			n := policies.Node{Name: fmt.Sprintf("node-%04d", len(nodes)), CPULeft: c.cpuMilli, MemoryLeft: c.memoryMiB << 20, Model: c.model}
			for range c.gpus {
				n.GPULeft = append(n.GPULeft, policies.GPUMilli)
			}
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// makePods are pods of each type in its proportion, in a drawn order.
func makePods(count int, draws *sim.Stream) []policies.Pod {
	counts := make([]int, len(podTypes))
	for i, p := range podTypes {
		counts[i] = p.count
	}
	var sorted []policies.Pod
	for i, share := range apportion(counts, count) {
		p := &podTypes[i]
		for range share {
			sorted = append(sorted, policies.Pod{CPUMilli: p.cpuMilli, MemoryBytes: p.memoryMiB << 20, GPUs: p.gpus, GPUMilli: p.gpuMilli})
		}
	}
	pods := make([]policies.Pod, len(sorted))
	for i, from := range draws.Permutation(purposeOrder, len(sorted)) {
		pods[i] = sorted[from]
		pods[i].Name = fmt.Sprintf("pod-%05d", i)
	}
	return pods
}

// apportion gives each its part of a total by its count, whole numbers by the largest remainder.
func apportion(counts []int, total int) []int {
	sum := 0
	for _, c := range counts {
		sum += c
	}
	parts, order, given := make([]int, len(counts)), make([]int, len(counts)), 0
	for i, c := range counts {
		parts[i], order[i] = c*total/sum, i
		given += parts[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b]*total%sum, counts[a]*total%sum) })
	for _, i := range order[:total-given] {
		parts[i]++
	}
	return parts
}

func stayDistributions() (all [len(stayQuantiles)]generators.Distribution) {
	for kind := range stayQuantiles {
		points := make([]generators.Point, len(stayProbabilities))
		for i, p := range stayProbabilities {
			points[i] = generators.Point{Value: stayQuantiles[kind][i], Weight: p}
		}
		all[kind] = generators.Quantiles(points)
	}
	return all
}

// kindOf is a pod's row of stayQuantiles: without GPU, with a part of one, with one, with several.
func kindOf(p *policies.Pod) int {
	switch {
	case p.GPUs == 0:
		return 0
	case p.Shared():
		return 1
	case p.GPUs == 1:
		return 2
	}
	return 3
}

// HourWeights are how many pods came in each hour of the day.
func HourWeights() []int64 { return slices.Clone(hourWeights) }
