// Package determinism checks that simulated code cannot behave differently from run to run.
//
// It looks at the packages below sim, cluster, workloads and scenarios, tests left out, and rejects what reads the
// host's clock, global randomness, the environment, or an order that the Go runtime chooses: goroutines, select,
// channels, ranging over maps. Each rule has a name and a fixture under testdata that it must reject.
//
// Two comments make exceptions, each with a reason, on the line itself or the one above:
//
//	//sim:unordered <reason>       a range over a map whose result does not depend on the order
//	//sim:allow <rule> <reason>    anything else
//
// Above the package clause they hold for the whole file.
package determinism
