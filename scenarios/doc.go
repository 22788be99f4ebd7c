// Package scenarios runs scenario files: a cluster, what happens to it, and what must hold.
//
//	all, err := scenarios.Load("rollout.yaml")
//	...
//	report, err := scenarios.Run(ctx, all[0], scenarios.Options{Seed: 7})
//
// Run is everything that `fauxkube run` does, for anybody's own tests: its result is the report as a value. FromManifests
// makes a scenario of ordinary Kubernetes manifests. Check finds what is wrong with a scenario without running it.
//
// # The life of a run
//
//	compile   everything is parsed first: kubectl lines, manifests, expressions, faults. An error names file, line, field
//	boot      the cluster starts from nothing; it takes as long as it takes, and is the report's first row
//	steps     virtual time counts from here: `at: 0s` is when the API answers, all initial nodes are Ready and
//	          free of taints that say otherwise, and the namespace default has its service account
//	verdicts  expectations are decided as they happen; once all steps have ended, the run goes on for the open ones
//	settling  then until every desired state has held for a minute, at most ten: what the last step set in motion
//	          belongs to the run
//
// A step begins at its time (at), when another has ended (after), or when the one before it in the file has. Steps at
// overlapping times run side by side. A chaos step has ended when the fault is in place: its duration is the fault's. A
// wait has ended when its expression holds. A step that fails ends the run.
//
// kubectl fails as it does in reality, with one courtesy to those who write scenarios: where the control plane cannot be
// reached, or is electing, the command is tried again for up to 30 seconds, and the step's output says so.
//
// # Convergence
//
// A step's convergence is the time from its end (from a fault's end, if it has one) to the first instant from which
// every desired state holds until the next step that changes something begins, or the run ends. What is desired is
// defined in package observe. There is none where that did not come.
//
// # Identity
//
// Draws that belong to a step rest on its ID, which is its name or derived from its content. Removing a step leaves the
// IDs of all others, and whom their faults hit, as they are.
//
// Files: load.go, compile.go, topology.go, manifests.go (what is run); run.go, boot.go, steps.go, actions.go, ending.go
// (running it); result.go, measures.go, outcome.go (what came out). Subpackages: format (the file), kubectl, expect (CEL),
// judge (expectations), fault, observe, library (scenarios that ship).
package scenarios
