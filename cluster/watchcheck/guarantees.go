package watchcheck

import "fmt"

// Guarantee is one of the promises, W0 to W7.
type Guarantee uint8

// The guarantees. True and Complete are ours; the others are etcd's (etcd.io/docs/v3.6/learning/api_guarantees).
const (
	True Guarantee = iota
	Ordered
	Unique
	Reliable
	Atomic
	Resumable
	Bookmarkable
	Complete
	guarantees
)

var texts = [guarantees]struct{ name, promise string }{
	True:         {"W0 true", "a watch tells what has happened"},
	Ordered:      {"W1 ordered", "the revisions of a watch's events never go down"},
	Unique:       {"W2 unique", "a watch tells no event twice"},
	Reliable:     {"W3 reliable", "a watch leaves out no event between two that it tells"},
	Atomic:       {"W4 atomic", "a watch tells all events of a revision in one message"},
	Resumable:    {"W5 resumable", "a watch from a revision begins with the first event from there on"},
	Bookmarkable: {"W6 bookmarkable", "when a watch tells a revision, everything up to it has been told"},
	Complete:     {"W7 complete", "a list is what there was at its revision"},
}

func (g Guarantee) String() string { return texts[g].name }

// Promise is the guarantee in words.
func (g Guarantee) Promise() string { return texts[g].promise }

// Guarantees lists all, in order.
func Guarantees() []Guarantee {
	all := make([]Guarantee, guarantees)
	for i := range all {
		all[i] = Guarantee(i)
	}
	return all
}

// Violation is a guarantee that a watch broke.
type Violation struct {
	Guarantee Guarantee
	// Watch is which one, Found what it did.
	Watch, Found string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s broken: %s: %s %s", v.Guarantee, v.Guarantee.Promise(), v.Watch, v.Found)
}
