package helper

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// What several plugins go by is embedded by them, and one fragment for all (k8s.io/kube-scheduler/framework/signers.go).
type (
	// SignedByTolerations is embedded by plugins that go by tolerations, whose order does not matter.
	SignedByTolerations struct{}
	// SignedByVolumes is embedded by plugins that go by where volumes come from; config maps and secrets don't count.
	SignedByVolumes struct{}
	// SignedByPorts is embedded by plugins that go by the numbers of host ports.
	SignedByPorts struct{}
)

var (
	tolerations = []framework.SignFragment{{Name: "tolerations", Append: appendSortedTolerations}}
	volumes     = []framework.SignFragment{{Name: "volumes", Append: appendVolumes}}
	ports       = []framework.SignFragment{{Name: "ports", Append: appendHostPorts}}
)

// Signable implements framework.SignPlugin.
func (SignedByTolerations) Signable(*corev1.Pod) bool { return true }

// Fragments implements framework.SignPlugin.
func (SignedByTolerations) Fragments() []framework.SignFragment { return tolerations }

// Signable implements framework.SignPlugin.
func (SignedByVolumes) Signable(*corev1.Pod) bool { return true }

// Fragments implements framework.SignPlugin.
func (SignedByVolumes) Fragments() []framework.SignFragment { return volumes }

// Signable implements framework.SignPlugin.
func (SignedByPorts) Signable(*corev1.Pod) bool { return true }

// Fragments implements framework.SignPlugin.
func (SignedByPorts) Fragments() []framework.SignFragment { return ports }

func appendSortedTolerations(key []byte, pod *corev1.Pod) []byte {
	sorted := slices.SortedStableFunc(slices.Values(pod.Spec.Tolerations), func(a, b corev1.Toleration) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
	})
	key = AppendTolerations(key, sorted)
	for i := range sorted {
		if seconds := sorted[i].TolerationSeconds; seconds == nil {
			key = append(key, 0)
		} else {
			key = binary.AppendVarint(append(key, 1), *seconds)
		}
	}
	return key
}

func appendVolumes(key []byte, pod *corev1.Pod) []byte {
	var sources []string
	for i := range pod.Spec.Volumes {
		source := &pod.Spec.Volumes[i].VolumeSource
		if source.ConfigMap != nil || source.Secret != nil {
			continue
		}
		text, err := json.Marshal(source)
		if err != nil {
			panic("a volume that is no JSON: " + err.Error())
		}
		sources = append(sources, string(text))
	}
	slices.Sort(sources)
	return AppendStrings(key, sources)
}

func appendHostPorts(key []byte, pod *corev1.Pod) []byte {
	var ports []int32
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			for _, port := range containers[i].Ports {
				if port.HostPort != 0 {
					ports = append(ports, port.HostPort)
				}
			}
		}
	}
	slices.Sort(ports)
	ports = slices.Compact(ports)
	key = binary.AppendUvarint(key, uint64(len(ports)))
	for _, port := range ports {
		key = binary.AppendVarint(key, int64(port))
	}
	return key
}

// AppendNodeAffinity appends required and preferred terms of node affinity, whatever their order and that of what they say.
func AppendNodeAffinity(key []byte, affinity *corev1.NodeAffinity) []byte {
	var required, preferred []string
	if r := affinity.RequiredDuringSchedulingIgnoredDuringExecution; r != nil {
		for i := range r.NodeSelectorTerms {
			required = append(required, string(appendSortedTerm(nil, &r.NodeSelectorTerms[i])))
		}
	}
	for i := range affinity.PreferredDuringSchedulingIgnoredDuringExecution {
		term := &affinity.PreferredDuringSchedulingIgnoredDuringExecution[i]
		preferred = append(preferred, string(appendSortedTerm(binary.AppendVarint(nil, int64(term.Weight)), &term.Preference)))
	}
	slices.Sort(required)
	slices.Sort(preferred)
	return AppendStrings(AppendStrings(key, required), preferred)
}

func appendSortedTerm(key []byte, term *corev1.NodeSelectorTerm) []byte {
	for _, requirements := range [][]corev1.NodeSelectorRequirement{term.MatchExpressions, term.MatchFields} {
		var list []string
		for _, r := range requirements {
			r.Values = slices.Sorted(slices.Values(r.Values))
			list = append(list, string(appendRequirements(nil, []corev1.NodeSelectorRequirement{r})))
		}
		slices.Sort(list)
		key = AppendStrings(key, list)
	}
	return key
}

// AppendMapOrNil is AppendMap, but tells an empty map from none.
func AppendMapOrNil(key []byte, m map[string]string) []byte {
	if m == nil {
		return append(key, 0)
	}
	return AppendMap(append(key, 1), m)
}
