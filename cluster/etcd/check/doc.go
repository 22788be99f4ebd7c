// Package check holds a store to its promises from the outside: what clients are answered, what watchers are told, how
// long leases live. What members owe each other the store's canonical log checks itself (etcd.Guarantee).
//
// # How it works
//
// A [Checker] is told every first application of an entry, and does the same on a keyspace of its own that never
// crashes, is never restored and has no peers: the model. Each application must do what the model does.
//
// A [Client] is a client of the store whose requests are recorded. A request is found again in the log by its address:
// commands carry it by reference. So the checker knows for each request whether and where it took effect, and what the
// answer must be. An answer is compared when it comes:
//
//	a write   with what the model answered at its place in the log, which lies between call and answer because the
//	          request was not there before the call and must have been applied before the answer
//	a read    with the model at the revision that it names. That must not be newer than the newest now and, if the read
//	          is linearizable, not older than the newest at the call
//	a failure with nothing, where it may have taken effect all the same; a refusal must never take effect
//
// All of this costs the same for each request however long the history is; nothing is searched. That it finds what a search
// for an order finds, porcupine's, is tested on many small histories.
//
// Watches go through package watchcheck. A lease must live for its time, by the slowest clock that is allowed, from each
// renewal on that the newest leader has answered.
//
// # What is not compared
//
// A read that was served before a compaction and answered after it: the model has let go of that state. Stats counts
// them.
package check
