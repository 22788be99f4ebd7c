package check

import (
	"errors"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/watchcheck"
	"github.com/fauxkube/fauxkube/sim"
)

// judged plays a story to a checker and says which guarantee was broken first, "" where none was.
func judged(t *testing.T, story func(b *book)) string {
	t.Helper()
	s := sim.New(sim.Config{NoWatchdog: true})
	defer s.Close()
	b := &book{Checker: New(s, etcd.NewCanonical(s), Options{}), right: newModel()}
	story(b)
	all := b.Violations()
	if len(all) == 0 {
		return ""
	}
	var v *etcd.Violation
	var w *watchcheck.Violation
	switch {
	case errors.As(all[0], &v):
		return string(v.Guarantee)
	case errors.As(all[0], &w):
		return w.Guarantee.String()
	}
	t.Fatal(all)
	return ""
}

// tell has a watch of everything told one event.
func (b *book) tell(watch *Watch, e etcd.Event) {
	watch.Events(&etcd.WatchResponse{Header: etcd.Header{Revision: b.Revision()}, Events: []etcd.Event{e}})
}

func (b *book) everything() *Watch {
	w := &Watch{client: &Client{checker: b.Checker}, name: "w", request: etcd.WatchRequest{Key: etcd.AllKeys, RangeEnd: etcd.AllKeys, PrevKV: true}}
	w.stream = b.watches.history.Watch(watchcheck.Name("w"), 2, w.look)
	b.watches.all = append(b.watches.all, w)
	return w
}

func TestFailuresAndWatchesAreJudged(t *testing.T) {
	leased := func() *etcd.PutRequest { return &etcd.PutRequest{Key: "a", Value: etcd.Bytes("1"), Lease: 7} }
	for _, x := range []struct {
		name, want string
		story      func(b *book)
	}{
		{"a failure as it must be", "", func(b *book) {
			r := leased()
			o := b.begin("c", r)
			b.apply(r)
			b.end(o, nil, etcd.ErrLeaseNotFound)
		}},
		{"a success that should have failed", string(AnsweredRight), func(b *book) {
			r := leased()
			o := b.begin("c", r)
			b.apply(r)
			b.end(o, answer(2), nil)
		}},
		{"another failure", string(AnsweredRight), func(b *book) {
			r := leased()
			o := b.begin("c", r)
			b.apply(r)
			b.end(o, nil, etcd.ErrLeaseExists)
		}},
		{"a failure that was not decided", string(CommittedFirst), func(b *book) { b.end(b.begin("c", leased()), nil, etcd.ErrLeaseNotFound) }},
		{"a revision that had come is called future", string(RefusedWithReason), func(b *book) {
			b.apply(put("a", "1"))
			b.end(b.begin("c", &etcd.RangeRequest{Key: "a", Revision: 2}), nil, etcd.ErrFutureRev)
		}},
		{"a revision of the future", "", func(b *book) { b.end(b.begin("c", &etcd.RangeRequest{Key: "a", Revision: 9}), nil, etcd.ErrFutureRev) }},
		{"a watch that is told", "", func(b *book) {
			w, a := b.everything(), b.entry(put("a", "1"))
			b.applied(a)
			b.tell(w, a.Events[0])
			b.Finish(nil)
		}},
		{"a watch that is never told", string(WatchersCatchUp), func(b *book) {
			b.everything()
			b.apply(put("a", "1"))
			b.Finish(nil)
		}},
		{"another state before", watchcheck.True.String(), func(b *book) {
			b.apply(put("a", "1"))
			w, a := b.everything(), b.entry(put("a", "2"))
			b.applied(a)
			w.stream = b.watches.history.Watch(watchcheck.Name("w"), 3, w.look)
			e := a.Events[0]
			other := *e.PrevKV
			other.Version++
			e.PrevKV = &other
			b.tell(w, e)
		}},
	} {
		if got := judged(t, x.story); got != x.want {
			t.Errorf("%s: broken: %q, want %q", x.name, got, x.want)
		}
	}
}

