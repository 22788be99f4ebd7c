package watchcheck

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tale is a history and one watch on it, for tests.
type tale struct {
	*History
	found []*Violation
}

func newTale() *tale {
	t := &tale{}
	t.History = NewHistory(1, func(v *Violation) { t.found = append(t.found, v) })
	return t
}

// commit writes down changes such as "a@2", "-b@3" and "a@4=7".
func (t *tale) commit(changes ...string) {
	for i := 0; i < len(changes); {
		e := event(changes[i])
		var of []Change
		for ; i < len(changes) && event(changes[i]).Revision == e.Revision; i++ {
			c := event(changes[i])
			of = append(of, Change{Revision: c.Revision, Key: c.Key, Deleted: c.Deleted, Content: c.Content})
		}
		t.Commit(e.Revision, of...)
	}
}

func event(text string) (e Event) {
	text, e.Deleted = strings.CutPrefix(text, "-")
	key, rest, _ := strings.Cut(text, "@")
	e.Key.Name = key
	rest, content, has := strings.Cut(rest, "=")
	if _, err := fmt.Sscan(rest, &e.Revision); err != nil {
		panic(err)
	}
	if has {
		if _, err := fmt.Sscan(content, &e.Content); err != nil {
			panic(err)
		}
	}
	return e
}

// play hands a watch its messages: "a@2 b@2" is one with two events, "... a@2" a fragment, "up to 3" a bookmark, "settle"
// the end.
func play(s *Stream, messages ...string) {
	for _, m := range messages {
		var revision int64
		switch n, _ := fmt.Sscanf(m, "up to %d", &revision); {
		case n == 1:
			s.Bookmark(revision)
		case m == "settle":
			s.Settle()
		default:
			text, more := strings.CutPrefix(m, "... ")
			var events []Event
			for _, f := range strings.Fields(text) {
				events = append(events, event(f))
			}
			s.Deliver(events, more)
		}
	}
}

func (t *tale) guarantees() (all []Guarantee) {
	for _, v := range t.found {
		all = append(all, v.Guarantee)
	}
	return all
}

// For each guarantee a history that breaks it and nothing else, beside good ones that come close.
func TestEachGuaranteeIsBrokenAlone(t *testing.T) {
	history := []string{"a@2=7", "b@3", "c@4", "d@4", "-a@5", "a@6"}
	for _, x := range []struct {
		name     string
		from     int64
		messages []string
		want     []Guarantee
	}{
		{"everything", 2, []string{"a@2=7 b@3", "c@4 d@4 -a@5", "up to 5", "a@6", "up to 6", "settle"}, nil},
		{"the order within a revision is free", 2, []string{"a@2 b@3 d@4 c@4 -a@5 a@6", "settle"}, nil},
		{"a revision in fragments", 4, []string{"... c@4", "d@4 -a@5 a@6", "settle"}, nil},
		{"from the middle", 5, []string{"up to 4", "-a@5 a@6", "settle"}, nil},
		{"a watch that ends early", 2, []string{"a@2 b@3"}, nil},
		{"a bookmark twice", 2, []string{"a@2 b@3", "up to 3", "up to 3"}, nil},

		{"invented", 2, []string{"a@2 x@2"}, []Guarantee{True}},
		{"of the future", 7, []string{"a@7"}, []Guarantee{True}},
		{"other content", 2, []string{"a@2=8"}, []Guarantee{True}},
		{"a put for a deletion", 5, []string{"a@5"}, []Guarantee{True}},
		{"older after newer", 2, []string{"b@3 a@2"}, []Guarantee{Ordered}},
		{"the same again", 2, []string{"a@2 a@2"}, []Guarantee{Unique}},
		{"the same in the next message", 3, []string{"b@3", "b@3"}, []Guarantee{Unique}},
		{"the same after a bookmark", 2, []string{"a@2", "up to 2", "a@2"}, []Guarantee{Unique}},
		{"a gap", 2, []string{"a@2", "c@4 d@4"}, []Guarantee{Reliable}},
		{"half a revision", 4, []string{"c@4", "-a@5"}, []Guarantee{Reliable}},
		{"nothing after the first", 5, []string{"-a@5", "settle"}, []Guarantee{Reliable}},
		{"a revision in two messages", 4, []string{"c@4", "d@4 -a@5"}, []Guarantee{Atomic}},
		{"the first is left out", 2, []string{"b@3"}, []Guarantee{Resumable}},
		{"nothing at all", 6, []string{"settle"}, []Guarantee{Resumable}},
		{"from before the beginning", 4, []string{"b@3", "c@4 d@4"}, []Guarantee{Resumable}},
		{"a bookmark before its event", 2, []string{"a@2", "up to 3", "b@3"}, []Guarantee{Bookmarkable}},
		{"a bookmark before the beginning", 5, []string{"up to 3", "-a@5"}, []Guarantee{Bookmarkable}},
		{"a bookmark of the future", 6, []string{"a@6", "up to 7"}, []Guarantee{Bookmarkable}},
		{"a bookmark that goes back", 2, []string{"a@2 b@3", "up to 3", "up to 2"}, []Guarantee{Bookmarkable}},

		{"from the future", 9, []string{"up to 8", "settle"}, []Guarantee{Bookmarkable}},

		{"back in time", 2, []string{"a@2 b@3", "a@2 b@3"}, []Guarantee{Ordered, Unique, Unique}},
	} {
		t.Run(x.name, func(t *testing.T) {
			tale := newTale()
			tale.commit(history...)
			play(tale.Watch(Name("w"), x.from, Everything), x.messages...)
			if got := tale.guarantees(); !slices.Equal(got, x.want) {
				t.Fatalf("broken: %v, want %v: %v", got, x.want, tale.found)
			}
		})
	}
}

