package storage

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Detector finds whoever modifies a stored object. It hashes each object when it is stored, and again whenever it is read
// and when Verify is called. It holds on to every object, so it is for tests. A nil *Detector does nothing.
type Detector struct {
	stored []*Stored
	// Found is called for each modified object; nil panics, which names the culprit best: it ran just before.
	Found func(error)
}

func (d *Detector) watch(s *Stored) {
	if d == nil {
		return
	}
	s.hash = hashOf(s.object)
	d.stored = append(d.stored, s)
}

func (d *Detector) check(s *Stored) {
	if d == nil || hashOf(s.object) == s.hash {
		return
	}
	err := fmt.Errorf("the stored object %s was modified: stored objects are shared, change a copy", s)
	if d.Found == nil {
		panic("storage: " + err.Error())
	}
	d.Found(err)
	s.hash = hashOf(s.object) // Each modification is told once.
}

// Verify hashes every object that was ever stored again.
func (d *Detector) Verify() {
	if d == nil {
		return
	}
	for _, s := range d.stored {
		d.check(s)
	}
}

// hashOf hashes the object's encoding without its resource version, which the store stamps.
func hashOf(obj api.Object) uint64 {
	c := api.ShallowCopy(obj)
	api.Meta(c).ResourceVersion = ""
	m := c.(api.Message)
	buf := make([]byte, m.Size())
	if _, err := m.MarshalToSizedBuffer(buf); err != nil {
		panic(fmt.Sprintf("storage: encoding %s: %v", api.KeyOf(obj), err))
	}
	return xxhash.Sum64(buf)
}
