package watchcheck

import (
	"sort"

	"github.com/fauxkube/fauxkube/sim"
)

// Key names what changes: an object, or with an empty namespace anything else.
type Key struct{ Namespace, Name string }

func (k Key) String() string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

// Change is one change of one key, as it came to pass.
type Change struct {
	Revision int64
	Key      Key
	Deleted  bool
	// Replaced is the revision of the state that ended with the change, 0 where there was none. It counts for lists only.
	Replaced int64
	// Content and Previous are hashes of the new state and of the one before; 0 where they are not to be compared.
	Content, Previous uint64
	// Object is the new state itself where states are shared by pointer; then nothing else need be compared. It may be nil.
	Object any
	// Note is for the function that says what a stream wants.
	Note any
}

// History is what came to pass, in order. Those of the parts of one store share its newest revision.
type History struct {
	changes []Change
	// dropped is how many changes have been forgotten; places count them, too.
	dropped int
	// begins is the first revision that the history can tell about.
	begins int64
	newest *int64
	found  func(*Violation)
	// states[i] stands for all that is there after changes[i], state for what is there now, began for what was there
	// before the first change. They are kept where the history is told what there was at the beginning.
	states       []uint64
	state, began uint64
	stateful     bool
}

// NewHistory returns the history of something that stands at a revision: what comes is later. found is told of each
// violation of its streams.
func NewHistory(revision int64, found func(*Violation)) *History {
	return &History{begins: revision + 1, newest: &revision, found: found}
}

// Part returns the history of a part of the same store, of which everything behind a revision will be written down.
// state is the sum of StateHash over what it has at that revision.
func (h *History) Part(revision int64, state uint64) *History {
	return &History{begins: revision + 1, newest: h.newest, found: h.found, stateful: true, state: state, began: state}
}

// Commit takes in the changes of a revision, which must be newer than all before. It may have none.
func (h *History) Commit(revision int64, changes ...Change) {
	h.Advance(revision)
	for i := range changes {
		h.Append(changes[i])
	}
}

// Advance says that the store, and with it each part, has come to a revision.
func (h *History) Advance(revision int64) {
	if revision <= *h.newest {
		panic("watchcheck: the history goes back")
	}
	*h.newest = revision
}

// Append takes in a change of the newest revision, or of one before if no later change is there.
func (h *History) Append(c Change) {
	if n := len(h.changes); n > 0 && c.Revision < h.changes[n-1].Revision {
		panic("watchcheck: the history goes back")
	}
	h.changes = append(h.changes, c)
	if !h.stateful {
		return
	}
	if c.Replaced > 0 {
		h.state -= StateHash(c.Replaced)
	}
	if !c.Deleted {
		h.state += StateHash(c.Revision)
	}
	h.states = append(h.states, h.state)
}

// Shift adds to every state: what was there all along has become known.
func (h *History) Shift(by uint64) {
	h.state, h.began = h.state+by, h.began+by
	for i := range h.states {
		h.states[i] += by
	}
}

// StateHash stands for one state, by the revision that wrote it; the sum over all that is there stands for a list.
func StateHash(revision int64) uint64 { return sim.Mix(uint64(revision), 1) }

// stateAt is the sum over what was there at a revision; false where that is not known.
func (h *History) stateAt(revision int64) (uint64, bool) {
	if !h.stateful || revision < h.begins-1 {
		return 0, false
	}
	if i := h.after(revision) - h.dropped; i > 0 {
		return h.states[i-1], true
	}
	return h.began, true
}

// Newest is the newest revision.
func (h *History) Newest() int64 { return *h.newest }

// Begins is the first revision that the history can tell about.
func (h *History) Begins() int64 { return h.begins }

// Len is the number of changes that are kept.
func (h *History) Len() int { return len(h.changes) }

// Kept are the changes that are kept.
func (h *History) Kept() []Change { return h.changes }

// Forget drops the changes before a revision.
func (h *History) Forget(before int64) {
	n := h.after(before-1) - h.dropped
	if n <= 0 {
		return
	}
	h.begins = max(h.begins, h.changes[n-1].Revision+1)
	h.dropped += n
	kept := len(h.changes) - n
	h.changes = append(make([]Change, 0, 2*kept), h.changes[n:]...)
	if h.stateful {
		h.began = h.states[n-1]
		h.states = append(make([]uint64, 0, 2*kept), h.states[n:]...)
	}
}

// end is the place behind the last change.
func (h *History) end() int { return h.dropped + len(h.changes) }

func (h *History) at(place int) *Change { return &h.changes[place-h.dropped] }

// after is the place of the first change behind a revision.
func (h *History) after(revision int64) int {
	return h.dropped + sort.Search(len(h.changes), func(i int) bool { return h.changes[i].Revision > revision })
}

// find looks for the change of a key in a revision; -1 where there is none.
func (h *History) find(revision int64, key Key) int {
	for i := h.after(revision - 1); i < h.end() && h.at(i).Revision == revision; i++ {
		if h.at(i).Key == key {
			return i
		}
	}
	return -1
}

// State is the sum over what is there now.
func (h *History) State() uint64 { return h.state }
