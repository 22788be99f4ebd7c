package watch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// outlet is a sink with room for some messages.
type outlet struct {
	room     int
	received []*Response
}

func (o *outlet) Send(r *Response) bool {
	if o.room == 0 {
		return false
	}
	o.room--
	o.received = append(o.received, r)
	return true
}

func (o *outlet) events() (all []mvcc.Event) {
	for _, r := range o.received {
		all = append(all, r.Events...)
	}
	return all
}

// subject is a watcher under test and what it asked for.
type subject struct {
	request *Request
	from    int64 // First revision that it must see.
	outlet  *outlet
	watcher *Watcher
	gone    bool
}

// world is a keyspace, its hub and the full history as the twin: a watcher must have received exactly the matching
// part of the history, or a prefix of it while it is behind.
type world struct {
	store    *mvcc.Store
	hub      *Hub
	history  []mvcc.Event
	subjects []*subject
}

func newWorld() *world {
	w := &world{store: mvcc.New(nil)}
	w.hub = New(w.store, func() mvcc.Header { return mvcc.Header{Revision: w.store.Revision()} }, 150)
	return w
}

func (w *world) write(t *rapid.T) {
	for range rapid.IntRange(1, 3).Draw(t, "batch") {
		key := rapid.SampledFrom([]string{"a", "b", "bb", "c", "d"}).Draw(t, "key")
		if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			w.store.DeleteRange(&mvcc.DeleteRangeRequest{Key: key, RangeEnd: rapid.SampledFrom([]string{"", "c"}).Draw(t, "end")}, false)
		} else {
			w.store.Put(&mvcc.PutRequest{Key: key, Value: mvcc.Bytes(fmt.Sprint(w.store.Revision()))}, false)
		}
		w.hub.Notify(w.store.Changes())
		for _, r := range w.store.Changes() {
			w.history = append(w.history, r.Event(true))
		}
	}
	w.hub.Flush()
}

func (w *world) watch(t *rapid.T) {
	r := &Request{
		Key:           rapid.SampledFrom([]string{"", "a", "b", "bb", "c"}).Draw(t, "start"),
		RangeEnd:      rapid.SampledFrom([]string{"", "b", "c", "d", mvcc.AllKeys}).Draw(t, "end"),
		StartRevision: rapid.Int64Range(-1, w.store.Revision()+3).Draw(t, "revision"),
		PrevKV:        rapid.Bool().Draw(t, "prevKV"), ProgressNotify: rapid.Bool().Draw(t, "progress"),
		NoPut: rapid.IntRange(0, 4).Draw(t, "noPut") == 0, NoDelete: rapid.IntRange(0, 4).Draw(t, "noDelete") == 0,
		Fragment: rapid.Bool().Draw(t, "fragment"),
	}
	s := &subject{request: r, outlet: &outlet{room: rapid.IntRange(0, 9).Draw(t, "room")}, from: r.StartRevision}
	if r.StartRevision == 0 {
		s.from = w.store.Revision() + 1
	}
	s.watcher = w.hub.Watch(r, s.outlet)
	w.subjects = append(w.subjects, s)
}

func (w *world) pick(t *rapid.T) *subject {
	if len(w.subjects) == 0 {
		return nil
	}
	return rapid.SampledFrom(w.subjects).Draw(t, "subject")
}

func (w *world) step(t *rapid.T) {
	switch rapid.IntRange(0, 9).Draw(t, "action") {
	case 0, 1, 2:
		w.write(t)
	case 3:
		w.watch(t)
	case 4:
		if s := w.pick(t); s != nil {
			s.outlet.room += rapid.IntRange(1, 5).Draw(t, "more")
			w.hub.Writable(s.watcher)
		}
	case 5:
		w.hub.Sync()
	case 6:
		if s := w.pick(t); s != nil && rapid.IntRange(0, 3).Draw(t, "cancel") == 0 {
			w.hub.Cancel(s.watcher)
			s.gone = true
		}
	case 7:
		if s := w.pick(t); s != nil && !s.watcher.Ended() {
			w.hub.Progress(s.watcher)
		}
	case 8:
		if s := w.pick(t); s != nil && !s.watcher.Ended() {
			w.hub.ProgressTick(s.watcher)
		}
	default:
		if rapid.IntRange(0, 2).Draw(t, "compact") == 0 {
			w.store.Compact(rapid.Int64Range(1, w.store.Revision()).Draw(t, "at"))
		} else {
			w.store = mvcc.Restore(w.store.Snapshot(), nil)
			w.hub.Restore(w.store)
		}
	}
}

