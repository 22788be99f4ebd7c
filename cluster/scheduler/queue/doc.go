// Package queue decides which pod is tried next, and when a pod that failed is worth another attempt.
//
// A pod is in one of five places:
//
//	active          worth trying now; highest priority first, then oldest
//	backoff         worth trying again, after 1 s doubling to 10 s; refused pods
//	error backoff   the same for pods that failed for another reason than a refusal
//	unschedulable   not worth trying until an event says so, or 5 minutes have passed; gated pods (PreEnqueue) wait here too
//	in flight       popped, not yet done: being scheduled, waiting at Permit or being bound
//
// Pop takes from active, and from backoff if active is empty: an idle scheduler lets nobody wait
// (SchedulerPopFromBackoffQ). Back-off ends on whole seconds of the wall clock, so that the pods of one second leave together, by priority.
//
// # Hints
//
// A refused pod remembers the plugins that refused it. Each plugin registers the events that could undo its refusals, with a
// function that looks closer. Move hands an event to the functions of the plugins that refused each pod; one Queue brings the
// pod back. Unschedulable pods are kept by the set of plugins that refused them, so that an event costs nothing for pods whose
// plugins don't care for it.
//
// An event that comes while a pod is in flight might have made it schedulable too late for this attempt. Events are therefore
// logged as long as any pod is in flight that started before; a pod that comes back refused is checked against the events since
// its start.
//
// # Time
//
// The queue sets no timers. It tells its owner the next instant at which Flush has something to do; a queue in which
// nobody waits asks for none.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package queue
