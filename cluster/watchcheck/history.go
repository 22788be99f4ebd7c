package watchcheck

import "sort"

// Change is one change of one key, as it came to pass.
type Change struct {
	Revision int64
	Key      string
	Deleted  bool
	// Content is a hash of the new state, Previous of the one before; 0 where it is not to be compared.
	Content, Previous uint64
	// Note is for the function that says what a stream wants.
	Note any
}

// History is what came to pass, in order.
type History struct {
	changes []Change
	// begins is the first revision that the history can tell about.
	begins int64
	newest int64
	found  func(*Violation)
}

// NewHistory returns the history of something that stands at a revision: what comes is later. found is told of each
// violation of its streams.
func NewHistory(revision int64, found func(*Violation)) *History {
	return &History{begins: revision + 1, newest: revision, found: found}
}

// Commit takes in the changes of a revision, which must be newer than all before. It may have none.
func (h *History) Commit(revision int64, changes ...Change) {
	if revision <= h.newest {
		panic("watchcheck: the history goes back")
	}
	h.newest = revision
	h.changes = append(h.changes, changes...)
}

// Newest is the newest revision.
func (h *History) Newest() int64 { return h.newest }

// Len is the number of changes that are kept.
func (h *History) Len() int { return len(h.changes) }

// after is the place of the first change behind a revision.
func (h *History) after(revision int64) int {
	return sort.Search(len(h.changes), func(i int) bool { return h.changes[i].Revision > revision })
}

// find looks for the change of a key in a revision.
func (h *History) find(revision int64, key string) *Change {
	for i := h.after(revision - 1); i < len(h.changes) && h.changes[i].Revision == revision; i++ {
		if h.changes[i].Key == key {
			return &h.changes[i]
		}
	}
	return nil
}
