// Package openb reads the openb traces (Alibaba's cluster-trace-gpu-v2023 in the form in which the FGD paper's simulator
// is distributed) and runs the paper's protocol on them:
//
//	Load      the nodes and pods of a folder, and when pods came and went (package arrivals runs these)
//	Draw      the pods in the order of their arrival: shuffled, then inflated to 1.3 times the GPUs there are
//	Typical   the requests that make up 95 % of the pods: what FGD keeps nodes fit for, and fragmentation is measured by
//	Run       every pod is placed once, in order; what fits nowhere fails and is gone; nothing departs
//	Result    allocation and fragmentation as pods arrive, and the end state
//
// All draws come from Go's math/rand seeded as published, in the published order, and arithmetic follows the published
// order as well (see package policies), so that the figures of every deterministic policy equal the published ones. One
// run is one goroutine's work and depends on nothing but trace, policy and seed.
package openb
