// Package schedulerperf runs the benchmark cases of kube-scheduler's own scheduler_perf (test/integration/scheduler_perf) on a simulated control
// plane: it reads performance-config.yaml and the templates that it names as they are, does what their opcodes say, and measures.
//
//	cases, err := schedulerperf.Load("performance-config.yaml", readFile)
//	run, err := cases[0].Prepare(&cases[0].Workloads[0], schedulerperf.Options{Seed: 1})
//	result, err := run.Do()
//	result.Items                 the DataItems that perf-dash reads
//
// As upstream, nodes are objects without kubelets, the API server runs without the admission plugins ServiceAccount, Priority and
// TaintNodesByCondition, no controller runs, and a pod is done when it has a node.
//
// # Reading
//
// Load reads the cases (case.go) strictly: a field that nobody knows is an error with its line (strict.go). Names of fields are
// matched without regard to case in configurations and in templates of pods, nodes and volumes, which upstream decodes so too, and exactly
// in those of createAny and updateAny, which upstream's API server checks. Prepare fills a workload's parameters in and reads every
// template and the scheduler's configuration, so that what is wrong is found before anything runs.
//
// # Opcodes
//
// Each has a type with the fields of upstream's of that name (op_nodes.go, op_pods.go, op_objects.go, op_control.go). Those of dynamic
// resource allocation (allocResourceClaims, createResourceClaims, createResourceDriver) need drivers that upstream writes in Go, and are
// refused by name; so is a workload with a parameter that only a Go hook reads.
//
// # Two clocks
//
// Upstream measures how many pods a second get a node on the host. Here there are two such figures, and neither is the other:
//
//	SchedulingThroughput             pods a second of host time: what this simulator takes; labelled Clock: host
//	SimulatedSchedulingThroughput    pods a second of the virtual clock, by the cost model; Clock: simulated
//
// Upstream's thresholds were made for its own machines. They are compared with the host's figure, as information: no run fails by them.
// Histograms of scheduler_* metrics are of the simulated clock.
//
// # Differences
//
// Names that upstream draws at random are drawn from the simulation. Labels and allocatable resources that upstream patches into nodes after
// creating them are there from the start. Memory is not sampled.
package schedulerperf
