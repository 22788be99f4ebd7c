// Package metrics holds the numbers one simulation measures about itself, under the names Kubernetes gives them.
//
// A component asks a Registry for a handle once, when it starts, naming the family and its labels:
//
//	depth := registry.Gauge("workqueue_depth", "name", "deployment")
//
// and afterwards only increments it: the hot path is an addition, without a lookup, a lock or an allocation. The same
// name and labels give the same handle again, so that a restarted process goes on counting where it left off; whoever
// wants a process's counters to start anew puts its incarnation in a label.
//
// Three kinds exist. A Counter and a Gauge hold an integer. A Histogram holds three views of one stream of values:
// the buckets Kubernetes exports (the table in buckets.go, so that a query written for a real cluster works here), every single value
// as long as there are few of them (percentiles are then exact, nearest rank), and an HDR histogram with three
// significant digits when there are many. All values are integers, nanoseconds or counts; seconds appear only in
// the Prometheus text.
//
// Everything measured here is simulated. What the simulator itself costs its host has other names and another home.
//
// Throughput is the SchedulingThroughput collector of Kubernetes' scheduler_perf as a pure value: samples in, statistics out.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package metrics
