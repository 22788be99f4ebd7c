// Package podgc is the pod garbage collector: every 20 seconds it deletes pods that nobody else will.
//
//   - ended pods beyond a threshold of 12500, evicted ones and the oldest first;
//   - pods being deleted on a node that is not ready and tainted node.kubernetes.io/out-of-service;
//   - pods on a node that does not exist: once it has been missing for 40 s and the API server confirms it;
//   - pods being deleted that were never bound to a node.
//
// A pod that has not ended is first made to fail (with the condition DisruptionTarget if its node is gone), then deleted
// without grace.
//
// Upstream lists all pods in every pass. Here tally.go keeps the few pods and nodes that a pass may act on, from the
// informers' events, so that a quiet cluster costs nothing; a test compares it with the plain lists.
package podgc
