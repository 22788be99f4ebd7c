package api

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/dump"
)

// TemplateHash is the value of pod-template-hash and the suffix of a ReplicaSet's name: the real controllers' hash of the
// pod template and, if set, the collision count. It walks the whole template by reflection; keep its result.
func TemplateHash(template *corev1.PodTemplateSpec, collisionCount *int32) string {
	h := fnv.New32a()
	// Hashed by value: the dump of a pointer would differ.
	_, _ = io.WriteString(h, dump.ForHash(*template))
	if collisionCount != nil {
		// Eight bytes of which the count fills four: the width is part of the hash upstream computes.
		var b [8]byte
		binary.LittleEndian.PutUint32(b[:], uint32(*collisionCount))
		_, _ = h.Write(b[:])
	}
	return SafeEncode(strconv.FormatUint(uint64(h.Sum32()), 10))
}

// DeepHash is the FNV-32a hash of any value's deterministic dump, which other controllers build names from. Give it
// values as upstream does: a pointer dumps differently from what it points to.
func DeepHash(values ...any) uint32 {
	h := fnv.New32a()
	for _, v := range values {
		_, _ = io.WriteString(h, dump.ForHash(v))
	}
	return h.Sum32()
}