// expected is the part of the history that a subject asked for.
func (w *world) expected(s *subject) (all []mvcc.Event) {
	key := s.request.Key
	if key == "" {
		key = "\x00"
	}
	for _, e := range w.history {
		dropped := e.Type == mvcc.Put && s.request.NoPut || e.Type == mvcc.Delete && s.request.NoDelete
		if e.KV.ModRevision >= s.from && mvcc.InRange(e.KV.Key, key, s.request.RangeEnd) && !dropped {
			if !s.request.PrevKV {
				e.PrevKV = nil
			}
			all = append(all, e)
		}
	}
	return all
}

// Previous states are compared where they are there: compaction may take them from those who are behind.
var ignoreLostPrevious = cmp.FilterPath(
	func(p cmp.Path) bool { return p.Last().String() == ".PrevKV" },
	cmp.Comparer(func(a, b *mvcc.KeyValue) bool { return a == nil || b == nil || cmp.Equal(a, b) }))

func (w *world) check(t *rapid.T, s *subject, complete bool) {
	want, got := w.expected(s), s.outlet.events()
	canceled := len(s.outlet.received) > 0 && s.outlet.received[len(s.outlet.received)-1].Canceled
	if !complete || canceled || s.gone {
		want = want[:min(len(want), len(got))]
	}
	if diff := cmp.Diff(want, got, ignoreLostPrevious, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("watcher %+v from %d received something else than the history (-want +got):\n%s", *s.request, s.from, diff)
	}
	delivered := int64(0)
	for i, r := range s.outlet.received {
		if r.IsProgress() {
			delivered = r.Header.Revision
		}
		for _, e := range r.Events {
			if e.KV.ModRevision <= delivered {
				t.Fatalf("event at %d after progress at %d", e.KV.ModRevision, delivered)
			}
		}
		if n := len(r.Events); n > 0 && !r.Fragment && i+1 < len(s.outlet.received) {
			next := s.outlet.received[i+1].Events
			if len(next) > 0 && next[0].KV.ModRevision == r.Events[n-1].KV.ModRevision {
				t.Fatalf("the events of revision %d are torn", next[0].KV.ModRevision)
			}
		}
	}
}

func TestWatchersSeeTheHistoryOnceAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.step(t)
			for _, s := range w.subjects {
				w.check(t, s, false)
			}
		}
		for _, s := range w.subjects { // Everybody gets room and catches up.
			s.outlet.room = 1 << 30
			w.hub.Writable(s.watcher)
		}
		for w.hub.Unsynced() > 0 {
			w.hub.Sync()
		}
		for _, s := range w.subjects {
			w.check(t, s, true)
		}
		if living := slices.ContainsFunc(w.subjects, func(s *subject) bool { return !s.watcher.Ended() }); !living && (w.hub.Watchers() != 0 || len(w.hub.index.groups) != 0) {
			t.Fatalf("%d watchers and %d groups are left", w.hub.Watchers(), len(w.hub.index.groups))
		}
	})
}

// The index finds what looking at every group finds.
func TestIndexEqualsLinearSearch(t *testing.T) {
	key := rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 1, 3, -1)
	rapid.Check(t, func(t *rapid.T) {
		x := newIndex()
		var groups []*group
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if len(groups) > 0 && rapid.IntRange(0, 3).Draw(t, "leave") == 0 {
				i := rapid.IntRange(0, len(groups)-1).Draw(t, "which")
				x.leave(groups[i])
				groups = slices.Delete(groups, i, i+1)
				continue
			}
			q := question{key: key.Draw(t, "key"), end: rapid.OneOf(key, rapid.Just(mvcc.AllKeys)).Draw(t, "end")}
			groups = append(groups, x.join(q))
			probe := key.Draw(t, "probe")
			want := map[*group]bool{}
			for _, g := range groups {
				if mvcc.InRange(probe, g.key, g.end) {
					want[g] = true
				}
			}
			got := map[*group]bool{}
			for _, g := range x.covering(probe) {
				got[g] = true
			}
			if !cmp.Equal(want, got) {
				t.Fatalf("%q is in %d groups, found %d", probe, len(want), len(got))
			}
		}
	})
}

