package api

import (
	"maps"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Shallow copies the struct p points to. Everything behind its pointers, slices and maps stays shared, so replace those
// on the path of a change; never write through them.
func Shallow[T any](p *T) *T {
	c := *p
	return &c
}

// ShallowCopy is Shallow for an object of any served kind. Objects outside the table, which only bodies of subresources
// are (Scale, Binding, Eviction), are copied deeply.
func ShallowCopy(obj Object) Object {
	r := ResourceOf(obj)
	if r == nil {
		return obj.DeepCopyObject().(Object)
	}
	return r.shallow(obj)
}

// Shared reports that two slices are the very same elements, so that there is nothing to compare.
func Shared[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// SameBits reports that two values of one type are the same to the last pointer, as copies are whose paths nobody has
// changed: then they are equal, however deep. If they are not they may be equal all the same.
func SameBits[T any](a, b *T) bool {
	size := unsafe.Sizeof(*a)
	return a == b || string(unsafe.Slice((*byte)(unsafe.Pointer(a)), size)) == string(unsafe.Slice((*byte)(unsafe.Pointer(b)), size))
}

// With returns a copy of m in which key has value.
func With(m map[string]string, key, value string) map[string]string {
	c := make(map[string]string, len(m)+1)
	maps.Copy(c, m)
	c[key] = value
	return c
}

// Without returns m if it has no key, else a copy of m without it.
func Without(m map[string]string, key string) map[string]string {
	if _, has := m[key]; !has {
		return m
	}
	c := maps.Clone(m)
	delete(c, key)
	return c
}

// Replace returns a copy of s with the element at i replaced.
func Replace[T any](s []T, i int, v T) []T {
	c := make([]T, len(s))
	copy(c, s)
	c[i] = v
	return c
}

// Append returns a copy of s with v behind it. Unlike the builtin it never writes into s's spare capacity.
func Append[T any](s []T, v ...T) []T {
	c := make([]T, 0, len(s)+len(v))
	return append(append(c, s...), v...)
}

// Remove returns a copy of s without the element at i.
func Remove[T any](s []T, i int) []T {
	c := make([]T, 0, len(s)-1)
	return append(append(c, s[:i]...), s[i+1:]...)
}

// Ptr returns a pointer to a copy of v.
func Ptr[T any](v T) *T { return &v }

// Deref returns what p points to, or zero's value when p is nil.
func Deref[T any](p *T, zero T) T {
	if p == nil {
		return zero
	}
	return *p
}

// HasFinalizer reports whether the object carries the finalizer.
func HasFinalizer(m *metav1.ObjectMeta, finalizer string) bool {
	for _, f := range m.Finalizers {
		if f == finalizer {
			return true
		}
	}
	return false
}
