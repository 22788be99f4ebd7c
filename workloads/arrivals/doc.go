// Package arrivals runs a cluster of policies.Nodes through time: pods arrive, hold what they ask for, and leave.
//
//	Source    who arrives when, and stays how long: Recorded times, or Drawn ones (a generators.Process)
//	Run       each pod is placed when it arrives, or waits; what leaves makes room, and those who wait are tried again,
//	          the longest waiting first
//	Result    how long pods waited, and what the gauges (package gauges) showed on average and over time
//
// There is no queue in which all stand behind the first: as in kube-scheduler, a small pod passes a large one that does
// not fit, and so a large one may wait for long. The percentiles of waiting show it.
//
// A pod that waits fits nowhere, for otherwise it would have been placed; so when something leaves a node, only that node
// has to be looked at, and only once for each type of pod that waits. A twin in the tests tries all pods on all nodes.
//
// Time is the kernel's: a run is a simulation of its own, events its arrivals and departures. It depends on nothing but
// its configuration and seed.
package arrivals
