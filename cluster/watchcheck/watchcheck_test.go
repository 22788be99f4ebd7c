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
