// Package golden replays recordings of a real Kubernetes control plane on the simulated one and compares the two.
//
// A recording is a folder: the commands that were given and when (steps.txt), the manifest that they begin with
// (in.yaml), every change of an object (watch.jsonl), every write request (audit.jsonl), the Events (events.txt) and
// the objects at the end (out.yaml). The story of a comparison:
//
//	Load      a folder becomes a Transcript: steps, changes, requests, objects at the end
//	Replay    the recording's cluster is built, its steps are given as they stand, what happens is a second Transcript
//	Compare   the two are compared item by item: states of each object, causes before effects, Events, requests, times
//	Tolerate  an item that differs is looked up in a declared table of differences that two real runs have too
//	Table     each item is equal, tolerated (with the reason) or different
//
// Two real runs differ as well. What a scheduler of goroutines decides (how many changes one reconciliation sees at
// once, which of two writers is first) decides how many status updates and conflicts there are; random names, addresses
// and the choice of nodes differ always. So an object's history is compared in two ways: literally, after taking out
// what is random (normalise.go), and where that fails by its milestones: the history without counters that run, which
// must be equal, and its state at the end of each step, counters included, which must be equal too.
//
// A tolerance names items, a limit within which they may differ, and the reason. One that no recording needs any more
// fails the tests.
//
// This package is internal and may change.
package golden
