package watchcheck

import (
	"fmt"
	"slices"
)

// Event is what a watch tells about a change.
type Event struct {
	Revision int64
	Key      Key
	Deleted  bool
	// Content and Previous are compared where they and the history's are not 0, Object where both are not nil.
	Content, Previous uint64
	Object            any
}

func (e *Event) String() string {
	if e.Deleted {
		return fmt.Sprintf("the deletion of %s at %d", e.Key, e.Revision)
	}
	return fmt.Sprintf("%s at %d", e.Key, e.Revision)
}

// Look says how a watcher sees a change.
type Look uint8

// What a watcher sees.
const (
	Hidden Look = iota
	Put
	Delete
)

// Everything is the look of a watcher that wants all changes as they are.
func Everything(c *Change) Look {
	if c.Deleted {
		return Delete
	}
	return Put
}

// Stream is one watch, from its beginning to its end.
type Stream struct {
	history *History
	name    fmt.Stringer
	look    func(*Change) Look
	from    int64
	// place is the first change that has not been accounted for; open is the revision under way, 0 is none.
	place int
	open  int64
	// ahead are the changes of the open revision, behind place, that have come; torn says that a message ended in it.
	ahead []int
	torn  bool
	// last is the revision of the last event, bookmark that of the last bookmark or list; 0 where there was none.
	last, bookmark int64
	// missing are events that were left out, until they come late. They are reported at the end of the message.
	missing []missing
	claims  func(Guarantee) bool
}

// missing is an event that was left out.
type missing struct {
	Event
	// after is the revision told before it; 0 where it should have been the first.
	after    int64
	reported bool
}

// Name is a stream's name that does not depend on anything.
type Name string

func (n Name) String() string { return string(n) }

// Watch begins a stream: everything from a revision on. name is for messages.
func (h *History) Watch(name fmt.Stringer, from int64, look func(*Change) Look) *Stream {
	from = max(from, h.begins)
	return &Stream{history: h, name: name, look: look, from: from, place: h.after(from - 1)}
}

// Only leaves out guarantees that the stream does not claim: a watch over HTTP sends each event on its own.
func (s *Stream) Only(claims func(Guarantee) bool) *Stream {
	s.claims = claims
	return s
}

// Next is the revision from which a watch would have to begin to go on where this one is.
func (s *Stream) Next() int64 { return max(s.from, s.last+1, s.bookmark+1) }

// Needs is the oldest revision of which the history must still know.
func (s *Stream) Needs() int64 {
	if s.place < s.history.end() {
		return min(s.Next(), s.history.at(s.place).Revision)
	}
	return s.Next()
}

func (s *Stream) broken(g Guarantee, format string, args ...any) {
	if s.claims == nil || s.claims(g) {
		s.history.found(&Violation{g, s.name.String(), fmt.Sprintf(format, args...)})
	}
}

// Deliver takes a message's events. more says that the message is a fragment, and the next one goes on with it.
func (s *Stream) Deliver(events []Event, more bool) {
	for i := range events {
		s.event(&events[i])
	}
	if s.torn = false; !more {
		s.Done()
	}
}

// Done ends a message.
func (s *Stream) Done() {
	s.torn = true
	s.reportMissing()
}

// Object takes an event that tells a new state, where that is the next change and the state the very one that was stored:
// nearly always. Otherwise it reports false and does nothing; Deliver judges then. Done ends the message.
func (s *Stream) Object(o any) bool {
	if s.place >= s.history.end() || len(s.missing) > 0 {
		return false
	}
	c := s.history.at(s.place)
	if c.Object != o || c.Revision == s.open || s.sees(c) != Put {
		return false
	}
	s.place++
	s.open, s.last, s.torn, s.ahead = c.Revision, c.Revision, false, s.ahead[:0]
	return true
}

func (s *Stream) event(e *Event) {
	i := s.find(e)
	switch {
	case e.Revision < s.from:
		s.broken(Resumable, "from revision %d told %v", s.from, e)
	case i < 0 && e.Revision < s.history.begins && e.Revision < s.last:
		s.broken(Ordered, "told %v after revision %d", e, s.last) // Too long ago to say more.
	case i < 0 || !e.tells(s.history.at(i), s.look(s.history.at(i))):
		s.broken(True, "told %v, which did not happen like that", e)
	case e.Revision < s.last:
		s.broken(Ordered, "told %v after revision %d", e, s.last)
		if !s.comesLate(e) {
			s.broken(Unique, "told %v again", e)
		}
	case s.told(i) && !s.comesLate(e):
		s.broken(Unique, "told %v again", e)
	default:
		s.take(e, i)
	}
}

// find is the place of an event's change; -1 where there is none.
func (s *Stream) find(e *Event) int {
	s.skip()
	if s.place < s.history.end() {
		if c := s.history.at(s.place); c.Revision == e.Revision && c.Key == e.Key {
			return s.place
		}
	}
	return s.history.find(e.Revision, e.Key)
}

// sees is how the stream sees a change; it does not see what comes before its beginning, which may be in the future.
func (s *Stream) sees(c *Change) Look {
	if c.Revision < s.from {
		return Hidden
	}
	return s.look(c)
}

