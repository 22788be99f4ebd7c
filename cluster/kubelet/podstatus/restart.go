package podstatus

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// IsSidecar reports whether an init container is restartable: it keeps running beside the main containers.
func IsSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// RestartsAfter reports whether a container that ended with exitCode is started again: its own rules decide, then its
// own policy, then the pod's.
func RestartsAfter(c *corev1.Container, spec *corev1.PodSpec, exitCode int32) bool {
	if c.RestartPolicy != nil {
		for i := range c.RestartPolicyRules {
			if ruleMatches(&c.RestartPolicyRules[i], exitCode) {
				return true // the only actions are Restart and RestartAllContainers
			}
		}
		return policyRestarts(string(*c.RestartPolicy), exitCode)
	}
	return policyRestarts(string(spec.RestartPolicy), exitCode)
}

func ruleMatches(r *corev1.ContainerRestartRule, exitCode int32) bool {
	if r.ExitCodes == nil {
		return false
	}
	in := slices.Contains(r.ExitCodes.Values, exitCode)
	return in == (r.ExitCodes.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn)
}

func policyRestarts(policy string, exitCode int32) bool {
	switch policy {
	case string(corev1.RestartPolicyNever):
		return false
	case string(corev1.RestartPolicyOnFailure):
		return exitCode != 0
	}
	return true
}

// ShouldStart reports whether the kubelet wants to (re)start a container that does not run.
func ShouldStart(c *corev1.Container, pod *corev1.Pod, rt *runtime.PodStatus) bool {
	if pod.DeletionTimestamp != nil {
		return false
	}
	status := rt.Container(c.Name)
	switch {
	case status == nil:
		return true
	case status.State == runtime.Running:
		return false
	case status.State == runtime.Created, status.State == runtime.Unknown:
		return true
	}
	return RestartsAfter(c, &pod.Spec, status.ExitCode)
}

// AnyMainCreated reports whether any main container exists in the runtime: then initialization once finished.
func AnyMainCreated(pod *corev1.Pod, rt *runtime.PodStatus) bool {
	for i := range pod.Spec.Containers {
		if rt.Container(pod.Spec.Containers[i].Name) != nil {
			return true
		}
	}
	return false
}

// anyMainActive reports whether any main container exists in the pod's newest sandbox.
func anyMainActive(pod *corev1.Pod, rt *runtime.PodStatus) bool {
	sandbox := rt.Sandbox()
	if sandbox == nil {
		return false
	}
	for i := range pod.Spec.Containers {
		if c := rt.Container(pod.Spec.Containers[i].Name); c != nil && c.Sandbox == sandbox.ID {
			return true
		}
	}
	return false
}

// NeedsSandbox reports whether a new sandbox must be created, its attempt number, and the sandbox that was there.
func NeedsSandbox(pod *corev1.Pod, rt *runtime.PodStatus) (needed bool, attempt uint32, id string) {
	s := rt.Sandbox()
	if s == nil {
		return true, 0, ""
	}
	ready := 0
	for i := range rt.Sandboxes {
		if rt.Sandboxes[i].Ready {
			ready++
		}
	}
	switch {
	case ready > 1, !s.Ready:
		return true, s.Attempt + 1, s.ID
	case s.HostNetwork != pod.Spec.HostNetwork:
		return true, s.Attempt + 1, ""
	case !pod.Spec.HostNetwork && s.IP == "":
		return true, s.Attempt + 1, s.ID
	}
	return false, s.Attempt, s.ID
}
