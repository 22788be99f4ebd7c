package api

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// MilliCPU reads the cpu of a resource list in millicores, 0 if absent.
func MilliCPU(l corev1.ResourceList) int64 { return l.Cpu().MilliValue() }

// MemoryBytes reads the memory of a resource list in bytes, 0 if absent.
func MemoryBytes(l corev1.ResourceList) int64 { return l.Memory().Value() }

// Quantities builds a resource list from names and quantities in pairs: Quantities("cpu", "2", "memory", "4Gi"). A
// quantity that does not parse panics: it is for literals.
func Quantities(pairs ...string) corev1.ResourceList {
	l := make(corev1.ResourceList, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		l[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return l
}
