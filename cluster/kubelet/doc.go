// Package kubelet is the node agent: it registers its node, keeps the node's lease and status, and makes the pods that
// are bound to the node run.
//
// It has no loop and, once it has started, no task: everything is a state machine on callbacks, so that a thousand
// nodes at rest cost nothing between their heartbeats. The story of one pod, with the file of each part:
//
//	podsource.go    the informer (or a static manifest) brings the pod; admission.go takes or rejects it
//	devices.go      gives it the GPUs that it asks for, or has it rejected
//	worker.go       its worker queues the update; one sync of a pod runs at a time
//	sync.go         a sync: report the status, mount volumes, decide, act
//	actions.go      what to do: create a sandbox, start or kill containers (pure)
//	start.go        start one container: back-off, image, create, start, post-start hook
//	images.go       pulls, one after the other, with the registry's rate limit and back-off
//	pleg.go         the runtime has changed: look again, at the next second or at once after a sync
//	probes.go       startup, readiness and liveness
//	kill.go         preStop, SIGTERM, SIGKILL, sidecars last
//	terminate.go    the end: kill, report, clean up, and at last DELETE with grace 0
//	statusmanager.go  GET and PATCH pods/status, one pod after the other
//
// and of the node: node.go (registration, status), nodestatus.go (pure), lease.go, static.go (mirror pods), volumes.go
// (ConfigMaps and Secrets that must exist). What pods report is computed in the package podstatus.
//
// Names, reasons, messages, periods and the order of requests are those of pkg/kubelet of Kubernetes v1.36. Periodic
// loops of the original are kept in phase but run only when there is work: PLEG's relist (1 s), the sync loop's tick
// (1 s), housekeeping (2 s), the runtime check (5 s), the status manager's reconciliation (10 s). Nobody outside can
// tell, apart from the CPU that idle loops would burn, which the cost table leaves out.
//
// A restarted kubelet knows nothing but its configuration: it lists its pods again, finds their containers in the
// runtime and lets them run; which GPUs they have is in the device manager's checkpoint file. Killing the machine takes the containers too; the runtime reports them as exited with 255
// and the kubelet starts new ones in new sandboxes.
//
// Not modelled: evictions under pressure, image garbage collection, in-place resize, ephemeral containers, user
// namespaces, devices other than GPUs (whose plugin is taken to be there), dynamic resources, RestartAllContainers (treated as Restart), service account tokens (taken
// to be there), the kubelet's own HTTP server.
//
// CPU is charged as kubelet.sync (per sync of a pod), kubelet.status (per status write), kubelet.probe (per probe) and
// kubelet.relist (per pod looked at).
//
// This package is internal to the cluster and may change.
package kubelet
