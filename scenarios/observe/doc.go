// Package observe watches a run from outside and sums it up: when everything desired was there, how long pods took to
// start, how many there are in each phase, and, at the end, what is not as it should be and why.
//
// All of it follows the store's commits, each at a cost that does not depend on the size of the cluster. Nothing here
// acts on the simulated world.
//
// The package is internal to scenarios and may change.
package observe
