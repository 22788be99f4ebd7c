package witness

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
	"github.com/fauxkube/fauxkube/cluster/watchcheck"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Stream is one watch. A nil one checks nothing.
type Stream struct {
	*watchcheck.Stream
	witness *Witness
	history *watchcheck.History // of the witness when the stream began
	part    *part
	// The stream is over when its process is.
	process     *host.Process
	incarnation uint32
	ended       bool
	level       Level
	name        fmt.Stringer
	resource    *api.Resource
	selector    *watchcache.Selector
	// converted says that what is told is not what is stored.
	converted bool
	// listing is how many objects of the state with which the watch begins are still to come; listed are those that have.
	listing int
	listed  []api.Object
	start   int64
	one     [1]watchcheck.Event
}

// open begins a stream from a revision on.
func (w *Witness) open(s *Stream, revision int64) *Stream {
	s.witness, s.incarnation, s.listing = w, s.process.Incarnation(), -1
	s.begin(revision)
	s.stats().Streams++
	return s
}

func (s *Stream) begin(revision int64) {
	s.history = s.witness.history
	s.part = s.witness.part(s.resource, s.selector)
	s.Stream = s.part.Watch(name{s.level, s.name}, revision+1, watchcheck.Everything)
	s.part.streams = append(s.part.streams, s)
}

func (s *Stream) stats() *Stats { return &s.witness.stats[s.level] }

// name is that of a watch with the level that it is at.
type name struct {
	at   Level
	what fmt.Stringer
}

func (n name) String() string { return fmt.Sprintf("%v: %v", n.at, n.what) }

// Store begins a watch of an API server on the store, of all objects of a kind behind a revision.
func (w *Witness) Store(p *host.Process, what fmt.Stringer, r *api.Resource, revision int64) *Stream {
	if w == nil {
		return nil
	}
	s := w.open(&Stream{process: p, level: AtStore, name: what, resource: r}, revision)
	s.part.kind.caches = append(s.part.kind.caches, s)
	return s
}

// overHTTP are the guarantees of a watch on an API server.
func overHTTP(g watchcheck.Guarantee) bool { return g != watchcheck.Atomic }

// Watch begins a client's watch on an API server, behind a revision. objects is how many of the state at that revision
// are told first, -1 where none is. The resource is the one that is stored.
func (w *Witness) Watch(p *host.Process, what fmt.Stringer, r *api.Resource, selector *watchcache.Selector, revision int64, objects int) *Stream {
	if w == nil {
		return nil
	}
	s := w.open(&Stream{process: p, level: AtCache, name: what, resource: r, selector: selector}, revision)
	s.Only(overHTTP)
	if s.listing, s.start = objects, revision; objects == 0 {
		s.endListing()
	}
	return s
}

// Informer begins with the life of an informer, which is told of after its first list. converted says that it shows the
// objects of the resource as others.
func (w *Witness) Informer(p *host.Process, what fmt.Stringer, r *api.Resource, selector *watchcache.Selector, converted bool) *Stream {
	s := w.open(&Stream{process: p, level: AtInformer, name: what, resource: r, selector: selector, converted: converted}, w.history.Newest())
	s.Only(overHTTP)
	return s
}

func (s *Stream) alive() bool {
	return !s.ended && s.process.IsUp() && s.process.Incarnation() == s.incarnation
}

// End ends the watch.
func (s *Stream) End() {
	if s != nil {
		s.ended = true
	}
}

// stale reports that the store is not any more the one that the stream began with.
func (s *Stream) stale() bool { return s.history != s.witness.history }

// Tell takes a message of an API server to its client.
func (s *Stream) Tell(events []api.WatchEvent) {
	if s == nil || s.stale() {
		return
	}
	for i := range events {
		switch e := &events[i]; {
		case s.listing > 0:
			if s.listed = append(s.listed, e.Object); len(s.listed) == s.listing {
				s.endListing()
			}
		case e.Type == watch.Bookmark:
			s.Progress(revisionOf(e.Object))
		default:
			s.Event(e.Object, e.Type == watch.Deleted)
		}
	}
	s.Stream.Done()
}

