// Package schedulerperf runs the benchmark cases of kube-scheduler's own scheduler_perf (test/integration/scheduler_perf) on a simulated control
// plane: it reads performance-config.yaml and the templates that it names as they are, does what their opcodes say, and measures.
//
//	cases, err := schedulerperf.Load("performance-config.yaml", readFile)
//	items, err := schedulerperf.Run(cases[0], cases[0].Workloads[0], seed)
//	items.JSON()                 the DataItems that perf-dash reads
//
// As upstream, nodes are objects without kubelets, no controller runs, and a pod is done when it has a node. Throughput is counted on the
// virtual clock, with the cost model's scheduler; upstream's thresholds are of host throughput, and so are only carried along.
//
// Opcodes: createNodes, createNamespaces, createPods, createPodSets, createAny, deletePods, barrier, sleep, startCollectingMetrics and
// stopCollectingMetrics. The others (churn, updateAny, and those of dynamic resource allocation) are refused by name, and so are steady
// states, volumes and changed allocatables. Templates are decoded strictly, as manifests are; {{.Index}} in them and a spec.priority without its
// class are not understood.
package schedulerperf