// A watch that is sent away for a compaction that did not pass it is noticed, and goes on.
func TestWatchesAreEndedForAReason(t *testing.T) {
	w := newWorld(3, 1)
	defer w.close()
	for w.leader() < 0 {
		w.must(t, 100*time.Millisecond)
	}
	c := w.clients[0]
	c.process.Do(func() {
		watch := c.Watch(etcd.WatchRequest{Key: "a"})
		watch.watch.Cancel()
		watch.Closed(etcd.ErrCompacted)
	})
	w.must(t, time.Second)
	var v *etcd.Violation
	if all := w.checker.Violations(); len(all) != 1 || !errors.As(all[0], &v) || v.Guarantee != RefusedWithReason {
		t.Fatal(all)
	}
}

// What lost disks took with them is named, what had been acknowledged above all.
func TestLoss(t *testing.T) {
	w := newWorld(4, 1)
	defer w.close()
	for w.leader() < 0 {
		w.must(t, 100*time.Millisecond)
	}
	c := w.clients[0]
	for i := range 8 {
		c.process.Do(func() { c.Put(put("a", string(rune('0'+i))), nil) })
		w.must(t, 100*time.Millisecond)
	}
	if text, lost := w.checker.Loss(w.members); lost || text != "nothing is gone, m0 holds every revision up to 9" {
		t.Errorf("%v, %s", lost, text)
	}
	for _, x := range w.checker.writes[2:] { // As if the member had not come so far.
		x.index += 1000
	}
	w.checker.writes[7].acknowledged = false
	want := "revisions 4 to 9 are gone, of which 5 had been acknowledged: a at 4, a at 5, a at 6, a at 7, a at 8"
	if text, lost := w.checker.Loss(w.members); !lost || text != want {
		t.Errorf("%v, %s", lost, text)
	}
	clear(w.members)
	if text, lost := w.checker.Loss(w.members); !lost || text != "no member is left that holds anything" {
		t.Errorf("%v, %s", lost, text)
	}
}

// The answers about leases and compactions are those of something that has been agreed on.
func TestOtherAnswersAreJudged(t *testing.T) {
	const key = "a"
	for _, x := range []struct {
		name string
		// forget takes from the checker what it has just learned, as if it had never come to pass.
		forget func(k *Checker, request any)
		ask    func(c *Client)
	}{
		{"grant", func(k *Checker, request any) { clear(k.leases.byID) }, func(c *Client) { c.Grant(60, func(int64, error) {}) }},
		{"revocation", func(k *Checker, request any) {
			if r, ok := request.(*etcd.LeaseRevokeRequest); ok {
				k.leases.byID[r.ID].isRevoked = false
			}
		}, func(c *Client) {
			c.Grant(60, func(id int64, err error) { c.Revoke(id, func(error) {}) })
		}},
		{"compaction", func(k *Checker, request any) {
			if _, ok := request.(*etcd.CompactionRequest); ok {
				k.model = newModel()
			}
		}, func(c *Client) {
			c.Put(put(key, "1"), func(*etcd.PutResponse, error) { c.Compact(2, func(error) {}) })
		}},
	} {
		for _, forgets := range []bool{false, true} {
			w := newWorld(5, 1)
			for w.leader() < 0 {
				w.must(t, 100*time.Millisecond)
			}
			if forgets {
				w.checker.canonical.OnApply(func(a *etcd.Application) { x.forget(w.checker, a.Request) })
			}
			w.clients[0].process.Do(func() { x.ask(w.clients[0]) })
			w.must(t, time.Second)
			var v *etcd.Violation
			all := w.checker.Violations()
			if broken := len(all) > 0 && errors.As(all[0], &v) && v.Guarantee == CommittedFirst; broken != forgets || !forgets && len(all) > 0 {
				t.Errorf("%s, forgotten %v: %v", x.name, forgets, all)
			}
			w.close()
		}
	}
}
