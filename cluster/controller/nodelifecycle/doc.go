// Package nodelifecycle is the node lifecycle controller: it notices when a node stops giving signs of life and says so in
// the node's conditions, taints and pods. Evicting the pods is another controller's work (package tainteviction).
//
// Four loops share the state:
//
//   - monitor.go, every 5 s: compare each node's status and Lease with what was seen last (health.go). What has not
//     changed for 50 s on this controller's own clock makes the node's conditions Unknown, in one write of nodes/status,
//     and its pods not ready. Nodes that are not ready are queued for the NoExecute taint, by zone;
//   - tainting.go, every 100 ms while something is queued: taint queued nodes NoExecute, at the rate of their zone;
//   - nodeworker.go, 8 workers: keep NoSchedule taints in step with conditions, and two pairs of labels with each other;
//   - podworker.go, 4 workers: a pod that is bound to a node already known as not ready is marked at once.
//
// The rate of a zone follows its state (zones.go): normal, partly disrupted (slower, or stopped in a small zone), fully
// disrupted (normal rate, for the fault may be the zone's). If every zone is fully disrupted the fault is likely on this
// side: tainting stops and the taints are taken back.
package nodelifecycle
