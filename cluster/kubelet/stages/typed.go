package stages

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// typedTemplate computes what a well-known template renders: the change as a function and the length of the JSON that
// the template would have produced. ok is false for an object that it leaves to the template.
type typedTemplate func(r *Renderer, obj api.Object) (apply func(api.Object) (api.Object, error), size int, ok bool)

// typedTemplates are the templates of KWOK's "fast" stages, by the hash of their text: a file that changes one letter
// goes the general way. Tests hold every entry equal to its template, byte for byte.
var typedTemplates = map[string]typedTemplate{
	"d307584f5fdc177a": podReady,
	"a5e2d5d0056d5539": podEnds(corev1.PodSucceeded, 0, "Completed"),
	"c904e46d88518be3": podEnds(corev1.PodFailed, 1, "Error"),
	"affa6d678dd8dabf": nodeHeartbeat,
	"acecd43184d3f1cb": nodeInitialize,
}

// fingerprint is the key of a template's text.
func fingerprint(source string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(source)))
	return hex.EncodeToString(sum[:8])
}

// podReady: the pod runs at once, with addresses from its node.
func podReady(r *Renderer, obj api.Object) (func(api.Object) (api.Object, error), int, bool) {
	pod, ok := obj.(*corev1.Pod)
	if !ok || len(pod.Spec.InitContainers) > 0 || len(pod.Spec.ReadinessGates) > 0 || !plainContainers(pod.Spec.Containers) {
		return nil, 0, false
	}
	now := r.env.Now()
	hostIPs := r.env.NodeIPsWith(pod.Spec.NodeName)
	podIPs := r.env.PodIPsWith(pod.Spec.NodeName, pod.Spec.HostNetwork)
	w := writer{stamp: stamp(now)}
	w.podReady(pod.Spec.Containers, hostIPs, podIPs)
	started := metav1.NewTime(now.UTC().Truncate(second))
	apply := func(old api.Object) (api.Object, error) {
		p := api.Shallow(old.(*corev1.Pod))
		s := &p.Status
		s.Conditions = mergePodConditions(s.Conditions, started)
		s.ContainerStatuses = runningStatuses(pod.Spec.Containers, started)
		s.InitContainerStatuses = nil
		mergeAddresses(s, hostIPs, podIPs)
		s.Phase, s.StartTime = corev1.PodRunning, &started
		return p, nil
	}
	return apply, len(w.b), true
}

func runningStatuses(containers []corev1.Container, started metav1.Time) []corev1.ContainerStatus {
	out := make([]corev1.ContainerStatus, len(containers))
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}
	for i := range containers {
		out[i] = corev1.ContainerStatus{Name: containers[i].Name, Image: containers[i].Image, Ready: true, State: state}
	}
	return out
}

var readyConditions = [...]corev1.PodConditionType{corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady}

// mergePodConditions sets the conditions that the template lists, as a strategic merge patch does.
func mergePodConditions(old []corev1.PodCondition, at metav1.Time) []corev1.PodCondition {
	patch := make([]corev1.PodCondition, len(readyConditions))
	for i, t := range readyConditions {
		patch[i] = corev1.PodCondition{Type: t, Status: corev1.ConditionTrue, LastTransitionTime: at}
	}
	return mergeList(old, patch,
		func(a, b *corev1.PodCondition) bool { return a.Type == b.Type },
		func(old, patched corev1.PodCondition) corev1.PodCondition {
			old.Status, old.LastTransitionTime = patched.Status, patched.LastTransitionTime
			return old
		})
}

func mergeAddresses(s *corev1.PodStatus, hostIPs, podIPs []string) {
	if len(hostIPs) > 0 {
		s.HostIP = hostIPs[0]
		s.HostIPs = mergeStrings(s.HostIPs, hostIPs, func(ip string) corev1.HostIP { return corev1.HostIP{IP: ip} })
	}
	if len(podIPs) > 0 {
		s.PodIP = podIPs[0]
		s.PodIPs = mergeStrings(s.PodIPs, podIPs, func(ip string) corev1.PodIP { return corev1.PodIP{IP: ip} })
	}
}

