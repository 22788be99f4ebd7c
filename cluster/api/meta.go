package api

import (
	"fmt"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Key joins namespace and name as informers and work queues do: "ns/name", or "name" without a namespace.
func Key(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// KeyLength is the length of a Key.
func KeyLength(namespace, name string) int {
	if namespace == "" {
		return len(name)
	}
	return len(namespace) + 1 + len(name)
}

// KeyOf is the Key of an object.
func KeyOf(obj Object) string {
	m := Meta(obj)
	return Key(m.Namespace, m.Name)
}

// SplitKey undoes Key.
func SplitKey(key string) (namespace, name string) {
	for i := range len(key) {
		if key[i] == '/' {
			return key[:i], key[i+1:]
		}
	}
	return "", key
}

// Meta returns the object's metadata. It is the object's own: change it only on an object that nobody else has yet.
func Meta(obj Object) *metav1.ObjectMeta {
	return obj.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
}

// ParseRV reads a resource version that came out of FormatRV; "" is 0. Anything else is a bug of ours, since resource
// versions from outside are checked where requests come in.
func ParseRV(rv string) uint64 {
	if rv == "" {
		return 0
	}
	n, err := strconv.ParseUint(rv, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("api: resource version %q is not a number", rv))
	}
	return n
}

// FormatRV writes a store revision as a resource version.
func FormatRV(revision uint64) string { return strconv.FormatUint(revision, 10) }

// Time is t as the API stores it: whole seconds, UTC. Whoever writes a metav1.Time into an object builds it here, since
// no encoder cuts it later.
func Time(t time.Time) metav1.Time { return metav1.Time{Time: t.UTC().Truncate(time.Second)} }

// MicroTime is t as the API stores a metav1.MicroTime: whole microseconds, UTC.
func MicroTime(t time.Time) metav1.MicroTime {
	return metav1.MicroTime{Time: t.UTC().Truncate(time.Microsecond)}
}