// Each guarantee has a text, which is what the error says.
func TestTheErrorIsTheGuarantee(t *testing.T) {
	for i, g := range Guarantees() {
		v := &Violation{g, "the watch", "did something"}
		if !strings.HasPrefix(v.Error(), fmt.Sprintf("W%d ", i)) || !strings.Contains(v.Error(), g.Promise()) {
			t.Errorf("%v: %v", g, v)
		}
	}
}

func TestWatchOfASelection(t *testing.T) {
	tale := newTale()
	tale.commit("a@2", "b@3", "a@4", "b@5")
	onlyA := func(c *Change) Look {
		switch {
		case c.Key.Name != "a":
			return Hidden
		case c.Revision == 4: // It ceases to match.
			return Delete
		}
		return Put
	}
	play(tale.Watch(Name("w"), 2, onlyA), "a@2", "up to 3", "-a@4", "settle")
	if len(tale.found) > 0 {
		t.Fatal(tale.found)
	}
	play(tale.Watch(Name("w"), 2, onlyA), "a@2 b@3")
	if got := tale.guarantees(); !slices.Equal(got, []Guarantee{True}) {
		t.Fatal(tale.found)
	}
}

func TestStreamsMayClaimLess(t *testing.T) {
	tale := newTale()
	tale.commit("a@2", "b@2")
	s := tale.Watch(Name("w"), 2, Everything).Only(func(g Guarantee) bool { return g != Atomic })
	play(s, "a@2", "b@2", "settle")
	if len(tale.found) > 0 {
		t.Fatal(tale.found)
	}
}

// A watch goes on where the one before it ended.
func TestNextIsWhereToGoOn(t *testing.T) {
	tale := newTale()
	tale.commit("a@2", "b@3", "c@4")
	s := tale.Watch(Name("w"), 2, Everything)
	for _, step := range []struct {
		message string
		next    int64
	}{{"a@2", 3}, {"b@3", 4}, {"up to 3", 4}, {"c@4", 5}} {
		if play(s, step.message); s.Next() != step.next {
			t.Fatalf("after %s the next is %d, want %d", step.message, s.Next(), step.next)
		}
	}
}

// verdict is the dumb twin: it looks at the whole story at once.
func verdict(history []Change, newest, from int64, story [][]Event, settled bool) map[Guarantee]bool {
	broken := map[Guarantee]bool{}
	type id struct {
		revision int64
		key      Key
	}
	happened, toldIn := map[id]bool{}, map[id]int{}
	for _, c := range history {
		happened[id{c.Revision, c.Key}] = true
	}
	last := int64(0)
	for i, message := range story {
		for _, e := range message {
			x := id{e.Revision, e.Key}
			_, again := toldIn[x]
			switch {
			case e.Revision < from:
				broken[Resumable] = true
				continue
			case !happened[x]:
				broken[True] = true
				continue
			case e.Revision < last:
				broken[Ordered] = true
			}
			if again {
				broken[Unique] = true
				continue
			}
			toldIn[x] = i
			last = max(last, e.Revision)
		}
		for _, c := range history { // What is missing at the end of a message is missing.
			_, told := toldIn[id{c.Revision, c.Key}]
			if told || c.Revision < from || c.Revision >= last {
				continue
			}
			broken[Reliable] = true // Or resumable: the comparison takes them as one.
		}
	}
	for a, i := range toldIn {
		for b, j := range toldIn {
			if a.revision == b.revision && i != j {
				broken[Atomic] = true
			}
		}
	}
	for _, c := range history {
		if _, told := toldIn[id{c.Revision, c.Key}]; settled && !told && c.Revision >= from && c.Revision <= newest {
			broken[Reliable] = true
		}
	}
	return broken
}

