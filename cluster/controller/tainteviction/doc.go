// Package tainteviction is the taint eviction controller: it deletes pods from nodes with NoExecute taints that the pods do
// not tolerate, at once or after the tolerationSeconds that the pods ask for.
//
// Node and pod events (controller.go) lead to one decision per pod (decide.go): leave it, evict it now, or evict it
// later. Evictions that wait are timers (timers.go); taints that go, tolerations that come and pods that vanish cancel
// them. An eviction is a short sequence of requests (evict.go): read the pod, patch the condition DisruptionTarget into its
// status, delete it; five tries, 10 ms apart. Evictions are not limited in number but by the client's token bucket.
//
// Upstream runs eight workers, sharded by node, that only ever set timers. Here one task does their work: nothing in it
// waits, so that more of them would change nothing.
package tainteviction
