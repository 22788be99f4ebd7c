package podstatus

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// Eviction is the kubelet's own verdict on a pod, such as DeadlineExceeded: the phase becomes Failed with it.
type Eviction struct{ Reason, Message string }

// Probes knows the probe results of containers.
type Probes interface {
	// Started reports whether the container, whose status is given, has passed its startup probe or has none.
	Started(s *corev1.ContainerStatus) bool
	// Ready reports whether it has passed its readiness probe or has none. Called for started containers only.
	Ready(s *corev1.ContainerStatus) bool
}

// Input is everything that a pod's status follows from.
type Input struct {
	Pod *corev1.Pod
	// Runtime is the runtime's snapshot; never nil.
	Runtime *runtime.PodStatus
	// Old is the status reported before: the status manager's, else the API's.
	Old *corev1.PodStatus
	// Terminal says that every container has been stopped for good.
	Terminal bool
	// Reason answers why a container could not be started, if so. May be nil.
	Reason func(container string) (Reason, bool)
	// Evict is set where the kubelet ends the pod.
	Evict  *Eviction
	Probes Probes
	HostIP string
}

// Generate computes the pod's status. The result shares parts with the pod's spec and the old status; nothing of it
// may be changed in place.
func Generate(in *Input) corev1.PodStatus {
	pod := in.Pod
	s := corev1.PodStatus{QOSClass: QOS(pod)}
	if ip := in.Runtime.IP(); ip != "" {
		s.PodIP, s.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	}
	main := list{in: in, specs: pod.Spec.Containers, before: in.Old.ContainerStatuses}
	init := list{in: in, specs: pod.Spec.InitContainers, before: in.Old.InitContainerStatuses, init: true}
	s.ContainerStatuses, s.InitContainerStatuses = main.statuses(), init.statuses()
	settlePhase(in, &s)
	settleProbes(in, &s)
	s.Conditions = conditions(in, &s)
	settleAddresses(in, &s)
	return s
}

// settlePhase computes the phase, keeps a terminal one, and keeps the reason that goes with an unchanged one.
func settlePhase(in *Input, s *corev1.PodStatus) {
	s.Phase = Phase(in.Pod, s.ContainerStatuses, s.InitContainerStatuses, in.Terminal, in.Runtime)
	if !terminal(s.Phase) {
		if terminal(in.Old.Phase) {
			s.Phase = in.Old.Phase
		} else if terminal(in.Pod.Status.Phase) {
			s.Phase = in.Pod.Status.Phase
		}
	}
	if s.Phase == in.Old.Phase {
		s.Reason = first(in.Old.Reason, in.Pod.Status.Reason)
		s.Message = first(in.Old.Message, in.Pod.Status.Message)
	}
	if in.Evict != nil {
		s.Phase, s.Reason, s.Message = corev1.PodFailed, in.Evict.Reason, in.Evict.Message
	}
	if terminal(in.Pod.Status.Phase) {
		s.Phase = in.Pod.Status.Phase
	}
}

func terminal(p corev1.PodPhase) bool { return p == corev1.PodSucceeded || p == corev1.PodFailed }

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// settleProbes sets started and ready of every container.
func settleProbes(in *Input, s *corev1.PodStatus) {
	for i := range s.ContainerStatuses {
		settleProbe(in.Probes, &s.ContainerStatuses[i])
	}
	for i := range s.InitContainerStatuses {
		c, spec := &s.InitContainerStatuses[i], &in.Pod.Spec.InitContainers[i]
		if IsSidecar(spec) {
			settleProbe(in.Probes, c)
			continue
		}
		started := c.State.Running != nil && in.Probes.Started(c)
		c.Started = &started
		if c.State.Terminated != nil && c.State.Terminated.ExitCode == 0 {
			c.Ready = true
		}
	}
}

func settleProbe(probes Probes, c *corev1.ContainerStatus) {
	started := c.State.Running != nil && probes.Started(c)
	c.Started = &started
	c.Ready = started && probes.Ready(c)
}

// conditions lists those that others own as they are, then the kubelet's.
func conditions(in *Input, s *corev1.PodStatus) []corev1.PodCondition {
	pod := in.Pod
	out := make([]corev1.PodCondition, 0, max(len(pod.Status.Conditions), 5)) // Those of others are few.
	for _, c := range pod.Status.Conditions {
		if !Owned(c.Type) {
			out = append(out, c)
		}
	}
	if c := Condition(in.Old.Conditions, corev1.DisruptionTarget); c != nil {
		out = SetCondition(out, *c)
	}
	return append(out,
		ReadyToStartContainers(pod, in.Runtime),
		Initialized(pod, in.Old.Conditions, s.ContainerStatuses, s.InitContainerStatuses, s.Phase),
		Ready(pod, out, s.ContainerStatuses, s.InitContainerStatuses, s.Phase),
		ContainersReady(pod, s.ContainerStatuses, s.InitContainerStatuses, s.Phase),
		condition(pod, corev1.PodScheduled, corev1.ConditionTrue, "", ""),
	)
}

// SetCondition replaces the condition of c's type in the slice, or appends it. The slice must be the caller's own.
func SetCondition(conditions []corev1.PodCondition, c corev1.PodCondition) []corev1.PodCondition {
	if is := Condition(conditions, c.Type); is != nil {
		*is = c
		return conditions
	}
	return append(conditions, c)
}

func settleAddresses(in *Input, s *corev1.PodStatus) {
	if in.HostIP == "" {
		return
	}
	s.HostIP, s.HostIPs = in.HostIP, []corev1.HostIP{{IP: in.HostIP}}
	if in.Pod.Spec.HostNetwork && s.PodIP == "" {
		s.PodIP, s.PodIPs = in.HostIP, []corev1.PodIP{{IP: in.HostIP}}
	}
}
