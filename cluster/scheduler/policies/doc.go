// Package policies holds scheduling policies for clusters with GPUs that are an alternative to kube-scheduler's scores:
// those of the comparison in "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient
// Descent" (Weng et al., USENIX ATC 2023), and first fit by name.
//
// A policy is a pure function of a Node and a Pod, both in the units of the published traces: thousandths of CPUs and
// of GPUs, and bytes. It scores a node, the higher the better, and chooses the GPUs of the node that wins. Filtering and
// the breaking of ties are not the policy's: Chooser is the one loop that decides for any of them, and among equals it
// takes the first node by name. kube-scheduler would draw, and the ranking of these policies changes with that.
//
// # Equal to the last bit
//
// Scores are integers cut from floating-point expressions, so a last digit decides ties, and with them, pod by pod, the
// whole placement. Each expression therefore adds and rounds in the published order, every product is rounded on its
// own (a fused multiply-add would give other digits on other processors), and the sigmoid is a table of thresholds: see
// gradientScore.
//
// # Cost
//
// A Chooser keeps the scores of each type of pod and looks again only at nodes that have changed since that type was
// last seen. Policies need not know.
package policies
