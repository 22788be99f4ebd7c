package api

import (
	"math/bits"

	corev1 "k8s.io/api/core/v1"
)

// sizer is what every generated API type implements: the length of its protobuf encoding, computed without encoding.
type sizer interface{ Size() int }

// storageOverhead is what upstream's storage encoding puts around an object besides its apiVersion, kind and length
// prefixes: the 4-byte magic "k8s\x00" and the tags and length bytes of runtime.Unknown's four fields and of its
// TypeMeta's two (runtime/serializer/protobuf and runtime/generated.proto of k8s.io/apimachinery).
const storageOverhead = 4 + 2 + 2 + 2 + 2 + 1 + 2

// SizeOf is the object's size in bytes in upstream's storage and watch encoding (protobuf in its envelope). It is what
// messages, the store and their limits are accounted by. managedFields, which the simulation leaves empty, are not in it.
func SizeOf(obj Object) int {
	s, ok := obj.(sizer)
	if !ok {
		return 0
	}
	n := s.Size()
	overhead := storageOverhead + varintLen(uint64(n))
	if r := ResourceOf(obj); r != nil {
		overhead += len(r.Group) + len(r.Version) + len(r.Kind)
		if r.Group != "" {
			overhead++ // the slash of apiVersion
		}
	}
	return n + overhead
}

func varintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// SizeOfEvent is the modelled size of one watch event: the object and the frame around it (the frame's 4-byte length,
// and the type string with tag and length, apimachinery's WatchEvent).
func SizeOfEvent(e WatchEvent) int { return SizeOf(e.Object) + 4 + 2 + len(e.Type) + 2 }

// requestOverhead is the modelled size of a request beside its body: request line and headers after HPACK has seen the
// connection's earlier requests (RFC 7541 reduces repeated headers to a byte each; path and few literals remain).
const requestOverhead = 96

// SizeOfRequest is the modelled size of a request on the wire.
func SizeOfRequest(r *Request) int {
	n := requestOverhead + len(r.Namespace) + len(r.Name)
	if r.Object != nil {
		n += SizeOf(r.Object)
	}
	if r.Patch != nil {
		n += len(r.Patch.Data) + r.Patch.SizeBytes
	}
	return n
}

// responseOverhead is the modelled size of a response's status and headers under HPACK.
const responseOverhead = 64

// SizeOfResponse is the modelled size of a response on the wire.
func SizeOfResponse(r *Response) int {
	n := responseOverhead
	if r == nil {
		return n
	}
	if r.Object != nil {
		n += SizeOf(r.Object)
	}
	if r.List != nil {
		for _, o := range r.List.Items {
			n += SizeOf(o)
		}
	}
	return n
}

var _ sizer = (*corev1.Pod)(nil)
