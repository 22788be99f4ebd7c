package registry

import (
	corev1 "k8s.io/api/core/v1"
)

// podQOS classifies a pod by the cpu and memory of its containers (or of the pod, where set there): Guaranteed if all
// have limits equal to their requests, BestEffort if none has either, else Burstable.
func podQOS(s *corev1.PodSpec) corev1.PodQOSClass {
	if s.Resources != nil {
		return qosOf(qosState{guaranteed: true}.add(s.Resources))
	}
	q := qosState{guaranteed: true}
	for i := range s.InitContainers {
		q = q.add(&s.InitContainers[i].Resources)
	}
	for i := range s.Containers {
		q = q.add(&s.Containers[i].Resources)
	}
	return qosOf(q)
}

type qosState struct {
	any        bool // some request or limit is set
	guaranteed bool // every container so far limits both and requests what it limits
}

func (q qosState) add(r *corev1.ResourceRequirements) qosState {
	for _, name := range [...]corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, limit := r.Requests[name], r.Limits[name]
		if !request.IsZero() || !limit.IsZero() {
			q.any = true
		}
		if limit.IsZero() || !request.IsZero() && request.Cmp(limit) != 0 {
			q.guaranteed = false
		}
	}
	return q
}

func qosOf(q qosState) corev1.PodQOSClass {
	switch {
	case !q.any:
		return corev1.PodQOSBestEffort
	case q.guaranteed:
		return corev1.PodQOSGuaranteed
	}
	return corev1.PodQOSBurstable
}
