package controller

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// ExpectationsTimeout is how long a controller waits for its own creations and deletions to show up before it counts
// anyway (pkg/controller.ExpectationsTimeout).
const ExpectationsTimeout = 5 * time.Minute

// Expectations remembers, per key of a controller, how many creations and which deletions it has asked for and not yet
// seen in its informer. While some are outstanding the controller must not count its objects: the list is too old.
type Expectations struct {
	now  func() sim.Monotonic
	keys map[string]*expectation
}

type expectation struct {
	creations int
	// deletions are the keys of the objects that should vanish. A deletion is seen twice, as a deletion timestamp and
	// as a removal, and must count once.
	deletions map[string]struct{}
	pending   int // deletions that are left, which includes none that were never named
	set       sim.Monotonic
}

// NewExpectations returns an empty store that reads the process's monotonic clock by now.
func NewExpectations(now func() sim.Monotonic) *Expectations {
	return &Expectations{now: now, keys: make(map[string]*expectation)}
}

// Satisfied reports whether nothing is outstanding for key, or has been for too long.
func (e *Expectations) Satisfied(key string) bool {
	x := e.keys[key]
	if x == nil {
		return true
	}
	if x.creations <= 0 && x.pending <= 0 {
		return true
	}
	return e.now().Sub(x.set) > ExpectationsTimeout
}

// ExpectCreations replaces what is expected for key by n creations. Deletions named before stay known, so that late
// sightings of them are not mistaken for others, as in upstream.
func (e *Expectations) ExpectCreations(key string, n int) {
	x := e.replace(key)
	x.creations = n
}

// ExpectDeletions replaces what is expected for key by the deletion of the named objects.
func (e *Expectations) ExpectDeletions(key string, objects []string) {
	x := e.replace(key)
	x.deletions = make(map[string]struct{}, len(objects))
	for _, o := range objects {
		x.deletions[o] = struct{}{}
	}
	x.pending = len(x.deletions)
}

func (e *Expectations) replace(key string) *expectation {
	x := &expectation{set: e.now()}
	if old := e.keys[key]; old != nil {
		x.deletions = old.deletions
	}
	e.keys[key] = x
	return x
}

// CreationObserved records one creation of key's controller.
func (e *Expectations) CreationObserved(key string) {
	if x := e.keys[key]; x != nil {
		x.creations--
	}
}

// DeletionObserved records the deletion of a named object, once.
func (e *Expectations) DeletionObserved(key, object string) {
	x := e.keys[key]
	if x == nil {
		return
	}
	if _, named := x.deletions[object]; !named {
		return
	}
	delete(x.deletions, object)
	x.pending--
}

// Forget drops what is expected for key.
func (e *Expectations) Forget(key string) { delete(e.keys, key) }
