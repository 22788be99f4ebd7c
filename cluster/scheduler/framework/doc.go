// Package framework is the scheduling framework of Kubernetes v1.36 as plain values: what a plugin sees, what it may
// answer, and when it is asked.
//
// # One attempt
//
// A pod leaves the queue and passes the extension points in this order:
//
//	PreEnqueue   may the pod enter the active queue at all?           (asked by the queue)
//	PreFilter    look at the pod once; narrow the nodes; skip Filter  (once an attempt)
//	Filter       can the pod run on this node?                        (per node, until enough were found)
//	PostFilter   nothing fits: can preemption help?                   (once, on failure)
//	PreScore     look at the feasible nodes once; skip Score
//	Score        how good is this node, 0..100 after NormalizeScore
//	Reserve      the node is chosen: keep what the pod needs
//	Permit       allow, deny or delay
//	PreBind, Bind, PostBind                                           (concurrently with the next attempts)
//
// Everything up to Permit is one serial computation over a Snapshot. A Cycle carries it: the pod, the snapshot and what
// plugins remember between their own extension points.
//
// # Two ways to ask the same question
//
// Every Filter and Score plugin answers for one NodeInfo; that form is the definition, used for dry runs on changed nodes
// and by plugins written against k8s.io/kube-scheduler/framework. Beside it a plugin may offer a faster form of the same answer:
//
//   - ObjectFilter, ObjectScorer: the answer depends only on the pod's class (tolerations, selectors, ...) and on the
//     node object, so that the runtime remembers it per class and node until the node object changes;
//   - ColumnFilter, ColumnScorer: the answer is computed from the snapshot's columns (one slice a resource, indexed by the node's
//     slot), without touching the NodeInfo.
//
// Property tests hold the forms equal, plugin by plugin.
//
// # Slots, columns, statuses
//
// A node keeps its slot, a small integer, from its arrival to its departure; everything about nodes that is read in a hot
// loop is a slice by slot. A resource name is a column of a Vector; Symbols numbers both resource and image names per
// scheduler. A Status is immutable and shared: the common refusals are allocated once.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package framework
