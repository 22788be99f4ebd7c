// Package runtime is the container runtime of one simulated node: containerd, as a kubelet sees it through the CRI.
//
// The story of one container:
//
//	RunSandbox       a pod gets its network: an address from the node's range
//	Pull             the image's missing layers come down, then are unpacked; the store is on disk and stays
//	CreateContainer  a record
//	StartContainer   the process starts, after as long as its image needs
//	...              it serves; it ends by itself if its image says so
//	StopContainer    SIGTERM, the grace period, SIGKILL
//
// Two processes per machine carry it. "containerd" answers calls: while it is down every call fails. "containerd-shim"
// stands for the containers themselves: they outlive a restart of containerd or of the kubelet, but not the machine.
// After a crash the records are still there, as exited with code 255 and reason Unknown, which is what containerd says
// of containers whose end it has not seen; the kubelet then starts new ones.
//
// What an image does comes from a Catalogue, one per simulation. An image that nobody described is 100 MiB, runs 1 s
// after its start, answers every probe, and exits with code 0 within 1 s of SIGTERM. The catalogue remembers which
// images ran on defaults, for the report.
//
// Calls come back by callback in the caller's own process, and not at all if the caller's incarnation has ended.
// State is kept per pod, so that a snapshot costs what one pod costs.
//
// CPU is charged as runtime.sandbox, runtime.create, runtime.start, runtime.stop, runtime.remove and runtime.unpack (per
// MiB). Waiting that is not CPU (network plug-in, registry) is drawn here, with the source beside the number.
//
// # Rejected
//
//   - One process for containerd and containers: restarting the runtime would stop every pod of the node.
//   - A task per container: a state and at most one timer are all that a container needs.
//
// This package is internal to the cluster and may change.
package runtime
