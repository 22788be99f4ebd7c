package watchcheck

import (
	"fmt"
	"slices"
)

// Event is what a watch tells about a change.
type Event struct {
	Revision int64
	Key      string
	Deleted  bool
	// Content and Previous are compared where they and the history's are not 0.
	Content, Previous uint64
}

func (e Event) String() string {
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
	name    string
	look    func(*Change) Look
	from    int64
	// place is the first change that has not been accounted for; open is the revision under way, 0 is none.
	place int
	open  int64
	// told are the keys of the open revision that have come; torn says that a message ended in it.
	told []string
	torn bool
	// last is the revision of the last event, bookmark that of the last bookmark; 0 where there was none.
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

// Watch begins a stream: everything from a revision on. name is for messages.
func (h *History) Watch(name string, from int64, look func(*Change) Look) *Stream {
	return &Stream{history: h, name: name, look: look, from: from, place: h.after(from - 1)}
}

// Only leaves out guarantees that the stream does not claim: a watch over HTTP sends each event on its own.
func (s *Stream) Only(claims func(Guarantee) bool) *Stream {
	s.claims = claims
	return s
}

// Next is the revision from which a watch would have to begin to go on where this one is.
func (s *Stream) Next() int64 { return max(s.from, s.last+1, s.bookmark+1) }

func (s *Stream) broken(g Guarantee, format string, args ...any) {
	if s.claims == nil || s.claims(g) {
		s.history.found(&Violation{g, s.name, fmt.Sprintf(format, args...)})
	}
}

// Deliver takes a message's events. more says that the message is a fragment, and the next one goes on with it.
func (s *Stream) Deliver(events []Event, more bool) {
	for i := range events {
		s.event(&events[i])
	}
	s.torn = !more
	s.reportMissing()
}

func (s *Stream) event(e *Event) {
	change := s.history.find(e.Revision, e.Key)
	switch {
	case e.Revision < s.from:
		s.broken(Resumable, "from revision %d told %v", s.from, *e)
	case change == nil || !e.tells(change, s.look(change)):
		s.broken(True, "told %v, which did not happen like that", *e)
	case e.Revision < s.last:
		s.broken(Ordered, "told %v after revision %d", *e, s.last)
		if !s.comesLate(e) {
			s.broken(Unique, "told %v again", *e)
		}
	case e.Revision <= s.bookmark || e.Revision == s.open && slices.Contains(s.told, e.Key):
		s.broken(Unique, "told %v again", *e)
	default:
		s.take(e)
	}
}

// tells reports whether an event is what a watcher sees of a change.
func (e *Event) tells(c *Change, look Look) bool {
	return look != Hidden && (look == Delete) == e.Deleted && agree(c.Content, e.Content) && agree(c.Previous, e.Previous)
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
			s.broken(Resumable, "from revision %d left out %v", s.from, m.Event)
		default:
			s.broken(Reliable, "told revision %d and left out %v", m.after, m.Event)
		}
		m.reported = true
	}
}

// take accounts for an event that comes in its turn.
func (s *Stream) take(e *Event) {
	if e.Revision != s.open {
		s.pass(e.Revision - 1)
		s.open, s.told, s.torn = e.Revision, s.told[:0], false
	} else if s.torn {
		s.broken(Atomic, "told %v in another message than %s of the same revision", *e, s.told[0])
	}
	s.torn = false
	s.told = append(s.told, e.Key)
	s.last = e.Revision
}

// pass accounts for everything up to a revision: what has not come by now is missing.
func (s *Stream) pass(revision int64) {
	changes := s.history.changes
	for ; s.place < len(changes) && changes[s.place].Revision <= revision; s.place++ {
		c := &changes[s.place]
		if c.Revision < s.from || s.look(c) == Hidden || c.Revision == s.open && slices.Contains(s.told, c.Key) {
			continue
		}
		e := Event{Revision: c.Revision, Key: c.Key, Deleted: s.look(c) == Delete}
		s.missing = append(s.missing, missing{Event: e, after: s.last})
	}
	if s.open <= revision {
		s.open, s.told = 0, s.told[:0]
	}
}

// Bookmark takes a message that says how far the watch is.
func (s *Stream) Bookmark(revision int64) {
	switch e, ok := s.owed(revision); {
	case revision > s.history.newest:
		s.broken(Bookmarkable, "told revision %d, which had not come", revision)
	case revision < s.from-1:
		s.broken(Bookmarkable, "from revision %d told revision %d", s.from, revision)
	case revision < max(s.last, s.bookmark):
		s.broken(Bookmarkable, "told revision %d after %d", revision, max(s.last, s.bookmark))
	case ok:
		s.broken(Bookmarkable, "told revision %d before %v", revision, e)
	default:
		s.pass(revision)
		s.bookmark = revision
	}
}

// owed is the first event up to a revision that has not come.
func (s *Stream) owed(revision int64) (Event, bool) {
	changes := s.history.changes
	for i := s.place; i < len(changes) && changes[i].Revision <= revision; i++ {
		c := &changes[i]
		if c.Revision >= s.from && s.look(c) != Hidden && (c.Revision != s.open || !slices.Contains(s.told, c.Key)) {
			return Event{Revision: c.Revision, Key: c.Key, Deleted: s.look(c) == Delete}, true
		}
	}
	return Event{}, false
}

// Behind reports whether something up to the newest revision has not come.
func (s *Stream) Behind() bool {
	_, behind := s.owed(s.history.newest)
	return behind
}

// Settle says that everything should have come: what has not is missing.
func (s *Stream) Settle() {
	s.pass(s.history.newest)
	s.reportMissing()
}
