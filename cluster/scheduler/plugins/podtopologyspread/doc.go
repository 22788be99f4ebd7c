// Package podtopologyspread spreads pods over topology domains: zones, hosts or whatever label topologySpreadConstraints name.
//
//	DoNotSchedule    Filter: the domain's matching pods, with this one, exceed the smallest domain's by at most maxSkew
//	ScheduleAnyway   Score: domains with fewer matching pods are better
//
// A pod without constraints that belongs to a Service, ReplicaSet, StatefulSet or ReplicationController gets the system's defaults:
// hosts with a skew of 3, zones with a skew of 5, both only scored.
//
// # Counting
//
// Upstream counts the matching pods of all nodes for each pod it schedules. Here pods whose constraints and node affinity are equal
// share a tally (tally.go): matching pods by node, sums by domain, the smallest sum; between two pods it follows only the nodes
// that changed. The twin in the tests counts anew.
package podtopologyspread
