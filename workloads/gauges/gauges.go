package gauges

import (
	"math"

	"github.com/fauxkube/fauxkube/cluster/scheduler/policies"
)

// Gauges follow the nodes of a cluster.
type Gauges struct {
	nodes    []*policies.Node
	workload *policies.Workload
	// capacity and now are each node's: what it has when it is empty, and what it adds to the sums.
	capacity []capacity
	now      []share
	pods     []int
	sum      share
	gpus     int64
	gpuNodes int64
}

type capacity struct {
	cpuMilli, memoryBytes, gpuMilli int64
	model                           model
}

// share is what a node adds to the sums. Fragmented apart, they are whole numbers, so that their sums stay exact.
type share struct {
	usedNodes, usedGPUs, usedGPUMilli, usedCPUMilli, usedMemoryBytes int64
	// gpuMilliInUse is what nodes in use have, used or not.
	gpuMilliInUse int64
	// level is the used part of a node's GPUs, in millionths; square is its square.
	level, square       int64
	watts, centsPerHour int64
	fragmented          float64
}

// full is a level of all GPUs used.
const full = 1_000_000

// New follows empty nodes.
func New(nodes []*policies.Node, workload *policies.Workload) *Gauges {
	g := &Gauges{
		nodes: nodes, workload: workload,
		capacity: make([]capacity, len(nodes)), now: make([]share, len(nodes)), pods: make([]int, len(nodes)),
	}
	for i, n := range nodes {
		c := capacity{n.CPULeft, n.MemoryLeft, n.TotalGPULeft(), modelOf(n.Model)}
		g.capacity[i] = c
		g.gpus += c.gpuMilli / policies.GPUMilli
		if c.gpuMilli > 0 {
			g.gpuNodes++
		}
		g.changed(i)
	}
	return g
}

// Placed is to be called after a pod was placed on the node of that index, Removed after one was removed from it.
func (g *Gauges) Placed(i int) {
	g.pods[i]++
	g.changed(i)
}

// Removed is the reverse of Placed.
func (g *Gauges) Removed(i int) {
	g.pods[i]--
	g.changed(i)
}

func (g *Gauges) changed(i int) {
	before, after := g.now[i], g.look(i)
	g.now[i] = after
	s := &g.sum
	s.usedNodes += after.usedNodes - before.usedNodes
	s.usedGPUs += after.usedGPUs - before.usedGPUs
	s.usedGPUMilli += after.usedGPUMilli - before.usedGPUMilli
	s.usedCPUMilli += after.usedCPUMilli - before.usedCPUMilli
	s.usedMemoryBytes += after.usedMemoryBytes - before.usedMemoryBytes
	s.gpuMilliInUse += after.gpuMilliInUse - before.gpuMilliInUse
	s.level += after.level - before.level
	s.square += after.square - before.square
	s.watts += after.watts - before.watts
	s.centsPerHour += after.centsPerHour - before.centsPerHour
	s.fragmented += after.fragmented - before.fragmented
}

// look is what a node adds.
func (g *Gauges) look(i int) share {
	n, c := g.nodes[i], &g.capacity[i]
	left := n.TotalGPULeft()
	s := share{
		usedGPUMilli: c.gpuMilli - left, usedCPUMilli: c.cpuMilli - n.CPULeft, usedMemoryBytes: c.memoryBytes - n.MemoryLeft,
		fragmented: g.workload.Fragmentation(n),
	}
	for _, l := range n.GPULeft {
		if l < policies.GPUMilli {
			s.usedGPUs++
		}
	}
	if c.gpuMilli > 0 {
		s.level = full * s.usedGPUMilli / c.gpuMilli
		s.square = s.level * s.level
	}
	if g.pods[i] == 0 {
		return s
	}
	gpus := int64(len(n.GPULeft))
	sockets := (c.cpuMilli + socketMilli - 1) / socketMilli
	busy := (s.usedCPUMilli + socketMilli - 1) / socketMilli
	s.usedNodes, s.gpuMilliInUse = 1, c.gpuMilli
	s.watts = s.usedGPUs*c.model.maxWatts + (gpus-s.usedGPUs)*c.model.idleWatts + busy*socketMaxWatts + (sockets-busy)*socketIdleWatts
	s.centsPerHour = gpus*c.model.centsPerHour + c.cpuMilli*threadCentsPerHour/1000
	return s
}

// UsedNodes is how many nodes have pods.
func (g *Gauges) UsedNodes() int { return int(g.sum.usedNodes) }

// UsedGPUMilli, UsedCPUMilli and UsedMemoryBytes are what pods hold.
func (g *Gauges) UsedGPUMilli() int64    { return g.sum.usedGPUMilli }
func (g *Gauges) UsedCPUMilli() int64    { return g.sum.usedCPUMilli }
func (g *Gauges) UsedMemoryBytes() int64 { return g.sum.usedMemoryBytes }

// GPUCapacity is what all nodes have, in thousandths.
func (g *Gauges) GPUCapacity() int64 { return g.gpus * policies.GPUMilli }

// Fragmented is the expected amount of free GPUs that a pod of the workload cannot use, in thousandths.
func (g *Gauges) Fragmented() float64 { return g.sum.fragmented }

// PackingDensity is the used part of the GPUs of nodes in use, in percent; 0 while none is.
func (g *Gauges) PackingDensity() float64 {
	if g.sum.gpuMilliInUse == 0 {
		return 0
	}
	return 100 * float64(g.sum.usedGPUMilli) / float64(g.sum.gpuMilliInUse)
}

// Imbalance is the standard deviation of the nodes' used parts of their GPUs, in percentage points: 0 where all are used
// alike.
func (g *Gauges) Imbalance() float64 {
	if g.gpuNodes == 0 {
		return 0
	}
	n := float64(g.gpuNodes)
	mean := float64(g.sum.level) / n
	variance := float64(g.sum.square)/n - float64(mean*mean)
	return math.Sqrt(max(0, variance)) * 100 / full
}

// Kilowatts is what the nodes in use draw, by the model.
func (g *Gauges) Kilowatts() float64 { return float64(g.sum.watts) / 1000 }

// DollarsPerHour is what the nodes in use cost, by the model.
func (g *Gauges) DollarsPerHour() float64 { return float64(g.sum.centsPerHour) / 100 }
