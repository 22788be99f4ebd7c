// Package scheduler is kube-scheduler: it finds a node for every pod that names none, and binds it there.
//
// # The loop
//
// One task takes one pod after the other through the serial part (cycle.go):
//
//	pop the next pod                  queue
//	bring the snapshot up to date     cache
//	filter, score, select a node      framework/runtime, plugins
//	  or: can preemption help?        plugins/defaultpreemption
//	  or, for a pod of a PodGroup: all of its pods (podgroup.go)
//	wait for the CPU time of all that cost model: per cycle, per node filtered, per node scored
//	assume, reserve, permit           the pod counts as on its node
//
// What is decided is decided on the snapshot of the instant in which the pod was popped; what happens while the CPU works
// meets the decision when it is published, as in a real scheduler. Binding (binding.go) goes on beside the next cycles, as a chain
// of callbacks: at most some requests are under way, held back by the client's bucket. A failure (failure.go) writes the pod's
// PodScheduled condition, and the loop waits for that write, as upstream's does.
//
// Informers feed cache and queue (handlers.go); a change that may make a waiting pod schedulable brings it back.
//
// # Layers
//
//	framework/           what plugins see and say
//	framework/runtime/   runs a profile's plugins; the algorithm
//	queue/               which pod is next
//	cache/               nodes and pods, assumed ones included; snapshots
//	plugins/NAME/        one package a plugin
//	metrics/             kube-scheduler's metrics
//	config/              KubeSchedulerConfiguration files
//	oracle/              kube-scheduler itself, to compare with
//
// # Equal to upstream
//
// Filters, reasons, scores, normalisation, weights, node order, the number of nodes examined, the choice among equal scores, victims,
// messages and retries are those of kube-scheduler v1.36 run with one worker. Where upstream leaves something to Go's map order (which of
// equal preemption candidates, which node preemption looks at first), the order here is fixed or drawn from the simulation's stream.
// Opportunistic batching (framework/runtime/batch.go) measures its ages on the virtual clock; it has no effect on the default profile, whose
// pods can't be signed because of the default topology constraints. Extenders are services on simulated machines
// (package extender). Pods of a PodGroup are scheduled together (podgroup.go), off by default as upstream; placements by topology and
// preemption for whole groups are not modelled, nor are devices. A group that does not fit waits out its back-off, where upstream's idle
// scheduler would try it again and again. The nested module oracle holds all this to upstream's own code.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package scheduler
