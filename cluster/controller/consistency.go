package controller

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Consistency makes a controller's reads follow its writes (the feature gates StaleControllerConsistency*): it keeps,
// per owner, the newest resource version that the controller wrote of each kind, and tells whether the informers have
// come as far.
type Consistency struct {
	// read is the resource version up to which the informer of a kind has seen the store.
	read   func(*api.Resource) uint64
	owners map[string]*writes
}

// writes are the newest resource versions written on behalf of one owner, in order of first writing.
type writes struct {
	uid       types.UID
	resources []*api.Resource
	versions  []uint64
}

// StaleError says that an informer is behind what the controller itself wrote.
type StaleError struct {
	Resource    *api.Resource
	Read, Wrote uint64
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("read version: %d is not as new as written version: %d for group resource %s", e.Read, e.Wrote, e.Resource)
}

// NewConsistency returns an empty record; read gives an informer's position.
func NewConsistency(read func(*api.Resource) uint64) *Consistency {
	return &Consistency{read: read, owners: make(map[string]*writes)}
}

// WroteAt records that an object of a kind was written at version on behalf of the owner with key and uid.
func (c *Consistency) WroteAt(key string, uid types.UID, r *api.Resource, version uint64) {
	w := c.owners[key]
	if w == nil || w.uid != uid {
		w = &writes{uid: uid}
		c.owners[key] = w
	}
	if i := slices.Index(w.resources, r); i >= 0 {
		w.versions[i] = max(w.versions[i], version)
		return
	}
	w.resources = append(w.resources, r)
	w.versions = append(w.versions, version)
}

// Clear forgets the owner if it has the uid; an empty uid matches every owner.
func (c *Consistency) Clear(key string, uid types.UID) {
	if w := c.owners[key]; w != nil && (uid == "" || w.uid == uid) {
		delete(c.owners, key)
	}
}

// EnsureReady returns a StaleError while an informer has not seen what was written for the owner, else nil.
func (c *Consistency) EnsureReady(key string) error {
	w := c.owners[key]
	if w == nil {
		return nil
	}
	for i, r := range w.resources {
		if read := c.read(r); read < w.versions[i] {
			return &StaleError{Resource: r, Read: read, Wrote: w.versions[i]}
		}
	}
	delete(c.owners, key)
	return nil
}
