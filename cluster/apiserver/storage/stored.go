package storage

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Stored is an object as the store holds it. It is immutable from the outside.
type Stored struct {
	object   api.Object
	revision int64 // that object is stamped with; 0 = none yet
	size     int
	// again is the object at a second revision: members that diverge may apply one write at different revisions.
	again         api.Object
	againRevision int64

	detector *Detector
	hash     uint64
}

// NewStored takes over obj, which nobody else may hold: its resource version is the store's to set.
func NewStored(obj api.Object, d *Detector) *Stored {
	m := api.Meta(obj)
	m.ResourceVersion = ""
	s := &Stored{object: obj, size: api.SizeOf(obj), detector: d}
	d.watch(s)
	return s
}

// SizeBytes is the object's size in the store.
func (s *Stored) SizeBytes() int { return s.size }

// At returns the object as of the revision at which it was written: always the same pointer for the same revision.
func (s *Stored) At(revision int64) api.Object {
	s.detector.check(s)
	switch {
	case s.revision == revision:
		return s.object
	case s.revision == 0:
		s.revision = revision
		api.Meta(s.object).ResourceVersion = api.FormatRV(uint64(revision))
		return s.object
	case s.againRevision != revision:
		s.againRevision, s.again = revision, At(s.object, revision)
	}
	return s.again
}

// At returns a copy of obj with the resource version of a revision: what a deletion shows.
func At(obj api.Object, revision int64) api.Object {
	c := api.ShallowCopy(obj)
	api.Meta(c).ResourceVersion = api.FormatRV(uint64(revision))
	return c
}

// String identifies the object in traces.
func (s *Stored) String() string {
	return fmt.Sprintf("%s %s", api.ResourceOf(s.object), api.KeyOf(s.object))
}
