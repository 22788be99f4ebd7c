package podstatus

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// QOS returns the pod's quality of service class: what the API server put into its status, else computed.
func QOS(pod *corev1.Pod) corev1.PodQOSClass {
	if pod.Status.QOSClass != "" {
		return pod.Status.QOSClass
	}
	return ComputeQOS(&pod.Spec)
}

// ComputeQOS computes the class: Guaranteed where every container limits cpu and memory and requests just that,
// BestEffort where nothing is asked for, else Burstable.
func ComputeQOS(spec *corev1.PodSpec) corev1.PodQOSClass {
	var requests, limits totals
	guaranteed := true
	if r := spec.Resources; r != nil {
		requests.add(r.Requests)
		guaranteed = limits.add(r.Limits) || len(r.Limits) == 0
	} else {
		for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
			for i := range containers {
				requests.add(containers[i].Resources.Requests)
				guaranteed = limits.add(containers[i].Resources.Limits) && guaranteed
			}
		}
	}
	switch {
	case requests == totals{} && limits == totals{}:
		return corev1.PodQOSBestEffort
	case guaranteed && requests == limits:
		return corev1.PodQOSGuaranteed
	}
	return corev1.PodQOSBurstable
}

// totals sums the resources that count for the class.
type totals struct{ cpuMilli, memoryBytes int64 }

// add adds a list and reports whether it has both cpu and memory.
func (t *totals) add(l corev1.ResourceList) bool {
	cpu, memory := l[corev1.ResourceCPU], l[corev1.ResourceMemory]
	t.cpuMilli += positive(cpu).MilliValue()
	t.memoryBytes += positive(memory).Value()
	return cpu.Sign() > 0 && memory.Sign() > 0
}

func positive(q resource.Quantity) *resource.Quantity {
	if q.Sign() < 0 {
		return &resource.Quantity{}
	}
	return &q
}
