// Package fairness is API priority and fairness (KEP-1040) as Kubernetes v1.36 runs it by default: it decides which
// request an API server executes now, which waits and which is turned away with 429.
//
// A request is first classified: the flow schemas are tried in order of precedence and the first that matches names a
// priority level and what tells one flow from another (the user, or the namespace). Each level owns a share of the
// server's seats. Within a level, requests of one flow are dealt into a few of the level's queues (shuffle sharding), so
// that a flow that floods its own queues rarely hurts another, and the queues are drained by fair queuing: a meter R
// measures seat-seconds given to each queue, and the queue whose head would finish first in R goes next. A request is as
// wide as the work that it causes: a list by the bytes it will hold in memory, a write by the watchers it wakes (these
// seats linger for a while after the answer). Every ten seconds levels lend each other seats by their recent demand.
//
// The package is a pure state machine: time comes in as an argument, and what follows from a step is told to the
// request's Owner. It draws nothing and allocates nothing per request. The API server in simulation time is its only user;
// it may change without notice.
//
// Where it differs from upstream: the configuration is fixed at start (no FlowSchema objects are served), R never wraps
// (64 bits last 29,000 years of 100 seats), and the demand statistics round each product, so that they are equal on every
// processor.
package fairness
