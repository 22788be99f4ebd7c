package observe

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/fauxkube/fauxkube/cluster/api/gpu"
)

// The labels by which a node says what it costs, in dollars an hour, and what it draws, in watts, idle and with all of
// its CPUs and GPUs asked for.
const (
	CostLabel = "fauxkube.dev/cost-per-hour"
	IdleLabel = "fauxkube.dev/idle-watts"
	BusyLabel = "fauxkube.dev/busy-watts"
)

// What a node costs and draws that does not say so, in millionths of a dollar an hour and in milliwatts.
const (
	// OpenCost's default prices (configs/default.json: GCP us-central1, N2 on demand).
	cpuPrice    = 31611 // a CPU
	memoryPrice = 4237  // a GiB
	gpuPrice    = 950000
	// Cloud Carbon Footprint's averages (MIN_WATTS_AVG, MAX_WATTS_AVG, MEMORY_COEFFICIENT of its AWS constants).
	cpuIdle    = 740
	cpuBusy    = 3500
	memoryDraw = 392 // a GB
	// Its Nvidia T4.
	gpuIdle = 8_000
	gpuBusy = 71_000
)

// price is what a node costs and draws.
type price struct {
	microDollars         int64 // an hour
	idleMilli, busyMilli int64 // watts
}

// CheckPrices finds labels that are no price.
func CheckPrices(labels map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != CostLabel && name != IdleLabel && name != BusyLabel {
			continue
		}
		if value, err := strconv.ParseFloat(labels[name], 64); err != nil || !(value >= 0 && value < 1e9) {
			return fmt.Errorf("label %s: want a number of at least 0, got %q", name, labels[name])
		}
	}
	return nil
}

// priceOf takes a node's labels, and what its capacity costs where they say nothing.
func priceOf(labels map[string]string, has amounts) price {
	gib := has.memory * 1000 >> 30 // thousandths
	p := price{
		microDollars: (has.cpu*cpuPrice + gib*memoryPrice + has.gpu*gpuPrice) / 1000,
		idleMilli:    (has.cpu*cpuIdle + gib*memoryDraw + has.gpu*gpuIdle) / 1000,
		busyMilli:    (has.cpu*cpuBusy + gib*memoryDraw + has.gpu*gpuBusy) / 1000,
	}
	for _, given := range []struct {
		label string
		scale float64
		to    *int64
	}{{CostLabel, 1e6, &p.microDollars}, {IdleLabel, 1e3, &p.idleMilli}, {BusyLabel, 1e3, &p.busyMilli}} {
		if value, err := strconv.ParseFloat(labels[given.label], 64); err == nil {
			*given.to = int64(math.Round(value * given.scale))
		}
	}
	return p
}

// watts are those of a node of which so many millionths are asked for.
func (p price) watts(share int64) int64 {
	return p.idleMilli + (p.busyMilli-p.idleMilli)*min(share, million)/million
}

const million = 1_000_000

// amounts are thousandths of a CPU, bytes, and thousandths of a GPU.
type amounts struct{ cpu, memory, gpu int64 }

func (a *amounts) add(b amounts, sign int64) {
	a.cpu += sign * b.cpu
	a.memory += sign * b.memory
	a.gpu += sign * b.gpu
}

// holds reports whether b fits into a.
func (a amounts) holds(b amounts) bool {
	return a.cpu >= b.cpu && a.memory >= b.memory && a.gpu >= b.gpu
}

// scarce picks the resource that the figures are about: GPUs where there are any, else CPUs.
func (a amounts) scarce(gpus bool) int64 {
	if gpus {
		return a.gpu
	}
	return a.cpu
}

func capacityOf(list corev1.ResourceList) amounts {
	_, gpus := gpu.CountOf(list)
	return amounts{cpu: list.Cpu().MilliValue(), memory: list.Memory().Value(), gpu: int64(gpus) * gpu.Whole}
}

// requestOf is what a pod asks for. A request for GPUs that makes no sense counts as none: the kubelet refuses the pod.
func requestOf(pod *corev1.Pod) amounts {
	list := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
	a := amounts{cpu: list.Cpu().MilliValue(), memory: list.Memory().Value()}
	if r, err := gpu.RequestOf(pod); err == nil {
		a.gpu = int64(r.GPUs) * r.Milli
	}
	return a
}