func (s *Stream) endListing() {
	s.compare(s.start, slices.Values(s.listed))
	s.listing, s.listed = -1, nil
}

// Told takes a message of one event.
func (s *Stream) Told(o api.Object, deleted bool) {
	s.Event(o, deleted)
	s.Done()
}

// Done ends a message.
func (s *Stream) Done() {
	if s != nil && !s.stale() {
		s.Stream.Done()
	}
}

// Event takes an event of a message: a new state of an object, or its last one with the revision of its deletion.
func (s *Stream) Event(o api.Object, deleted bool) {
	if s == nil || s.stale() {
		return
	}
	s.stats().Events++
	if !deleted && s.Object(o) {
		return
	}
	e := watchcheck.Event{Revision: revisionOf(o), Key: keyOf(o), Deleted: deleted}
	if !deleted && !s.converted {
		e.Object = o
	}
	s.deliver(e)
}

// Deleted takes the event of a deletion in a message, with the last state of the object.
func (s *Stream) Deleted(last api.Object, revision int64) {
	if s == nil || s.stale() {
		return
	}
	s.stats().Events++
	s.deliver(watchcheck.Event{Revision: revision, Key: keyOf(last), Deleted: true})
}

func (s *Stream) deliver(e watchcheck.Event) {
	s.one[0] = e
	s.Deliver(s.one[:], true)
	s.one[0] = watchcheck.Event{}
}

// Progress takes a bookmark.
func (s *Stream) Progress(revision int64) {
	if s == nil || s.stale() {
		return
	}
	s.stats().Bookmarks++
	s.Bookmark(revision)
}

// Listed takes the state from which an informer goes on. It may have ended before what is there was another store's.
func (s *Stream) Listed(revision int64, objects func(yield func(api.Object) bool)) {
	if s.stale() {
		s.begin(revision)
		s.Only(overHTTP)
	}
	s.compare(revision, objects)
}

// compare compares a list with what was there at its revision.
func (s *Stream) compare(revision int64, objects func(yield func(api.Object) bool)) {
	s.stats().Lists++
	var sum uint64
	for o := range objects {
		sum += watchcheck.StateHash(revisionOf(o))
	}
	right, known := s.List(revision, sum)
	switch {
	case !known:
		s.stats().Unchecked++
	case !right:
		s.Incomplete(revision, s.difference(revision, objects))
	}
}

// difference says in what a list differs from what was there.
func (s *Stream) difference(revision int64, objects func(yield func(api.Object) bool)) string {
	was := s.witness.at(s.resource, s.selector, revision)
	var wrong []string
	for o := range objects {
		key, got := keyOf(o), revisionOf(o)
		want, there := was[key]
		delete(was, key)
		switch {
		case !there:
			wrong = append(wrong, fmt.Sprintf("with %s, which was not there", key))
		case want != got:
			wrong = append(wrong, fmt.Sprintf("with %s of revision %d instead of %d", key, got, want))
		}
	}
	for key, revision := range was { //sim:unordered sorted below
		wrong = append(wrong, fmt.Sprintf("without %s of revision %d", key, revision))
	}
	if len(wrong) == 0 {
		return "with something twice"
	}
	return slices.MinFunc(wrong, cmp.Compare[string])
}

// at is what was there of a selection at a revision: what is there now with the changes since undone.
func (w *Witness) at(r *api.Resource, selector *watchcache.Selector, revision int64) map[watchcheck.Key]int64 {
	objects := map[watchcheck.Key]api.Object{}
	w.present(r, func(o api.Object) { objects[keyOf(o)] = o })
	kept := w.kinds[r.ID].all.Kept()
	for i := len(kept) - 1; i >= 0 && kept[i].Revision > revision; i-- {
		if old, ok := kept[i].Note.(api.Object); ok {
			objects[kept[i].Key] = old
		} else {
			delete(objects, kept[i].Key)
		}
	}
	was := map[watchcheck.Key]int64{}
	for key, o := range objects { //sim:unordered into a map
		if selector == nil || selector.Matches(o) {
			was[key] = revisionOf(o)
		}
	}
	return was
}
