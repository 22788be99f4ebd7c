// Package policies holds scheduling policies for clusters with GPUs that are an alternative to kube-scheduler's scores:
// those of the comparison in "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient
// Descent" (USENIX ATC 2023), and first fit by name.
//
// A policy is a pure function of a Node and a Pod, both in the units of the trace: thousandths of CPUs and of GPUs, and
// bytes. It scores a node, the higher the better, and chooses the GPUs of the node that wins. Filtering and breaking of
// ties are the caller's: Best is the one loop that both the published protocol and the simulated scheduler use.
package policies
