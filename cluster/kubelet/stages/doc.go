// Package stages runs KWOK Stage files in place of kubelets: objects move from stage to stage as templates say, with no
// container behind them. Recordings and calibration use it, since the clusters that they come from ran KWOK.
//
// The story of one pod:
//
//	Load        a file of Stage documents is parsed and compiled once: jq queries, selectors, templates
//	Controller  one process watches nodes and pods and holds the leases of all nodes
//	Match       each version of an object goes through the selectors; several matches are drawn by weight
//	Delay       the stage waits, with jitter, in a queue from which four workers take
//	Compute     its templates are rendered over the object as seen, and become a patch, if that changes anything
//
// Behaviour is that of KWOK 0.9 (sigs.k8s.io/kwok, pkg/kwok/controllers and pkg/utils/lifecycle), including what users
// of KWOK see in audit logs: a pod being deleted is deleted twice, the second time in vain, since the deletion's own
// update matches the stage again.
//
// Two shortcuts, each held equal to the general way by tests: queries of common shapes read the field directly
// (getter.go, beside gojq), and the templates of KWOK's "fast" stages are recognised by their text and computed as Go
// (typed.go, beside text/template and YAML). A file that differs by one letter goes the general way.
//
// Not supported, with an error that says so: stages for other kinds, CEL expressions, apply steps.
//
// testdata holds the stage files that KWOK ships (Apache-2.0, kubernetes-sigs/kwok) with the additions of the recorded
// cluster, and the patches that KWOK really sent there. This package is internal and may change.
package stages