// skip passes by what is accounted for: what the stream does not want, and what came ahead of its turn.
func (s *Stream) skip() {
	for s.place < s.history.end() && (s.sees(s.history.at(s.place)) == Hidden || s.cameAhead(s.place)) {
		s.place++
	}
}

func (s *Stream) cameAhead(place int) bool { return slices.Contains(s.ahead, place) }

// told reports whether a change is accounted for.
func (s *Stream) told(place int) bool { return place < s.place || s.cameAhead(place) }

// tells reports whether an event is what a watcher sees of a change.
func (e *Event) tells(c *Change, look Look) bool {
	return look != Hidden && (look == Delete) == e.Deleted && agree(c.Content, e.Content) && agree(c.Previous, e.Previous) &&
		(c.Object == nil || e.Object == nil || c.Object == e.Object)
}

func agree(a, b uint64) bool { return a == 0 || b == 0 || a == b }

// comesLate strikes an event off those that are missing; false where it is not among them.
func (s *Stream) comesLate(e *Event) bool {
	i := slices.IndexFunc(s.missing, func(m missing) bool { return m.Revision == e.Revision && m.Key == e.Key })
	if i >= 0 {
		s.missing = slices.Delete(s.missing, i, i+1)
	}
	return i >= 0
}

func (s *Stream) reportMissing() {
	for i := range s.missing {
		m := &s.missing[i]
		switch {
		case m.reported:
		case m.after == 0:
			s.broken(Resumable, "from revision %d left out %v", s.from, &m.Event)
		default:
			s.broken(Reliable, "told revision %d and left out %v", m.after, &m.Event)
		}
		m.reported = true
	}
}

// take accounts for an event that comes in its turn.
func (s *Stream) take(e *Event, place int) {
	if e.Revision != s.open {
		s.pass(e.Revision - 1)
		s.open, s.ahead, s.torn = e.Revision, s.ahead[:0], false
	} else if s.torn {
		s.broken(Atomic, "told %v in another message than the rest of the revision", e)
	}
	s.torn = false
	if s.last = e.Revision; place == s.place {
		s.place++
	} else if place > s.place {
		s.ahead = append(s.ahead, place)
	}
}

// pass accounts for everything up to a revision: what has not come by now is missing.
func (s *Stream) pass(revision int64) {
	for ; s.place < s.history.end(); s.place++ {
		c := s.history.at(s.place)
		if c.Revision > revision {
			break
		}
		if look := s.sees(c); look != Hidden && !s.cameAhead(s.place) {
			s.missing = append(s.missing, missing{Event: Event{Revision: c.Revision, Key: c.Key, Deleted: look == Delete}, after: max(s.last, s.bookmark)})
		}
	}
	if s.open <= revision {
		s.open, s.ahead = 0, s.ahead[:0]
	}
}

// Bookmark takes a message that says how far the watch is.
func (s *Stream) Bookmark(revision int64) {
	switch e, ok := s.owed(revision); {
	case revision > s.history.Newest():
		s.broken(Bookmarkable, "told revision %d, which had not come", revision)
	case revision < s.from-1:
		s.broken(Bookmarkable, "from revision %d told revision %d", s.from, revision)
	case revision < max(s.last, s.bookmark):
		s.broken(Bookmarkable, "told revision %d after %d", revision, max(s.last, s.bookmark))
	case ok:
		s.broken(Bookmarkable, "told revision %d before %v", revision, &e)
	default:
		s.pass(revision)
		s.bookmark = revision
	}
}

// List takes the place of everything before: a whole state, as of a revision, from which the watch goes on. state is the
// sum of StateHash over it. known is false where the history does not reach back, and right where the state is not what
// was there at the revision; then the caller may find out where they differ.
func (s *Stream) List(revision int64, state uint64) (right, known bool) {
	switch {
	case revision > s.history.Newest():
		s.broken(Complete, "listed revision %d, which had not come", revision)
	case revision < max(s.last, s.bookmark):
		s.broken(Ordered, "listed revision %d after %d", revision, max(s.last, s.bookmark))
	}
	want, known := s.history.stateAt(revision)
	s.from = max(revision+1, s.history.begins)
	s.place, s.open, s.ahead, s.missing = s.history.after(s.from-1), 0, s.ahead[:0], nil
	s.last, s.bookmark = 0, revision
	return state == want, known
}

// Incomplete says in which way a list was not what was there.
func (s *Stream) Incomplete(revision int64, difference string) {
	s.broken(Complete, "listed revision %d %s", revision, difference)
}

// owed is the first event up to a revision that has not come.
func (s *Stream) owed(revision int64) (Event, bool) {
	s.skip()
	for i := s.place; i < s.history.end(); i++ {
		c := s.history.at(i)
		if c.Revision > revision {
			break
		}
		if look := s.sees(c); look != Hidden && !s.cameAhead(i) {
			return Event{Revision: c.Revision, Key: c.Key, Deleted: look == Delete}, true
		}
	}
	return Event{}, false
}

// Behind reports whether something up to the newest revision has not come.
func (s *Stream) Behind() bool {
	_, behind := s.owed(s.history.Newest())
	return behind
}

// Settle says that everything should have come: what has not is missing.
func (s *Stream) Settle() {
	s.pass(s.history.Newest())
	s.reportMissing()
}