// The stream finds what looking at the whole story at the end finds.
func TestStreamEqualsLookingAtTheWholeStory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tale := newTale()
		var story []Event
		for revision := int64(2); revision < 2+rapid.Int64Range(1, 6).Draw(t, "revisions"); revision++ {
			var of []Change
			for _, key := range []string{"a", "b"}[:rapid.IntRange(1, 2).Draw(t, "keys")] {
				of = append(of, Change{Revision: revision, Key: Key{Name: key}})
				story = append(story, Event{Revision: revision, Key: Key{Name: key}})
			}
			tale.Commit(revision, of...)
		}
		for range rapid.IntRange(0, 2).Draw(t, "mistakes") {
			i, j := rapid.IntRange(0, len(story)-1).Draw(t, "i"), rapid.IntRange(0, len(story)-1).Draw(t, "j")
			switch rapid.IntRange(0, 3).Draw(t, "mistake") {
			case 0:
				story[i], story[j] = story[j], story[i]
			case 1:
				story = slices.Insert(story, i, story[j])
			case 2:
				story[i].Key.Name = "x"
			default:
				if len(story) > 1 {
					story = slices.Delete(story, i, i+1)
				}
			}
		}
		from := rapid.Int64Range(2, 4).Draw(t, "from")
		var messages [][]Event
		for len(story) > 0 {
			n := rapid.IntRange(1, len(story)).Draw(t, "events")
			messages = append(messages, story[:n])
			story = story[n:]
		}
		s := tale.Watch(Name("w"), from, Everything)
		for _, m := range messages {
			s.Deliver(m, false)
		}
		settled := rapid.Bool().Draw(t, "settled")
		if settled {
			s.Settle()
		}
		want, got := verdict(tale.changes, tale.Newest(), from, messages, settled), map[Guarantee]bool{}
		for _, v := range tale.found {
			got[v.Guarantee] = true
		}
		// An event before the beginning is one way to break resumable, a missing first one the other.
		early := slices.ContainsFunc(slices.Concat(messages...), func(e Event) bool { return e.Revision < from })
		if got[Resumable] && !early {
			got[Reliable] = true
		}
		for _, g := range []Guarantee{True, Ordered, Unique, Atomic} {
			if g == Atomic && got[Ordered] {
				continue // What comes late belongs to no message any more.
			}
			if got[g] != want[g] {
				t.Fatalf("from %d: %v: %v is broken: %v, the twin says %v: %v", from, messages, g, got[g], want[g], tale.found)
			}
		}
		if (got[Reliable] || got[Resumable]) != (want[Reliable] || want[Resumable]) {
			t.Fatalf("from %d: %v: missing: %v, the twin says %v", from, messages, tale.found, want)
		}
	})
}

// A watch that begins in the future is told nothing of what comes before.
func TestWatchFromTheFuture(t *testing.T) {
	tale := newTale()
	tale.commit("a@2")
	s := tale.Watch(Name("w"), 4, Everything)
	tale.commit("b@3", "c@4")
	play(s, "c@4", "settle")
	if len(tale.found) > 0 {
		t.Fatal(tale.found)
	}
	early := tale.Watch(Name("w"), 6, Everything)
	tale.commit("d@5", "e@6")
	play(early, "up to 5", "d@5", "e@6", "settle")
	if got := tale.guarantees(); !slices.Equal(got, []Guarantee{Resumable}) {
		t.Fatal(tale.found)
	}
}

// parted is a history with a part that began with the objects of some revisions.
func parted(found *[]*Violation, began ...int64) (*History, *History) {
	h := NewHistory(10, func(v *Violation) { *found = append(*found, v) })
	var state uint64
	for _, revision := range began {
		state += StateHash(revision)
	}
	return h, h.Part(10, state)
}

func sum(revisions ...int64) (state uint64) {
	for _, revision := range revisions {
		state += StateHash(revision)
	}
	return state
}

