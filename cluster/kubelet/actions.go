package kubelet

import (
	"fmt"
	"hash/fnv"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// actions is what a sync of a pod is about to do: kill the pod or some containers, create a sandbox, start containers.
type actions struct {
	killPod       bool
	createSandbox bool
	sandbox       string // the one to use, or the one that is replaced
	attempt       uint32
	initStart     []int // indices into the spec, in order of starting
	start         []int
	kill          []killOrder
}

// killOrder is one container to kill, and why.
type killOrder struct {
	id, name string
	message  string
	reason   killReason
}

// killReason decides which grace period applies.
type killReason uint8

const (
	killOther killReason = iota
	killLiveness
	killStartup
)

// verdicts knows the latest probe results that count.
type verdicts interface {
	verdict(kind runtime.Probe, containerID string) (result, bool)
}

// computeActions decides what a pod needs, from its spec and what runs of it.
func computeActions(pod *corev1.Pod, rt *runtime.PodStatus, probes verdicts) actions {
	var a actions
	a.createSandbox, a.attempt, a.sandbox = podstatus.NeedsSandbox(pod, rt)
	a.killPod = a.createSandbox
	if a.createSandbox {
		a.fromScratch(pod, rt)
		return a
	}
	c := computation{pod: pod, rt: rt, probes: probes, actions: &a}
	if initialized := c.inits(); !initialized || a.killPod {
		return a
	}
	if keep := c.mains(); keep == 0 && len(a.start) == 0 {
		a.killPod, a.initStart = true, nil
	}
	return a
}

// fromScratch is for a pod without a sandbox: everything starts over, unless there is nothing left to do.
func (a *actions) fromScratch(pod *corev1.Pod, rt *runtime.PodStatus) {
	if pod.Spec.RestartPolicy == corev1.RestartPolicyNever && a.attempt != 0 && len(rt.Containers) != 0 {
		a.createSandbox = false
		return
	}
	var start []int
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		once := pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure
		if c.RestartPolicy != nil {
			once = *c.RestartPolicy == corev1.ContainerRestartPolicyOnFailure
		}
		if once && succeeded(rt.Container(c.Name)) {
			continue
		}
		start = append(start, i)
	}
	switch {
	case len(start) == 0 && podstatus.AnyMainCreated(pod, rt):
		a.createSandbox = false
	case len(pod.Spec.InitContainers) > 0:
		a.initStart = []int{0}
	default:
		a.start = start
	}
}

func succeeded(s *runtime.ContainerStatus) bool {
	return s != nil && s.State == runtime.Exited && s.ExitCode == 0
}

// computation walks over a pod that has its sandbox.
type computation struct {
	pod    *corev1.Pod
	rt     *runtime.PodStatus
	probes verdicts
	*actions
}

func (c *computation) failed(kind runtime.Probe, id string) bool {
	r, found := c.probes.verdict(kind, id)
	return found && r == failure
}

// inits finds the init container that is next, and dead sidecars. It goes from the last one backwards: the records of
// completed ones may be gone. It reports whether the main containers may start.
func (c *computation) inits() bool {
	specs := c.pod.Spec.InitContainers
	if len(specs) == 0 {
		return true
	}
	done := c.mainsBegan()
	before := done // whether the container looked at now was initialized earlier
	for i, spec := range slices.Backward(specs) {
		status := c.rt.Container(spec.Name)
		if status == nil {
			if before && podstatus.IsSidecar(&spec) {
				c.initStart = append(c.initStart, i)
			}
			continue
		}
		if before && !podstatus.IsSidecar(&spec) {
			continue
		}
		initialized, dead := c.init(i, &specs[i], status, before)
		if dead {
			c.killPod, c.initStart = true, nil
			return false
		}
		if initialized && i == len(specs)-1 {
			done = true
		}
		before = true
	}
	if !before {
		c.initStart = append(c.initStart, 0)
	}
	slices.Reverse(c.initStart)
	return done
}

// mainsBegan reports whether a main container runs: then the init containers have done their work.
func (c *computation) mainsBegan() bool {
	for i := range c.pod.Spec.Containers {
		s := c.rt.Container(c.pod.Spec.Containers[i].Name)
		if s != nil && (s.State == runtime.Created || s.State == runtime.Running) {
			return true
		}
	}
	return false
}

