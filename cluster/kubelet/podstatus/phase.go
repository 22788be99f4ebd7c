package podstatus

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// AnnotationSource marks a pod with where the kubelet got it from; every source but "api" is static.
const (
	AnnotationSource    = "kubernetes.io/config.source"
	AnnotationMirror    = "kubernetes.io/config.mirror"
	AnnotationHash      = "kubernetes.io/config.hash"
	AnnotationFirstSeen = "kubernetes.io/config.seen"
	SourceAPI           = "api"
	SourceFile          = "file"
)

// IsStatic reports whether the pod comes from a file on the node and not from the API.
func IsStatic(pod *corev1.Pod) bool {
	source, has := pod.Annotations[AnnotationSource]
	return has && source != SourceAPI
}

// IsMirror reports whether the pod is the API's image of a static pod.
func IsMirror(pod *corev1.Pod) bool {
	_, has := pod.Annotations[AnnotationMirror]
	return has
}

func find(statuses []corev1.ContainerStatus, name string) *corev1.ContainerStatus {
	for i := range statuses {
		if statuses[i].Name == name {
			return &statuses[i]
		}
	}
	return nil
}

// census counts containers by what they are doing.
type census struct {
	pendingInit, pendingSidecar, initFailed int
	unknown, running, waiting, stopped      int
	notRestartable, succeeded               int
}

// Phase computes a pod's phase from the statuses of its containers. terminal: the kubelet will start none of them
// again. rt tells whether a main container already ran in this sandbox.
func Phase(pod *corev1.Pod, containers, inits []corev1.ContainerStatus, terminal bool, rt *runtime.PodStatus) corev1.PodPhase {
	var n census
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		if IsSidecar(c) {
			n.sidecar(find(inits, c.Name))
		} else {
			n.init(c, &pod.Spec, find(inits, c.Name))
		}
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		n.main(c, &pod.Spec, find(containers, c.Name))
	}
	return n.phase(terminal && !IsStatic(pod), anyMainActive(pod, rt))
}

func (n *census) init(c *corev1.Container, spec *corev1.PodSpec, s *corev1.ContainerStatus) {
	var end *corev1.ContainerStateTerminated
	switch {
	case s == nil:
	case s.State.Terminated != nil:
		end = s.State.Terminated
	case s.State.Waiting != nil && s.LastTerminationState.Terminated != nil:
		end = s.LastTerminationState.Terminated
	}
	switch {
	case end == nil:
		n.pendingInit++
	case end.ExitCode != 0 && !RestartsAfter(c, spec, end.ExitCode):
		n.initFailed++
	}
}

func (n *census) sidecar(s *corev1.ContainerStatus) {
	switch {
	case s == nil:
		n.unknown++
	case s.State.Running != nil:
		n.running++
		if s.Started == nil || !*s.Started {
			n.pendingSidecar++
		}
	case s.State.Terminated != nil: // a sidecar's end does not count
	case s.State.Waiting != nil:
		if s.LastTerminationState.Terminated == nil {
			n.pendingSidecar++
			n.waiting++
		}
	default:
		n.pendingSidecar++
		n.unknown++
	}
}

func (n *census) main(c *corev1.Container, spec *corev1.PodSpec, s *corev1.ContainerStatus) {
	switch {
	case s == nil:
		n.unknown++
	case s.State.Running != nil:
		n.running++
	case s.State.Terminated != nil:
		n.stop(c, spec, s.State.Terminated.ExitCode)
		if s.State.Terminated.ExitCode == 0 {
			n.succeeded++
		}
	case s.State.Waiting != nil && s.LastTerminationState.Terminated != nil:
		n.stop(c, spec, s.LastTerminationState.Terminated.ExitCode)
	case s.State.Waiting != nil:
		n.waiting++
	default:
		n.unknown++
	}
}

func (n *census) stop(c *corev1.Container, spec *corev1.PodSpec, exitCode int32) {
	n.stopped++
	if !RestartsAfter(c, spec, exitCode) {
		n.notRestartable++
	}
}

func (n *census) phase(terminal, initialized bool) corev1.PodPhase {
	switch {
	case n.initFailed > 0:
		return corev1.PodFailed
	case n.pendingInit > 0, n.pendingSidecar > 0 && !initialized, n.waiting > 0:
		return corev1.PodPending
	case n.running > 0 && n.unknown == 0:
		return corev1.PodRunning
	case n.running > 0 || n.stopped == 0 || n.unknown > 0:
		return corev1.PodPending
	case !terminal && n.stopped != n.notRestartable:
		return corev1.PodRunning // at least one is about to be restarted
	case n.stopped == n.succeeded:
		return corev1.PodSucceeded
	}
	return corev1.PodFailed
}