// A list is compared with what there was at its revision, and the watch goes on from there.
func TestLists(t *testing.T) {
	for _, x := range []struct {
		name     string
		revision int64
		state    uint64
		before   []string // What the stream told before the list.
		after    []string
		want     []Guarantee
	}{
		{"what was there at the beginning", 10, sum(3, 5), nil, []string{"a@11", "b@12", "-a@13"}, nil},
		{"after a change", 11, sum(3, 5, 11), nil, []string{"b@12", "-a@13"}, nil},
		{"after an update", 12, sum(3, 11, 12), nil, []string{"-a@13", "up to 14"}, nil},
		{"after a deletion", 13, sum(3, 12), nil, []string{"up to 13", "settle"}, nil},
		{"of a revision that changed nothing here", 14, sum(3, 12), nil, []string{"up to 14", "settle"}, nil},
		{"again, further on", 13, sum(3, 12), []string{"a@11"}, []string{"up to 14"}, nil},

		{"with what is deleted", 13, sum(3, 11, 12), nil, nil, []Guarantee{Complete}},
		{"without something", 12, sum(11, 12), nil, nil, []Guarantee{Complete}},
		{"with an old state", 12, sum(3, 5, 11), nil, nil, []Guarantee{Complete}},
		{"of the future", 15, sum(3, 12), nil, nil, []Guarantee{Complete}},
		{"older than what was told", 11, sum(3, 5, 11), []string{"a@11", "b@12"}, nil, []Guarantee{Ordered}},
		{"and then what was in it", 11, sum(3, 5, 11), nil, []string{"a@11"}, []Guarantee{Resumable}},
		{"and then not what follows", 11, sum(3, 5, 11), nil, []string{"-a@13"}, []Guarantee{Reliable}},
	} {
		t.Run(x.name, func(t *testing.T) {
			var found []*Violation
			h, p := parted(&found, 3, 5)
			for _, c := range []Change{
				{Revision: 11, Key: Key{Name: "a"}}, {Revision: 12, Key: Key{Name: "b"}, Replaced: 5}, {Revision: 13, Key: Key{Name: "a"}, Deleted: true, Replaced: 11},
			} {
				h.Advance(c.Revision)
				p.Append(c)
			}
			h.Advance(14)
			s := p.Watch(Name("w"), 11, Everything)
			play(s, x.before...)
			if right, known := s.List(x.revision, x.state); known && !right {
				s.Incomplete(x.revision, "otherwise")
			}
			play(s, x.after...)
			var got []Guarantee
			for _, v := range found {
				got = append(got, v.Guarantee)
			}
			if !slices.Equal(got, x.want) {
				t.Fatalf("broken: %v, want %v: %v", got, x.want, found)
			}
		})
	}
}

// What nobody needs is forgotten; streams go on, and a list from before is not judged.
func TestForget(t *testing.T) {
	var found []*Violation
	h, p := parted(&found, 3)
	for revision := int64(11); revision <= 20; revision++ {
		h.Advance(revision)
		p.Append(Change{Revision: revision, Key: Key{Name: "a"}, Replaced: max(3, revision-1)})
	}
	s := p.Watch(Name("w"), 18, Everything)
	play(s, "a@18")
	if s.Needs() != 19 {
		t.Fatalf("needs %d", s.Needs())
	}
	p.Forget(s.Needs())
	if p.Begins() != 19 || p.Len() != 2 {
		t.Fatalf("begins at %d with %d changes", p.Begins(), p.Len())
	}
	play(s, "a@19", "a@20", "settle")
	late := p.Watch(Name("late"), 12, Everything)
	play(late, "a@19", "a@20", "settle")
	if _, known := p.Watch(Name("lists"), 12, Everything).List(17, 0); known || len(found) > 0 {
		t.Fatalf("known %v, %v", known, found)
	}
}

// Object is a short way for what Deliver does.
func TestObjectEqualsDeliver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var found, foundSlow []*Violation
		fast, slow := NewHistory(1, func(v *Violation) { found = append(found, v) }), NewHistory(1, func(v *Violation) { foundSlow = append(foundSlow, v) })
		var all []Event
		for revision := int64(2); revision < 2+rapid.Int64Range(1, 8).Draw(t, "revisions"); revision++ {
			for i := range rapid.IntRange(1, 2).Draw(t, "keys") {
				e := Event{Revision: revision, Key: Key{Name: string(rune('a' + i))}, Deleted: rapid.IntRange(0, 3).Draw(t, "deleted") == 0}
				c := Change{Revision: revision, Key: e.Key, Deleted: e.Deleted}
				if !e.Deleted {
					e.Object = new(int64)
					c.Object = e.Object
				}
				all = append(all, e)
				for _, h := range []*History{fast, slow} {
					if h.Newest() < revision {
						h.Advance(revision)
					}
					h.Append(c)
				}
			}
		}
		a, b := fast.Watch(Name("w"), 2, Everything), slow.Watch(Name("w"), 2, Everything)
		for range rapid.IntRange(1, 12).Draw(t, "told") {
			e := rapid.SampledFrom(all).Draw(t, "event")
			if rapid.Bool().Draw(t, "in turn") && a.place < len(all) {
				e = all[a.place]
			}
			if e.Deleted || !a.Object(e.Object) {
				a.Deliver([]Event{e}, true)
			}
			a.Done()
			b.Deliver([]Event{e}, false)
		}
		if len(found) != len(foundSlow) || a.Next() != b.Next() {
			t.Fatalf("%v and %v; %d and %d", found, foundSlow, a.Next(), b.Next())
		}
		for i := range found {
			if *found[i] != *foundSlow[i] {
				t.Fatalf("%v and %v", found[i], foundSlow[i])
			}
		}
	})
}
