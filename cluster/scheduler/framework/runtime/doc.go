// Package runtime runs a profile's plugins: it knows their order and weights, leaves out those that asked to be, and picks for
// each question the fastest form in which a plugin can answer it.
//
// Framework is one profile's plugins, extension point by extension point. Algorithm is upstream's schedulePod: which nodes
// are examined in which order, when enough have been found, and who wins:
//
//	PreFilter                       narrows the nodes, or refuses the pod
//	nominated node first            if preemption made room there
//	Filter from the rotating start  until numFeasibleNodesToFind nodes fit
//	PreScore, Score, NormalizeScore weighted sum
//	the tie rule                    among the best
//
// It is a pure function of the snapshot, the pod and the rotating start index, and needs no API server: scheduling comparisons run
// it on bare snapshots.
//
// Answers that depend only on a pod's class and the node object (taints against tolerations, labels against selectors) are
// remembered per class and node until the node object changes; pods of one Deployment are one class. Everything else is computed
// from columns. A twin without any of this answers node by node, and property tests hold the two equal.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package runtime
