// Package extender is both sides of a scheduler extender: a service outside of kube-scheduler that is asked over HTTP which nodes fit, which
// are better, whom to preempt, and to bind (extenders in a KubeSchedulerConfiguration).
//
//	client.go    what the scheduler asks, and what it makes of the answers: framework.Extender
//	post.go      a request on the simulated network, and Go's words for what goes wrong with it
//	server.go    the service: a process on a machine of its own
//	rules.go     a service for scenarios: a node selector, a label to score by
//
// An extender's URL names a machine: http://gpu-extender:8888/scheduler is answered by whoever listens at port 8888 of the machine
// gpu-extender. If nobody does, it can't be reached, with the consequences that upstream has for that: the pod fails, or the extender is
// ignored if it may be.
//
// The scheduler's loop stands still while it waits for an answer, as upstream's does. Pods and nodes may change meanwhile; the attempt goes
// on with the snapshot that it began with.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package extender
