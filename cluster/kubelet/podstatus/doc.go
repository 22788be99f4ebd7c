// Package podstatus computes the status that a kubelet reports of a pod. It has no side effects and keeps no state: a
// pod, a snapshot of its containers and the status reported before go in, a corev1.PodStatus comes out.
//
// The steps, in the order of Generate:
//
//	containers.go   the statuses of containers and init containers, from the runtime's view and the earlier statuses
//	phase.go        Pending, Running, Succeeded or Failed, from those
//	conditions.go   PodReadyToStartContainers, Initialized, Ready, ContainersReady, PodScheduled
//	restart.go      which dead container the restart policy starts again
//	normalize.go    what the API server stores of it: whole seconds, a fixed order
//	merge.go        what the status manager sends: foreign conditions kept, no terminal phase while a container runs
//
// Messages, reasons and rules are those of pkg/kubelet of Kubernetes v1.36 (kubelet_pods.go, status/generate.go,
// status/status_manager.go). This package is internal to the kubelet and may change.
package podstatus