// A response above the limit comes in pieces to a watcher that allows it, all but the last marked, and whole to others.
func TestLargeResponsesComeInPieces(t *testing.T) {
	w := newWorld() // Its limit is 150 bytes.
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		w.store.Put(&mvcc.PutRequest{Key: key, Value: mvcc.Bytes("0123456789")}, false)
	}
	pieces, whole := &outlet{room: 1 << 30}, &outlet{room: 1 << 30}
	w.hub.Watch(&Request{Key: "a", RangeEnd: mvcc.AllKeys, StartRevision: 2, Fragment: true}, pieces)
	w.hub.Watch(&Request{Key: "a", RangeEnd: mvcc.AllKeys, StartRevision: 2}, whole)
	w.hub.Sync()
	if n := len(whole.received); n != 2 || len(whole.received[1].Events) != 6 || whole.received[1].Fragment {
		t.Errorf("the watcher that wants it whole received %d messages", n)
	}
	told := pieces.received[1:]
	if len(told) != 3 || len(pieces.events()) != 6 {
		t.Fatalf("%d events in %d pieces", len(pieces.events()), len(told))
	}
	for i, r := range told {
		if size := r.SizeBytes(); size >= 150 || r.Fragment != (i < len(told)-1) {
			t.Errorf("piece %d of %d has %d bytes, more to come: %v", i, len(told), size, r.Fragment)
		}
	}
}

// A watcher that compaction has passed is told the revision from which it can begin anew.
func TestCompactionIsToldToTheWatcherItPasses(t *testing.T) {
	w := newWorld()
	for range 9 {
		w.store.Put(&mvcc.PutRequest{Key: "a"}, false)
	}
	late := &outlet{room: 1 << 30}
	w.hub.Watch(&Request{Key: "a", StartRevision: 3}, late)
	w.store.Compact(7)
	w.hub.Sync()
	last := late.received[len(late.received)-1]
	if !last.Canceled || last.CompactRevision != 7 || last.Reason != mvcc.ErrCompacted || len(late.events()) > 0 {
		t.Fatalf("the last word is %+v after %d events", last, len(late.events()))
	}
}

// A slow watcher is told everything in the end and holds up nobody meanwhile.
func TestSlowWatcherHoldsUpNobody(t *testing.T) {
	w := newWorld()
	slow, fast := &outlet{room: 2}, &outlet{room: 1 << 30}
	ws := w.hub.Watch(&Request{Key: "a", RangeEnd: mvcc.AllKeys}, slow)
	w.hub.Watch(&Request{Key: "a", RangeEnd: mvcc.AllKeys}, fast)
	put := func() {
		w.store.Put(&mvcc.PutRequest{Key: "a", Value: mvcc.Bytes("x")}, false)
		w.hub.Notify(w.store.Changes())
		w.hub.Flush()
	}
	for range 2500 {
		put()
	}
	if n := len(fast.events()); n != 2500 {
		t.Fatalf("the fast watcher has %d events of 2500", n)
	}
	if n := len(slow.events()); n != 1 {
		t.Fatalf("the slow watcher has %d events, there was room for one", n)
	}
	slow.room = 1 << 30
	w.hub.Writable(ws)
	for rounds := 1; w.hub.Unsynced() > 0; rounds++ {
		if w.hub.Sync(); rounds > 3 {
			t.Fatal("2500 revisions take more than 3 rounds of 1000")
		}
	}
	put()
	if n := len(slow.events()); n != 2501 {
		t.Fatalf("the slow watcher has %d events of 2501", n)
	}
}

func BenchmarkNotifyOneOfForty(b *testing.B) {
	store := mvcc.New(nil)
	hub := New(store, func() mvcc.Header { return mvcc.Header{} }, 1<<20)
	sink := &drain{}
	for i := range 40 {
		prefix := fmt.Sprintf("/registry/kind-%02d/", i)
		hub.Watch(&Request{Key: prefix, RangeEnd: prefix[:len(prefix)-1] + "0", PrevKV: true}, sink)
	}
	r := &mvcc.PutRequest{Key: "/registry/kind-17/some-namespace/some-name", Value: mvcc.Bytes("x")}
	b.ReportAllocs()
	for b.Loop() {
		store.Put(r, false)
		hub.Notify(store.Changes())
		hub.Flush()
	}
}

type drain struct{ n int }

func (d *drain) Send(*Response) bool { d.n++; return true }
