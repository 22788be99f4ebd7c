// Package cache is what the scheduler believes about nodes and the pods on them: the informers' view plus the pods that it
// has assigned and not yet seen bound.
//
//	informer: pod assigned   -> AddPod, UpdatePod, RemovePod
//	informer: node           -> AddNode, UpdateNode, RemoveNode
//	scheduling cycle         -> UpdateSnapshot ... AssumePod
//	binding failed           -> ForgetPod
//
// An assumed pod counts like any other, until its own watch event confirms it (AddPod) or the binding fails (ForgetPod).
//
// Every change moves its node to the head of a list and gives it a new generation. UpdateSnapshot walks the list from the head
// to the first node it has already copied: its cost follows what changed since the last attempt, not the size of the
// cluster. Nodes are listed zone by zone in turn, so that the first nodes examined are in different zones.
//
// A node may be deleted before its pods are. It then stays as a ghost, without a node object and outside of snapshots,
// until the last pod is gone; likewise a pod may arrive before its node.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package cache
