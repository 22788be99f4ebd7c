// Package config reads KubeSchedulerConfiguration files, kubescheduler.config.k8s.io/v1, as kube-scheduler v1.36 does: strictly, with its
// defaults, its order of plugins, and its complaints.
//
//	c, err := config.Load("scheduler.yaml", data, config.Options{})
//	c.Apply(&schedulerConfig)
//
// A profile starts from the default plugins; what it enables, disables and weighs is merged into them (merge.go), each plugin is built from
// its arguments (plugins.go), and framework/runtime sorts the result into extension points.
//
// What a file says is honoured, or refused by name. Honoured: profiles, plugins, weights, arguments, percentageOfNodesToScore, back-offs,
// the client's rates, leader election, extenders. Without effect here, and accepted: parallelism (decisions are those of one worker; the
// cost model has no workers), debugging, kubeconfig, content types and extenders' TLS. Refused: delayCacheUntilActive, placements of pod groups and
// what gates.go names.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package config
