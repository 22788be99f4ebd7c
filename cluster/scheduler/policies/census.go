package policies

import (
	"cmp"
	"slices"
)

// TypicalPercent of the pods is what the typical ones have to make up, as published.
const TypicalPercent = 95

// Census counts pods by what they ask for. Memory is no part of that here.
type Census map[Pod]int

// Add counts a pod in.
func (c Census) Add(p *Pod) {
	c[Pod{CPUMilli: p.CPUMilli, GPUMilli: p.GPUMilli, GPUs: p.GPUs, Models: p.Models}]++
}

// Typical is the target workload: the most frequent requests that make up 95 % of the pods, and their shares of these.
func (c Census) Typical() []TypicalPod {
	var typical []TypicalPod
	total, taken := 0.0, 0.0
	for p, count := range c { //sim:unordered sorted below, and no two are equal; a sum of whole numbers
		typical = append(typical, TypicalPod{Pod: p, Share: float64(count)})
		total += float64(count)
	}
	slices.SortFunc(typical, func(a, b TypicalPod) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.CPUMilli, a.CPUMilli), cmp.Compare(b.GPUMilli, a.GPUMilli),
			cmp.Compare(b.GPUs, a.GPUs), cmp.Compare(b.Models, a.Models))
	})
	for i := range typical {
		if taken >= TypicalPercent*total/100 {
			typical = typical[:i]
			break
		}
		taken += typical[i].Share
	}
	for i := range typical {
		typical[i].Share = typical[i].Share / total / (taken / total)
	}
	return typical
}
