// Package mutants shows that the checks can fail: it plants one bug after the other in the store, in the API servers'
// watch caches and in informers, has the store or a cluster work under faults, and asks who finds it, how soon, and with
// which seed. `make mutants` prints the table.
//
// A mutant is a bug's name and an attack: how large the store or the cluster is, what it is asked, and which faults come at random
// times, drawn from the seed. The attacks stay within what a store must survive, which the runs without a bug show: on
// the same attacks nothing may be found.
package mutants
