// Package fault injects what goes wrong: chaos documents in Chaos Mesh's vocabulary, and kinds of our own in the same
// shape for what Chaos Mesh cannot reach.
//
//	Parse    reads a document strictly: unknown kinds, actions and fields are errors with file, line and field
//	Inject   selects victims, does it to them, and hands back what undoes it
//
// Each kind is one file and one entry of the table in kinds.go, with an example. Faults act on machines, processes,
// disks and paths of the network, never on the Kubernetes above them; pod-kill alone goes through the API, as it does
// in Chaos Mesh.
//
// # Who is hit
//
// Selectors choose among what is committed in the store. Of those, the mode takes one, all, or a number. Which ones
// follows from the seed, the step's ID and the candidates' names alone: each candidate has a rank, and the lowest
// ranks are taken. So neither another step nor another moment changes the choice, and a candidate that comes or goes
// changes at most one of the chosen.
//
// # Time
//
// A fault with a duration is lifted after it; one without stays to the end of the run.
//
// # Where pods are machines
//
// A pod has no network of its own here: NetworkChaos acts on the machines that its pods run on, between them and the
// target's machines or, without a target, all others. A cut without a target therefore cuts kubelets from the API
// server too, which Chaos Mesh's does not.
//
// The package is internal to scenarios and may change.
package fault
