// Package garbagecollector deletes objects whose owners are gone, and carries out the other two ways to delete an owner.
//
// A graph of all objects and their owner references (graph.go) follows the informers of every kind but Events. It makes no
// requests; each change of it names the nodes that are worth a look:
//
//   - background: an owner was deleted, look at its dependents;
//   - foreground: an object waits for its dependents (finalizer foregroundDeletion): delete those that block it, then
//     remove the finalizer;
//   - orphan: an object is to leave its dependents behind (finalizer orphan): remove its reference from each, then the
//     finalizer.
//
// Twenty workers look at nodes to delete (attempt.go) and twenty at owners to orphan from (orphan.go). They trust the API
// server, not the graph: before an object is deleted, it and those of its owners that are not known to be absent are read,
// and the deletion holds only for the version that was read. References are judged by uid; a name that is taken again
// does not keep a dependent alive.
//
// An owner that is referred to but was never seen is a virtual node: its existence is asked for, and it stays in the graph
// until an informer has shown it or the server has denied it.
//
// Upstream passes changes to the graph through a queue; here handlers change it at once, in the same order.
package garbagecollector
