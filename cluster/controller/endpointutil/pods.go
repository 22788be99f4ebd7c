package endpointutil

import (
	"fmt"
	"hash/fnv"
	"io"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/dump"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// AffectedServices returns the keys of the Services, in order of name, whose endpoints may change when a pod does. old is
// nil for a new pod, cur for one that is gone.
func AffectedServices(services *client.Informer, old, cur *corev1.Pod) []string {
	switch {
	case old == nil:
		return selecting(services, cur.Namespace, func(s map[string]string) bool { return api.MatchesSet(s, cur.Labels) })
	case cur == nil:
		return selecting(services, old.Namespace, func(s map[string]string) bool { return api.MatchesSet(s, old.Labels) })
	case old.ResourceVersion == cur.ResourceVersion:
		return nil
	}
	changed, moved := podChanged(old, cur), !maps.Equal(old.Labels, cur.Labels) || hostnameChanged(old, cur)
	if !changed && !moved {
		return nil
	}
	return selecting(services, cur.Namespace, func(s map[string]string) bool {
		before, after := api.MatchesSet(s, old.Labels), api.MatchesSet(s, cur.Labels)
		if !moved {
			return after
		}
		if changed {
			return before || after
		}
		return before != after
	})
}

func selecting(services *client.Informer, namespace string, match func(selector map[string]string) bool) []string {
	var keys []string
	for _, o := range services.List(namespace, nil) {
		// Without a selector a Service selects nothing; its endpoints are somebody else's.
		if s := o.(*corev1.Service).Spec.Selector; s != nil && match(s) {
			keys = append(keys, api.KeyOf(o))
		}
	}
	return keys
}

// podChanged: what an endpoint says about the pod differs. Every update of a pod that is being deleted counts, as upstream
// compares the timestamps' addresses.
func podChanged(old, cur *corev1.Pod) bool {
	if old.DeletionTimestamp != nil || cur.DeletionTimestamp != nil || api.IsPodReady(old) != api.IsPodReady(cur) {
		return true
	}
	if len(old.Status.PodIPs) != len(cur.Status.PodIPs) {
		return true
	}
	for i := range old.Status.PodIPs {
		if old.Status.PodIPs[i] != cur.Status.PodIPs[i] {
			return true
		}
	}
	return false
}

func hostnameChanged(old, cur *corev1.Pod) bool {
	return old.Spec.Hostname != cur.Spec.Hostname || old.Spec.Subdomain != cur.Spec.Subdomain
}

// Includes reports whether the pod has an endpoint: it has an address and has not ended, and, unless terminating pods are
// wanted too, is not being deleted.
func Includes(pod *corev1.Pod, terminating bool) bool {
	if api.IsPodTerminal(pod) || pod.Status.PodIP == "" && len(pod.Status.PodIPs) == 0 {
		return false
	}
	return terminating || pod.DeletionTimestamp == nil
}

// HasHostname reports whether the pod's endpoint carries its host name: it says that it belongs to this Service.
func HasHostname(pod *corev1.Pod, service *corev1.Service) bool {
	return pod.Spec.Hostname != "" && pod.Spec.Subdomain == service.Name && pod.Namespace == service.Namespace
}

// FindPort resolves the port of a Service on a pod: a number, or the name of a port of one of its containers, restartable
// init containers included.
func FindPort(pod *corev1.Pod, port *corev1.ServicePort) (int32, error) {
	if port.TargetPort.Type == intstr.Int {
		return port.TargetPort.IntVal, nil
	}
	find := func(containers []corev1.Container, sidecarsOnly bool) (int32, bool) {
		for i := range containers {
			c := &containers[i]
			if sidecarsOnly && (c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways) {
				continue
			}
			for _, p := range c.Ports {
				if p.Name == port.TargetPort.StrVal && p.Protocol == port.Protocol {
					return p.ContainerPort, true
				}
			}
		}
		return 0, false
	}
	if n, ok := find(pod.Spec.Containers, false); ok {
		return n, nil
	}
	if n, ok := find(pod.Spec.InitContainers, true); ok {
		return n, nil
	}
	return 0, fmt.Errorf("no suitable port for manifest: %s", pod.UID)
}

// Hash is the FNV-128a hash of a value's dump, by which upstream orders ports and subsets.
func Hash(value any) string {
	h := fnv.New128a()
	_, _ = io.WriteString(h, dump.ForHash(value))
	return string(h.Sum(nil))
}
