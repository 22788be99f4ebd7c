// Package oracle holds the scheduler equal to kube-scheduler's own code, k8s.io/kubernetes v1.36, on random clusters.
//
// It is a module of its own, so that nothing else depends on k8s.io/kubernetes, whose first build takes about five minutes of CPU
// (22 MB to download; seconds from then on). Nothing here runs in the simulator.
//
//	go test .                                   100 random clusters
//	go test . -rapid.checks=10000               what make check-long runs (make oracle: 300)
//	go test . -run TestSpeed -speed             decisions per second of CPU, both on one core in one run
//
// # What is compared
//
// TestPlugins asks every plugin of the default profile about every node, one plugin at a time, and compares: PreFilter's verdict and the nodes
// it leaves, Filter's code and reasons, each raw and each normalised score; and each of the faster forms in which our plugins
// answer.
//
// TestScheduling schedules pods one after the other onto a cluster that changes, and compares: the order of the nodes, who refused each node and
// why, the feasible nodes, every weighted score and their sum, and what preemption proposes: its victims, or its message.
//
// TestDecisions gives both the same configuration file, pops pods from kube-scheduler's own queue and lets its schedulePod decide, batching
// off and on: compared are the node chosen (ties by its heap, rotating start, adaptive percentageOfNodesToScore, nominated nodes, hints from
// batching), the numbers of nodes examined and feasible, which pods have equal signatures, and the message of a pod that fits nowhere.
//
// Half of its clusters have extenders, which kube-scheduler asks over HTTP. TestGates and TestDefaultPlugins compare the feature gates'
// defaults and the default profile.
//
// # Differences left, and why
//
//   - Among equally good preemption candidates upstream's choice depends on the order of a Go map. Ours is fixed; it must be one of
//     upstream's.
//   - Among equal nodes that an extender has scored upstream draws one; so do we, another.
//   - A PodGroup that does not fit waits out its back-off; upstream's idle scheduler pops it again at once (not compared here).
//   - After PreFilter has narrowed the nodes to a set of names, upstream goes through them in the order of a Go map; we go by
//     name. The set is compared.
//   - DynamicResources is left out upstream: ours passes pods without claims and refuses the others by name.
//   - A reason list is compared as a set: upstream's follows a Go map where several scalar resources are short.
//   - NodeVolumeLimits and VolumeBinding: in-tree volumes that a CSI driver has taken over are not translated by ours; none are drawn.
package oracle