// init looks at one init container. dead: it failed for good, and the pod with it.
func (c *computation) init(i int, spec *corev1.Container, s *runtime.ContainerStatus, before bool) (initialized, dead bool) {
	last := i == len(c.pod.Spec.InitContainers)-1
	sidecar := podstatus.IsSidecar(spec)
	switch s.State {
	case runtime.Created:
		c.initStart = append(c.initStart, i)
	case runtime.Running:
		return sidecar && c.sidecar(i, spec, s, before, last), false
	case runtime.Exited:
		if sidecar {
			c.initStart = append(c.initStart, i)
			return false, false
		}
		if s.ExitCode != 0 {
			if !podstatus.RestartsAfter(spec, &c.pod.Spec, s.ExitCode) {
				return false, true
			}
			c.initStart = append(c.initStart, i)
			return false, false
		}
		if !last {
			c.initStart = append(c.initStart, i+1)
		}
		return true, false
	default:
		c.kill = append(c.kill, killOrder{id: s.ID, name: spec.Name,
			message: fmt.Sprintf("Init container is in %q state, try killing it before restart", s.State)})
		c.initStart = append(c.initStart, i)
	}
	return false, false
}

// sidecar looks at a running one: it counts as initialized once its startup probe has passed.
func (c *computation) sidecar(i int, spec *corev1.Container, s *runtime.ContainerStatus, before, last bool) bool {
	if spec.StartupProbe != nil {
		r, found := c.probes.verdict(runtime.Startup, s.ID)
		if !found {
			return false
		}
		if r != success {
			if r == failure {
				c.restartSidecar(i, spec, s, "failed startup probe", killStartup)
			}
			return false
		}
	}
	if !last && !before {
		c.initStart = append(c.initStart, i+1)
	}
	if changed(spec, s) {
		c.restartSidecar(i, spec, s, "definition changed", killOther)
	} else if spec.LivenessProbe != nil && c.failed(runtime.Liveness, s.ID) {
		c.restartSidecar(i, spec, s, "failed liveness probe", killLiveness)
	}
	return true
}

func (c *computation) restartSidecar(i int, spec *corev1.Container, s *runtime.ContainerStatus, why string, reason killReason) {
	c.kill = append(c.kill, killOrder{id: s.ID, name: spec.Name, reason: reason, message: fmt.Sprintf("Init container %s %s", spec.Name, why)})
	c.initStart = append(c.initStart, i)
}

// mains decides on the main containers and returns how many stay as they are.
func (c *computation) mains() (keep int) {
	for i := range c.pod.Spec.Containers {
		spec := &c.pod.Spec.Containers[i]
		s := c.rt.Container(spec.Name)
		if s == nil || s.State != runtime.Running {
			if podstatus.ShouldStart(spec, c.pod, c.rt) {
				c.start = append(c.start, i)
				if s != nil && s.State == runtime.Unknown {
					c.kill = append(c.kill, killOrder{id: s.ID, name: spec.Name,
						message: fmt.Sprintf("Container is in %q state, try killing it before restart", s.State)})
				}
			}
			continue
		}
		message, reason, restart := c.verdictOn(spec, s)
		if message == "" {
			keep++
			continue
		}
		if restart {
			message += ", will be restarted"
			c.start = append(c.start, i)
		}
		c.kill = append(c.kill, killOrder{id: s.ID, name: spec.Name, message: message, reason: reason})
	}
	return keep
}

// verdictOn says why a running container must go; "" lets it be.
func (c *computation) verdictOn(spec *corev1.Container, s *runtime.ContainerStatus) (message string, reason killReason, restart bool) {
	restart = c.pod.Spec.RestartPolicy != corev1.RestartPolicyNever
	if spec.RestartPolicy != nil {
		restart = *spec.RestartPolicy != corev1.ContainerRestartPolicyNever
	}
	switch {
	case changed(spec, s):
		return fmt.Sprintf("Container %s definition changed", spec.Name), killOther, true
	case c.failed(runtime.Liveness, s.ID):
		return fmt.Sprintf("Container %s failed liveness probe", spec.Name), killLiveness, restart
	case c.failed(runtime.Startup, s.ID):
		return fmt.Sprintf("Container %s failed startup probe", spec.Name), killStartup, restart
	}
	return "", killOther, restart
}

// specHash is the hash of what of a container cannot change while it runs: its name and image.
func specHash(c *corev1.Container) uint64 {
	h := fnv.New64a()
	h.Write([]byte(c.Name))
	h.Write([]byte{0})
	h.Write([]byte(c.Image))
	return h.Sum64()
}

func changed(spec *corev1.Container, s *runtime.ContainerStatus) bool {
	return specHash(spec) != s.SpecHash
}
