// Package interpodaffinity keeps pods near or away from other pods, as their podAffinity and podAntiAffinity say: required terms filter,
// preferred ones score. Anti-affinity works both ways: a pod that is there may keep the new one out.
//
// A term is about a topology domain, not a node: one matching pod decides for all nodes with the same label value. Upstream looks
// at the pods of all nodes (that could matter) for each pod it schedules. Here pods that are alike share a tally (tally.go) of what
// counts for and against each domain; between two pods it follows only the nodes that changed. The twin in the tests
// counts anew.
package interpodaffinity
