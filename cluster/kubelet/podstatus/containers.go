package podstatus

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// Reasons of waiting and terminated containers.
const (
	reasonCreating      = "ContainerCreating"
	reasonInitializing  = "PodInitializing"
	reasonStatusUnknown = "ContainerStatusUnknown"
	messageLost         = "The container could not be located when the pod was deleted.  The container used to be Running"
	messageLostAtEnd    = "The container could not be located when the pod was terminated"
	messageInitLost     = "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally"
	exitCodeLost        = 137
)

// Reason is why a container could not be started: what the last sync of the pod answered.
type Reason struct {
	Err     string // CrashLoopBackOff, ImagePullBackOff, ErrImagePull, CreateContainerConfigError, ...
	Message string
}

// list computes the statuses of one list of containers of a pod.
type list struct {
	in     *Input
	specs  []corev1.Container
	before []corev1.ContainerStatus
	init   bool
}

func (l *list) statuses() []corev1.ContainerStatus {
	if len(l.specs) == 0 {
		return nil
	}
	out := make([]corev1.ContainerStatus, len(l.specs))
	for i := range l.specs {
		out[i] = l.unstarted(&l.specs[i])
		l.fromRuntime(&l.specs[i], &out[i])
		l.waiting(&l.specs[i], &out[i])
	}
	if !l.init { // init containers keep the order of the spec
		slices.SortFunc(out, func(a, b corev1.ContainerStatus) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
}

// unstarted is the status of a container that the runtime does not know.
func (l *list) unstarted(c *corev1.Container) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: c.Name, Image: c.Image, VolumeMounts: mounts(c)}
	s.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonCreating}
	if len(l.in.Pod.Spec.InitContainers) > 0 {
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonInitializing}
	}
	old := find(l.before, c.Name)
	if old == nil {
		return s
	}
	if old.State.Terminated != nil {
		return *old
	}
	s.RestartCount, s.LastTerminationState = old.RestartCount, old.LastTerminationState
	if old.State.Running != nil && s.LastTerminationState.Terminated == nil && l.in.Runtime.Container(c.Name) == nil {
		// It ran, and nobody saw its end: without this the pod would fall back to Pending.
		s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
			Reason: reasonStatusUnknown, Message: messageLost, ExitCode: exitCodeLost,
		}
		if l.in.Pod.DeletionTimestamp == nil {
			s.RestartCount++
		}
	}
	return s
}

func mounts(c *corev1.Container) []corev1.VolumeMountStatus {
	if len(c.VolumeMounts) == 0 {
		return nil
	}
	out := make([]corev1.VolumeMountStatus, len(c.VolumeMounts))
	for i, m := range c.VolumeMounts {
		out[i] = corev1.VolumeMountStatus{Name: m.Name, MountPath: m.MountPath, ReadOnly: m.ReadOnly}
		if m.ReadOnly {
			mode := corev1.RecursiveReadOnlyDisabled
			if r := m.RecursiveReadOnly; r != nil && *r != corev1.RecursiveReadOnlyDisabled {
				mode = corev1.RecursiveReadOnlyEnabled
			}
			out[i].RecursiveReadOnly = &mode
		}
	}
	return out
}

// fromRuntime replaces s by the newest container of the name; the one before it becomes the last state.
func (l *list) fromRuntime(c *corev1.Container, s *corev1.ContainerStatus) {
	old := find(l.before, c.Name)
	seen := 0
	for i := range l.in.Runtime.Containers {
		cs := &l.in.Runtime.Containers[i]
		if cs.Name != c.Name {
			continue
		}
		if seen == 0 {
			*s = l.convert(c, cs, old)
		} else {
			s.LastTerminationState = convertState(cs, old)
			return
		}
		seen++
	}
}

