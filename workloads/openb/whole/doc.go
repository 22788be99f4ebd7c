// Package whole runs an openb trace by the published protocol through a whole simulated cluster: the pods are created at an API
// server, one after the other, kube-scheduler's framework places them by a policy's plugin, kubelets with GPU devices take them
// or refuse them. Placements must be those of openb.Follow, pod by pod and GPU by GPU, since the policy is the same code.
//
//	nodes     what the trace lists, with a real kubelet each, named as the seed draws; what a kubelet keeps for
//	          evictions comes on top, so that pods find what the trace says
//	a pod     is created when the one before is bound, or has been found to fit nowhere, after which it is deleted
//	the end   is when all bound pods run
//
// Rates of clients are those of scheduler_perf: at kube-scheduler's own, simulated time would pass in waiting for tokens, and
// decisions would be the same.
package whole
