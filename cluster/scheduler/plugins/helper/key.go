package helper

import (
	"encoding/binary"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// AppendString appends a string so that what follows can't be confused with it.
func AppendString(key []byte, s string) []byte {
	key = binary.AppendUvarint(key, uint64(len(s)))
	return append(key, s...)
}

// AppendStrings appends a list of strings.
func AppendStrings(key []byte, list []string) []byte {
	key = binary.AppendUvarint(key, uint64(len(list)))
	for _, s := range list {
		key = AppendString(key, s)
	}
	return key
}

// AppendMap appends a map, by key.
func AppendMap(key []byte, m map[string]string) []byte {
	key = binary.AppendUvarint(key, uint64(len(m)))
	if len(m) == 0 {
		return key
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		key = AppendString(AppendString(key, k), m[k])
	}
	return key
}

// AppendTolerations appends what decides whether tolerations cover a taint; how long they do so does not matter.
func AppendTolerations(key []byte, tolerations []corev1.Toleration) []byte {
	key = binary.AppendUvarint(key, uint64(len(tolerations)))
	for i := range tolerations {
		t := &tolerations[i]
		key = AppendString(key, t.Key)
		key = AppendString(key, string(t.Operator))
		key = AppendString(key, t.Value)
		key = AppendString(key, string(t.Effect))
	}
	return key
}

// AppendTerm appends a node selector term.
func AppendTerm(key []byte, term *corev1.NodeSelectorTerm) []byte {
	key = appendRequirements(key, term.MatchExpressions)
	return appendRequirements(key, term.MatchFields)
}

func appendRequirements(key []byte, requirements []corev1.NodeSelectorRequirement) []byte {
	key = binary.AppendUvarint(key, uint64(len(requirements)))
	for i := range requirements {
		r := &requirements[i]
		key = AppendString(key, r.Key)
		key = AppendString(key, string(r.Operator))
		key = AppendStrings(key, r.Values)
	}
	return key
}