func (l *list) convert(c *corev1.Container, cs *runtime.ContainerStatus, old *corev1.ContainerStatus) corev1.ContainerStatus {
	s := corev1.ContainerStatus{
		Name: cs.Name, RestartCount: cs.RestartCount, Image: runtime.Canonical(cs.Image), ImageID: cs.ImageRef,
		ContainerID: ContainerID(cs.ID), State: convertState(cs, old), VolumeMounts: mounts(c),
		AllocatedResources: c.Resources.Requests, Resources: &c.Resources, User: user(l.in.Pod, c),
	}
	if old == nil {
		return s
	}
	if old.RestartCount > s.RestartCount {
		s.RestartCount = old.RestartCount
	}
	switch {
	case old.ContainerID != s.ContainerID && old.State.Terminated != nil:
		s.LastTerminationState.Terminated = old.State.Terminated
	case old.LastTerminationState.Terminated != nil:
		s.LastTerminationState.Terminated = old.LastTerminationState.Terminated
	}
	if cs.State == runtime.Running && old.Started != nil {
		s.Started = old.Started
	}
	if cs.State == runtime.Unknown && s.State.Terminated != nil {
		s.RestartCount = old.RestartCount + 1
	}
	return s
}

func convertState(cs *runtime.ContainerStatus, old *corev1.ContainerStatus) corev1.ContainerState {
	switch cs.State {
	case runtime.Running:
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: Time(cs.StartedAt)}}
	case runtime.Exited:
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: cs.ExitCode, Reason: cs.Reason, Message: cs.Message, ContainerID: ContainerID(cs.ID),
			StartedAt: Time(cs.StartedAt), FinishedAt: Time(cs.FinishedAt),
		}}
	case runtime.Unknown:
		if old != nil && old.State.Running != nil {
			return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				Reason: reasonStatusUnknown, Message: messageLostAtEnd, ExitCode: exitCodeLost,
			}}
		}
	}
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
}

// waiting puts a container that the kubelet wants to start, and could not, into the state Waiting with the reason.
func (l *list) waiting(c *corev1.Container, s *corev1.ContainerStatus) {
	rt := l.in.Runtime.Container(c.Name)
	if l.init {
		if rt != nil && rt.State == runtime.Exited && rt.ExitCode == 0 {
			return
		}
		if rt == nil && !IsSidecar(c) && s.State.Waiting != nil && AnyMainCreated(l.in.Pod, l.in.Runtime) {
			s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				Reason: runtime.ReasonCompleted, Message: messageInitLost,
			}}
			return
		}
	}
	if !ShouldStart(c, l.in.Pod, l.in.Runtime) || l.in.Reason == nil {
		return
	}
	reason, ok := l.in.Reason(c.Name)
	if !ok {
		return
	}
	if s.State.Terminated != nil {
		s.LastTerminationState = s.State
	}
	s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason.Err, Message: reason.Message}}
}

// user is what containerd 2 reports: the process's user and groups, root where nothing else is asked for.
func user(pod *corev1.Pod, c *corev1.Container) *corev1.ContainerUser {
	u := &corev1.LinuxContainerUser{}
	if p := pod.Spec.SecurityContext; p != nil {
		u.UID, u.GID = deref(p.RunAsUser, 0), deref(p.RunAsGroup, 0)
		u.SupplementalGroups = append(u.SupplementalGroups, p.SupplementalGroups...)
		if p.FSGroup != nil {
			u.SupplementalGroups = append(u.SupplementalGroups, *p.FSGroup)
		}
	}
	if s := c.SecurityContext; s != nil {
		u.UID, u.GID = deref(s.RunAsUser, u.UID), deref(s.RunAsGroup, u.GID)
	}
	if !slices.Contains(u.SupplementalGroups, u.GID) {
		u.SupplementalGroups = append([]int64{u.GID}, u.SupplementalGroups...)
	}
	return &corev1.ContainerUser{Linux: u}
}

func deref(p *int64, otherwise int64) int64 {
	if p == nil {
		return otherwise
	}
	return *p
}

// ContainerID is a container's identifier as the API shows it.
func ContainerID(id string) string { return "containerd://" + id }

// Time is a wall-clock time as the API keeps it: in whole seconds, UTC.
func Time(w sim.Wall) metav1.Time {
	return metav1.NewTime(w.Time().Truncate(time.Second))
}
