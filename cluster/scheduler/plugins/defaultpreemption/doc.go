// Package defaultpreemption makes room for a pod that fits nowhere, by deleting pods of lower priority on one node.
//
//	PostFilter   on each node that is only full: would the pod fit without all pods of lower priority? Then which of them
//	             can stay after all, the most important first? Of the nodes found, pick the one that loses least.
//	afterwards   nominate the node, delete the victims (DisruptionTarget condition, deletion, Preempted event), while the
//	             scheduler goes on. Until the deletions have been sent the pod stays gated at PreEnqueue.
//
// The victims end gracefully; their deletion events bring the pod back, and its nomination keeps the room against pods of
// lower priority.
//
// Files: default_preemption.go (the plugin), dryrun.go (candidates), victims.go (one node), budgets.go (PodDisruptionBudgets), pick.go (the best
// candidate), execute.go (the deletions).
package defaultpreemption
