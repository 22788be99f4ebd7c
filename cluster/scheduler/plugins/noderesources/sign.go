package noderesources

import (
	"encoding/binary"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
)

// signed is what the pod asks for in sum. Containers that ask for nothing count when nodes are scored, but not here, as upstream has it.
var signed = []framework.SignFragment{{Name: "resources", Append: func(key []byte, pod *corev1.Pod) []byte {
	requests := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		quantity := requests[name]
		amount, counts := quantity.Value(), framework.IsScalar(name)
		switch name {
		case corev1.ResourceCPU:
			amount = quantity.MilliValue()
			counts = amount != 0
		case corev1.ResourceMemory, corev1.ResourceEphemeralStorage, corev1.ResourcePods:
			counts = amount != 0
		}
		if counts {
			key = binary.AppendVarint(helper.AppendString(append(key, 1), string(name)), amount)
		}
	}
	return append(key, 0)
}}}

// signedByRequests is embedded by the plugins for which requests are all that counts.
type signedByRequests struct{}

// Signable implements framework.SignPlugin.
func (signedByRequests) Signable(*corev1.Pod) bool { return true }

// Fragments implements framework.SignPlugin.
func (signedByRequests) Fragments() []framework.SignFragment { return signed }
