// Package compare lays out comparisons of schedulers: which runs there are, which of them a shard does, what a stopped
// comparison already has, and how shards are put together.
//
//	Kinds      what schedulers can be compared on, by the first argument of `fauxkube compare`
//	Subject    what they are compared on in one comparison
//	Cells      the runs of a comparison: seed by seed, all schedulers of one seed together
//	Shard      every n-th of them
//	Journal    the runs that are done, one on a line, so that a comparison resumes where it was stopped
//	Merge      the documents of shards become that of the whole
//	Scheduler  what whole clusters can run; Register names one of your own
//
// Nothing here runs anything side by side: a cell depends on nothing but itself, and whoever calls may run as many at
// once as there are cores. What the runs mean is package reports/comparison's business.
//
// # Subjects
//
// Openb is the published protocol on traces of a GPU cluster, Arrivals has pods come and go on a light engine, and Clusters
// runs scenarios as package scenarios does, from API to kubelets, with the scheduler in place of the one that the
// scenario names. All schedulers of a comparison break ties by one rule.
//
// # What whole clusters measure
//
// Requests, since these are what a scheduler decides by; package observe says what counts as a node in use. Means are over
// the time from step time 0 to the end of the run; where nodes have GPUs, figures are about GPUs, otherwise about CPUs.
//
//	cost_dollars_per_hour   nodes in use, by their labels fauxkube.dev/cost-per-hour; else OpenCost's default prices
//	power_kilowatts         nodes in use, between fauxkube.dev/idle-watts and busy-watts by what is asked for; else
//	                        Cloud Carbon Footprint's averages for CPUs, memory and a T4
//	nodes_used              nodes with a pod that is neither static nor a DaemonSet's
//	allocation              what is asked for, of all nodes' capacity
//	packing_density         the same, of the nodes in use
//	fragmentation           what is free but of no use to a pod drawn from those that came (the FGD paper's expectation)
//	imbalance               standard deviation of the nodes' shares
//	pending_seconds_*       from creation to binding; pods that got no node waited until the end
//	unschedulable           pods without a node at the end
//	preemptions             pods with the condition DisruptionTarget of reason PreemptionByScheduler
//	unavailability_seconds  replicas desired and not available, added up over Deployments and StatefulSets
//	failed_checks           steps, expectations and bounds of the scenario that did not hold
//	pod_startup, scheduler_scheduling_attempt_duration_seconds
//	                        milliseconds of simulated time, by percentile: they follow from the cost model, and are
//	                        called an assumed cost where a scheduler's own plugins declare none
//	pods, failed, used_*    the end state
//
// What decisions take of the host is measured apart (scheduler.Stopwatch) and never decides anything.
package compare
