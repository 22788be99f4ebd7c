package endpointutil

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// TriggerTimes remembers, per Service, the times of the changes that led to its endpoints, so that whoever programs them can
// tell how long a change took.
type TriggerTimes struct {
	services map[string]*triggers
}

type triggers struct {
	service time.Time
	pods    map[string]time.Time
}

// NewTriggerTimes returns an empty tracker.
func NewTriggerTimes() *TriggerTimes { return &TriggerTimes{services: make(map[string]*triggers)} }

// Compute returns the earliest change that is new since the last call for the Service: a pod's last change of readiness, or
// the Service's creation; zero if nothing is.
func (t *TriggerTimes) Compute(service *corev1.Service, pods []*corev1.Pod) time.Time {
	key := api.KeyOf(service)
	known := t.services[key]
	next := &triggers{service: service.CreationTimestamp.Time, pods: make(map[string]time.Time, len(pods))}
	t.services[key] = next
	var earliest time.Time
	consider := func(at, before time.Time) {
		if at.After(before) && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at
		}
	}
	for _, pod := range pods {
		ready := api.PodCondition(pod, corev1.PodReady)
		if ready == nil || ready.LastTransitionTime.IsZero() {
			continue
		}
		at := ready.LastTransitionTime.Time
		next.pods[pod.Name] = at
		if known != nil {
			consider(at, known.pods[pod.Name])
		}
	}
	if known == nil {
		return next.service
	}
	consider(next.service, known.service)
	return earliest
}

// Forget drops a Service that is gone.
func (t *TriggerTimes) Forget(key string) { delete(t.services, key) }

// Format writes a trigger time as the annotation endpoints.kubernetes.io/last-change-trigger-time has it.
func Format(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
