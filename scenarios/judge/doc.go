// Package judge decides the expectations of a run, and when waits are over.
//
// A Judge is told of everything that can change a verdict: commits of the store, changes of an API server's cache, and
// the beginnings and ends of steps. It samples nothing. At a commit it evaluates the open expectations whose
// expressions read something that the commit changed; those that read the time, or metrics, it evaluates at every
// commit and at the bounds of their window.
//
// Each expectation has a window:
//
//	always, never   from the end of `from` (the start of the run) until the beginning of `until` (its end)
//	eventually      from the end of `after` (the start of the run) for `within` (to the run's end); what has become true
//	                by then must stay so for `stable`
//
// A pause, as in ready+15s, moves a bound. The first violation decides always and never, and is what the report
// shows: when, what had just been committed, and both sides of every comparison. An object that does not exist
// violates always, is no violation of never, and is "not yet" to eventually and to waits; any other error of an
// evaluation fails the expectation.
//
// The package is internal to scenarios and may change.
package judge
