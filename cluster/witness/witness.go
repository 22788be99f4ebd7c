package witness

import (
	"math"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
	"github.com/fauxkube/fauxkube/cluster/watchcheck"
)

// Witness follows one store and all watches on it.
type Witness struct {
	// present calls f with each object of a kind that is there now.
	present func(r *api.Resource, f func(api.Object))
	found   func(error)
	history *watchcheck.History
	kinds   []*kind // by resource ID
	stats   [levels]Stats
}

// Level is where a watch is.
type Level uint8

// The levels.
const (
	AtStore Level = iota
	AtCache
	AtInformer
	levels
)

func (l Level) String() string { return [levels]string{"store", "watch cache", "informer"}[l] }

// Stats counts what a witness has looked at, at one level.
type Stats struct {
	// Streams are the watches, Lists the states with which they began.
	Streams, Lists, Events, Bookmarks int64
	// Unchecked are lists of which the history did not reach back far enough.
	Unchecked int64
}

// kind is the histories of one kind of objects, by who watches: everything, and each selection.
type kind struct {
	resource *api.Resource
	all      *part
	parts    map[string]*part
	// A change is told to the parts that it may touch: those of a field's value, those of a name, and the rest.
	field   string
	value   func(api.Object) string
	byValue map[string][]*part
	byName  map[string][]*part
	others  []*part
	// caches are the API servers' watches on the store.
	caches []*Stream
}

// part is the history of one selection, and who watches it.
type part struct {
	*watchcheck.History
	kind     *kind
	selector *watchcache.Selector // nil is everything
	streams  []*Stream
	// forgetAt is how many changes may be there before it is looked what may go.
	forgetAt int
}

// leastKept is how many changes are kept whoever needs them.
const leastKept = 64

// New returns the witness of a store that is empty. present calls a function with each object of a kind that is there;
// found is told of violations.
func New(present func(r *api.Resource, f func(api.Object)), found func(error)) *Witness {
	w := &Witness{present: present, found: found}
	w.Reset(1)
	return w
}

// Reset forgets everything: another store has taken the place of the former, which stands at a revision. Who watches is
// judged again from the next list on.
func (w *Witness) Reset(revision int64) {
	w.history = watchcheck.NewHistory(revision, func(v *watchcheck.Violation) { w.found(v) })
	w.kinds = make([]*kind, len(api.Resources()))
	for _, r := range api.Resources() {
		k := &kind{resource: r, parts: map[string]*part{}, byValue: map[string][]*part{}, byName: map[string][]*part{}}
		if r == api.Pods {
			k.field = "spec.nodeName"
			k.value = func(o api.Object) string {
				value, _ := registry.For(r).Field(o, k.field)
				return value
			}
		}
		k.all = &part{kind: k, forgetAt: leastKept, History: w.history.Part(revision, w.sum(r, nil))}
		w.kinds[r.ID] = k
	}
}

// Stats counts what has been looked at, by level.
func (w *Witness) Stats() [levels]Stats { return w.stats }

// sum stands for the objects of a selection that are there.
func (w *Witness) sum(r *api.Resource, selector *watchcache.Selector) (sum uint64) {
	w.present(r, func(o api.Object) {
		if selector == nil || selector.Matches(o) {
			sum += watchcheck.StateHash(revisionOf(o))
		}
	})
	return sum
}

func revisionOf(o api.Object) int64 { return int64(api.ParseRV(api.Meta(o).ResourceVersion)) }

func keyOf(o api.Object) watchcheck.Key {
	m := api.Meta(o)
	return watchcheck.Key{Namespace: m.Namespace, Name: m.Name}
}

// Advance says that a revision has been committed. Its changes follow. A store that has lost revisions, which others
// report, is another store.
func (w *Witness) Advance(revision int64) {
	if revision <= w.history.Newest() {
		w.Reset(revision - 1)
	}
	w.history.Advance(revision)
}

// Change writes down a change of the newest revision: old is nil where the object was created, new where it was deleted.
func (w *Witness) Change(r *api.Resource, old, new api.Object) {
	revision := w.history.Newest()
	k := w.kinds[r.ID]
	k.all.note(revision, old, new)
	if len(k.parts) == 0 {
		return
	}
	for _, p := range k.others {
		p.note(revision, old, new)
	}
	either := new
	if new == nil {
		either = old
	}
	for _, p := range k.byName[api.Meta(either).Name] {
		p.note(revision, old, new)
	}
	if len(k.byValue) == 0 {
		return
	}
	value := k.value(either)
	for _, p := range k.byValue[value] {
		p.note(revision, old, new)
	}
	if old != nil && new != nil {
		if before := k.value(old); before != value {
			for _, p := range k.byValue[before] {
				p.note(revision, old, new)
			}
		}
	}
}

// note writes a change down as the selection sees it.
func (p *part) note(revision int64, old, new api.Object) {
	before, after := p.sees(old), p.sees(new)
	if !before && !after {
		return
	}
	c := watchcheck.Change{Revision: revision, Deleted: !after}
	if c.Note = old; before { // The note is the object before: what a list of the past is found out by.
		c.Replaced = revisionOf(old)
	}
	if after {
		c.Key, c.Object = keyOf(new), new
	} else {
		c.Key = keyOf(old)
	}
	if p.Append(c); p.Len() >= p.forgetAt {
		p.forget()
	}
}

func (p *part) sees(o api.Object) bool {
	return o != nil && (p.selector == nil || p.selector.Matches(o))
}

// forget drops what nobody needs.
func (p *part) forget() {
	before := p.Newest() + 1
	p.streams = needed(p.streams, &before)
	p.kind.caches = needed(p.kind.caches, &before)
	p.Forget(before)
	p.forgetAt = max(leastKept, 2*p.Len())
}

// needed leaves out the streams that have ended, and lowers before to what the others need.
func needed(streams []*Stream, before *int64) []*Stream {
	kept := streams[:0]
	for _, s := range streams {
		if s.alive() {
			kept = append(kept, s)
			*before = min(*before, s.Needs())
		}
	}
	clear(streams[len(kept):])
	return kept
}

// part returns the history of a selection, which it makes from that of everything.
func (w *Witness) part(r *api.Resource, selector *watchcache.Selector) *part {
	k := w.kinds[r.ID]
	if selector == nil {
		return k.all
	}
	text := selector.String()
	if text == "" {
		return k.all
	}
	if p := k.parts[text]; p != nil {
		return p
	}
	p := &part{kind: k, selector: selector, forgetAt: math.MaxInt, History: w.history.Part(k.all.Begins()-1, 0)}
	for _, c := range k.all.Kept() {
		old, _ := c.Note.(api.Object)
		new, _ := c.Object.(api.Object)
		p.note(c.Revision, old, new)
	}
	p.Shift(w.sum(r, selector) - p.State())
	p.forgetAt = max(leastKept, 2*p.Len())
	k.parts[text] = p
	if value, ok := selector.Value(k.field); ok && k.field != "" {
		k.byValue[value] = append(k.byValue[value], p)
	} else if selector.Name != "" {
		k.byName[selector.Name] = append(k.byName[selector.Name], p)
	} else {
		k.others = append(k.others, p)
	}
	return p
}
