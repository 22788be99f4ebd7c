package framework

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The columns that every scheduler has; scalar resources follow in the order they are first seen.
const (
	ColumnCPU              = iota // millicores
	ColumnMemory                  // bytes
	ColumnEphemeralStorage        // bytes
	firstScalarColumn
)

// Vector holds amounts by column. Columns beyond its length are zero.
type Vector []int64

// At returns the amount of a column.
func (v Vector) At(column int) int64 {
	if column < len(v) {
		return v[column]
	}
	return 0
}

// Add adds sign times other.
func (v *Vector) Add(other Vector, sign int64) {
	for len(*v) < len(other) {
		*v = append(*v, 0)
	}
	for i, amount := range other {
		(*v)[i] += sign * amount
	}
}

// Symbols numbers names, so that hot loops compare integers. One per scheduler: numbers mean nothing outside.
type Symbols struct {
	columns map[corev1.ResourceName]int
	names   []corev1.ResourceName
	images  map[string]ImageID
}

// ImageID numbers an image name. Zero is no image.
type ImageID int32

// NewSymbols returns the table with the fixed columns.
func NewSymbols() *Symbols {
	s := &Symbols{columns: map[corev1.ResourceName]int{}, images: map[string]ImageID{}}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		s.Column(name)
	}
	return s
}

// Columns returns how many columns exist so far.
func (s *Symbols) Columns() int { return len(s.names) }

// Column returns the column of a resource, giving it one if it is new.
func (s *Symbols) Column(name corev1.ResourceName) int {
	if c, ok := s.columns[name]; ok {
		return c
	}
	c := len(s.names)
	s.columns[name] = c
	s.names = append(s.names, name)
	return c
}

// LookupColumn returns the column of a resource that has one.
func (s *Symbols) LookupColumn(name corev1.ResourceName) (int, bool) {
	c, ok := s.columns[name]
	return c, ok
}

// ResourceName returns the name of a column.
func (s *Symbols) ResourceName(column int) corev1.ResourceName { return s.names[column] }

// Image returns the number of an image name, giving it one if it is new.
func (s *Symbols) Image(name string) ImageID {
	if id, ok := s.images[name]; ok {
		return id
	}
	id := ImageID(len(s.images) + 1)
	s.images[name] = id
	return id
}

// LookupImage returns the number of an image name that some node has reported, or zero.
func (s *Symbols) LookupImage(name string) ImageID { return s.images[name] }

// Vector converts a resource list. pods is the amount of the resource "pods", which has no column; resources that the
// scheduler does not count are left out.
func (s *Symbols) Vector(list corev1.ResourceList) (v Vector, pods int64) {
	v = make(Vector, firstScalarColumn)
	//sim:unordered each resource has its own column; new ones are numbered by orderedScalars
	for name, quantity := range list {
		switch name {
		case corev1.ResourceCPU:
			v[ColumnCPU] = quantity.MilliValue()
		case corev1.ResourceMemory:
			v[ColumnMemory] = quantity.Value()
		case corev1.ResourceEphemeralStorage:
			v[ColumnEphemeralStorage] = quantity.Value()
		case corev1.ResourcePods:
			pods = quantity.Value()
		}
	}
	for _, name := range orderedScalars(list) {
		column := s.Column(name)
		for len(v) <= column {
			v = append(v, 0)
		}
		quantity := list[name]
		v[column] = quantity.Value()
	}
	return v, pods
}

// IsScalar reports whether the scheduler counts a resource as a scalar: extended, huge page, prefixed native and
// attachable volume resources.
func IsScalar(name corev1.ResourceName) bool {
	return IsExtended(name) ||
		strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix) ||
		strings.Contains(string(name), corev1.ResourceDefaultNamespacePrefix) ||
		strings.HasPrefix(string(name), corev1.ResourceAttachableVolumesPrefix)
}

// IsExtended reports whether a resource is extended: a qualified name outside kubernetes.io.
func IsExtended(name corev1.ResourceName) bool {
	n := string(name)
	if !strings.Contains(n, "/") || strings.Contains(n, corev1.ResourceDefaultNamespacePrefix) ||
		strings.HasPrefix(n, corev1.DefaultResourceRequestsPrefix) {
		return false
	}
	return len(validation.IsQualifiedName(corev1.DefaultResourceRequestsPrefix+n)) == 0
}

// exactMilli reports whether a quantity is a whole number of thousandths, returning it.
func exactMilli(q resource.Quantity) (int64, bool) {
	milli := q.MilliValue()
	return milli, q.Cmp(*resource.NewMilliQuantity(milli, resource.DecimalSI)) == 0
}