func mergeStrings[T comparable](old []T, add []string, wrap func(string) T) []T {
	patch := make([]T, len(add))
	for i := range add {
		patch[i] = wrap(add[i])
	}
	return mergeList(old, patch, func(a, b *T) bool { return *a == *b }, func(old, _ T) T { return old })
}

// podEnds: every container has ended now, with the exit code of the stage.
func podEnds(phase corev1.PodPhase, exitCode int32, reason string) typedTemplate {
	return func(r *Renderer, obj api.Object) (func(api.Object) (api.Object, error), int, bool) {
		pod, ok := obj.(*corev1.Pod)
		if !ok || !plainContainers(pod.Spec.Containers) || len(pod.Status.ContainerStatuses) < len(pod.Spec.Containers) {
			return nil, 0, false
		}
		now := r.env.Now()
		w := writer{stamp: stamp(now)}
		w.podEnds(pod.Spec.Containers, exitCode, reason, string(phase))
		at := metav1.NewTime(now.UTC().Truncate(second))
		apply := func(old api.Object) (api.Object, error) {
			p := api.Shallow(old.(*corev1.Pod))
			p.Status.ContainerStatuses = endedStatuses(pod.Spec.Containers, exitCode, reason, at)
			p.Status.Phase = phase
			return p, nil
		}
		return apply, len(w.b), true
	}
}

func endedStatuses(containers []corev1.Container, exitCode int32, reason string, at metav1.Time) []corev1.ContainerStatus {
	out := make([]corev1.ContainerStatus, len(containers))
	started := false
	state := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: exitCode, Reason: reason, StartedAt: at, FinishedAt: at,
	}}
	for i := range containers {
		out[i] = corev1.ContainerStatus{Name: containers[i].Name, Image: containers[i].Image, Started: &started, State: state}
	}
	return out
}

// nodeHeartbeat: the conditions of a healthy node, seen now.
func nodeHeartbeat(r *Renderer, obj api.Object) (func(api.Object) (api.Object, error), int, bool) {
	node, ok := obj.(*corev1.Node)
	if !ok || node.CreationTimestamp.IsZero() || len(node.Status.Addresses) == 0 {
		return nil, 0, false
	}
	for _, a := range node.Status.Addresses {
		if !plainText(a.Address) || !plainText(string(a.Type)) {
			return nil, 0, false
		}
	}
	now := r.env.Now()
	w := writer{stamp: stamp(now)}
	w.heartbeat(node, r.env.NodePort())
	seen := metav1.NewTime(now.UTC().Truncate(second))
	port := int32(r.env.NodePort())
	apply := func(old api.Object) (api.Object, error) {
		n := api.Shallow(old.(*corev1.Node))
		n.Status.Conditions = mergeNodeConditions(n.Status.Conditions, seen, node.CreationTimestamp)
		n.Status.Addresses = mergeNodeAddresses(n.Status.Addresses, node.Status.Addresses)
		if port != 0 {
			n.Status.DaemonEndpoints.KubeletEndpoint.Port = port
		}
		return n, nil
	}
	return apply, len(w.b), true
}

func mergeNodeConditions(old []corev1.NodeCondition, seen, since metav1.Time) []corev1.NodeCondition {
	patch := make([]corev1.NodeCondition, len(nodeConditions))
	for i, c := range nodeConditions {
		c.LastHeartbeatTime, c.LastTransitionTime = seen, since
		patch[i] = c
	}
	return mergeList(old, patch,
		func(a, b *corev1.NodeCondition) bool { return a.Type == b.Type },
		func(_, patched corev1.NodeCondition) corev1.NodeCondition { return patched })
}

func mergeNodeAddresses(old, patch []corev1.NodeAddress) []corev1.NodeAddress {
	return mergeList(old, patch,
		func(a, b *corev1.NodeAddress) bool { return a.Type == b.Type },
		func(_, patched corev1.NodeAddress) corev1.NodeAddress { return patched })
}
