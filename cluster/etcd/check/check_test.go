package check

import (
	"errors"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// book is a checker, and a member that does everything right: its changes are another model's.
type book struct {
	*Checker
	right model
	index uint64
}

// entry applies a request.
func (b *book) entry(request any) *etcd.Application {
	b.index++
	a := &etcd.Application{Index: b.index, Request: request, Time: b.simulation.Now()}
	_, a.Err = b.right.apply(request)
	if a.Err == nil && writes(request) {
		for _, r := range b.right.keys.Changes() {
			a.Events = append(a.Events, r.Event(true))
		}
	}
	a.Revision = b.right.revision()
	return a
}

func (b *book) apply(request any) { b.applied(b.entry(request)) }

func put(key, value string) *etcd.PutRequest {
	return &etcd.PutRequest{Key: key, Value: etcd.Bytes(value)}
}

func answer(revision int64) *etcd.PutResponse {
	return &etcd.PutResponse{Header: etcd.Header{Revision: revision}}
}

func TestEachGuaranteeIsChecked(t *testing.T) {
	for _, x := range []struct {
		name  string
		want  etcd.Guarantee
		story func(b *book)
	}{
		{"all is well", "", func(b *book) {
			r := put("a", "1")
			o := b.begin("c", r)
			b.apply(r)
			b.end(o, answer(2), nil)
			read := &etcd.RangeRequest{Key: "a"}
			o = b.begin("c", read)
			got, _ := b.right.keys.Range(read)
			b.end(o, got, nil)
		}},
		{"a failed request that comes to pass later", "", func(b *book) {
			r := put("a", "1")
			o := b.begin("c", r)
			b.end(o, nil, etcd.ErrTimeout)
			b.apply(r)
		}},
		{"a member that makes another revision of it", AppliedAsTheModel, func(b *book) {
			a := b.entry(put("a", "1"))
			a.Revision++
			b.applied(a)
		}},
		{"a member that writes something else", AppliedAsTheModel, func(b *book) {
			a := b.entry(put("a", "1"))
			a.Events[0].KV = &etcd.KeyValue{Key: "b"}
			b.applied(a)
		}},
		{"a member that refuses what is right", AppliedAsTheModel, func(b *book) {
			a := b.entry(&etcd.CompactionRequest{Revision: 1})
			a.Err = etcd.ErrCompacted
			b.applied(a)
		}},
		{"a request that is applied twice", OnceAtMost, func(b *book) {
			r := put("a", "1")
			b.begin("c", r)
			b.apply(r)
			b.apply(r)
		}},
		{"a refused request that is applied", OnceAtMost, func(b *book) {
			r := put("a", "1")
			b.end(b.begin("c", r), nil, etcd.ErrTooManyRequests)
			b.apply(r)
		}},
		{"a write that is answered and nowhere", CommittedFirst, func(b *book) {
			b.end(b.begin("c", put("a", "1")), answer(2), nil)
		}},
		{"a read from the future", CommittedFirst, func(b *book) {
			b.end(b.begin("c", &etcd.RangeRequest{Key: "a"}), &etcd.RangeResponse{Header: etcd.Header{Revision: 2}}, nil)
		}},
		{"an answer with another revision", AnsweredRight, func(b *book) {
			r := put("a", "1")
			o := b.begin("c", r)
			b.apply(r)
			b.end(o, answer(3), nil)
		}},
		{"a read that leaves something out", AnsweredRight, func(b *book) {
			b.apply(put("a", "1"))
			b.end(b.begin("c", &etcd.RangeRequest{Key: "a"}), &etcd.RangeResponse{Header: etcd.Header{Revision: 2}}, nil)
		}},
		{"a stale read", ReadsAreRecent, func(b *book) {
			b.apply(put("a", "1"))
			b.end(b.begin("c", &etcd.RangeRequest{Key: "a"}), &etcd.RangeResponse{Header: etcd.Header{Revision: 1}}, nil)
		}},
		{"a serializable read may be stale", "", func(b *book) {
			b.apply(put("a", "1"))
			b.end(b.begin("c", &etcd.RangeRequest{Key: "a", Serializable: true}), &etcd.RangeResponse{Header: etcd.Header{Revision: 1}}, nil)
		}},
		{"a history that is there and is refused", RefusedWithReason, func(b *book) {
			b.end(b.begin("c", &etcd.RangeRequest{Key: "a", Revision: 1}), nil, etcd.ErrCompacted)
		}},
		{"a lease that ends too early", LeasesLast, func(b *book) {
			b.apply(&etcd.LeaseGrantRequest{ID: 7, TTLSeconds: 10})
			b.wait(9 * time.Second)
			b.apply(&etcd.LeaseExpiry{ID: 7})
		}},
		{"a lease that ends in its time", "", func(b *book) {
			b.apply(&etcd.LeaseGrantRequest{ID: 7, TTLSeconds: 10})
			b.wait(10 * time.Second)
			b.apply(&etcd.LeaseExpiry{ID: 7})
		}},
		{"a renewed lease that ends too early", LeasesLast, func(b *book) {
			b.apply(&etcd.LeaseGrantRequest{ID: 7, TTLSeconds: 10})
			b.wait(5 * time.Second)
			b.leases.renewed(b.Checker, 7, b.simulation.Now(), 2, &etcd.LeaseKeepAliveResponse{Header: etcd.Header{RaftTerm: 2}, TTLSeconds: 10})
			b.wait(6 * time.Second)
			b.apply(&etcd.LeaseExpiry{ID: 7})
		}},
		{"a lease that a leader of the past renewed", "", func(b *book) {
			b.apply(&etcd.LeaseGrantRequest{ID: 7, TTLSeconds: 10})
			b.wait(5 * time.Second)
			b.leases.renewed(b.Checker, 7, b.simulation.Now(), 3, &etcd.LeaseKeepAliveResponse{Header: etcd.Header{RaftTerm: 2}, TTLSeconds: 10})
			b.wait(6 * time.Second)
			b.apply(&etcd.LeaseExpiry{ID: 7})
		}},
		{"a request without an answer", NothingHangs, func(b *book) {
			b.begin("c", put("a", "1"))
			b.Finish(nil)
		}},
		{"a member that is down for good", MembersAreEqual, func(b *book) { b.Finish([]*etcd.Member{nil}) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := sim.New(sim.Config{NoWatchdog: true})
			defer s.Close()
			b := &book{Checker: New(s, etcd.NewCanonical(s), Options{}), right: newModel()}
			x.story(b)
			var got etcd.Guarantee
			if all := b.Violations(); len(all) > 0 {
				var v *etcd.Violation
				if !errors.As(all[0], &v) || len(all) > 1 {
					t.Fatal(all)
				}
				got = v.Guarantee
			}
			if got != x.want {
				t.Fatalf("broken: %q, want %q", got, x.want)
			}
		})
	}
}

func (b *book) wait(d time.Duration) {
	if err := b.simulation.Run(b.simulation.Now().Add(d)); err != nil {
		panic(err)
	}
}

// The checks go all the way: a member whose keyspace somebody else has changed, and a watcher that is not told.
func TestChecksSeeTheMembers(t *testing.T) {
	w := newWorld(1, 1)
	defer w.close()
	for w.leader() < 0 {
		w.must(t, 100*time.Millisecond)
	}
	c := w.clients[0]
	var watch *Watch
	c.process.Do(func() {
		watch = c.Watch(etcd.WatchRequest{Key: etcd.AllKeys, RangeEnd: etcd.AllKeys, PrevKV: true, ProgressNotify: true})
		c.Put(put("a", "1"), nil)
		c.Grant(60, func(int64, error) {})
	})
	w.must(t, time.Second)
	w.settle(t)
	if s := w.checker.Stats(); s.Called != 2 || s.Answered != 2 || s.Events != 1 {
		t.Fatalf("looked at %+v", s)
	}
	w.network.Partition(network.Selector{"desk0"}, nil, network.Both)
	w.members[0].Store().Put(put("a", "not agreed upon"), false)
	w.checker.Finish(w.members)
	if all := w.checker.Violations(); len(all) != 1 {
		t.Fatal(all)
	}
	var v *etcd.Violation
	if !errors.As(w.checker.Violations()[0], &v) || v.Guarantee != MembersAreEqual {
		t.Fatal(w.checker.Violations())
	}
	watch.Cancel()
}

// A watch that is broken off goes on where it was, and a compaction that passes it is no violation.
func TestWatchesGoOn(t *testing.T) {
	w := newWorld(2, 1)
	defer w.close()
	for w.leader() < 0 {
		w.must(t, 100*time.Millisecond)
	}
	c := w.clients[0]
	var watch *Watch
	puts := func(n int) {
		for i := range n {
			c.process.Do(func() { c.Put(put("a", string(rune('0'+i))), nil) })
			w.must(t, 100*time.Millisecond)
		}
	}
	c.process.Do(func() { watch = c.Watch(etcd.WatchRequest{Key: "a", PrevKV: true}) })
	puts(3)
	c.process.Do(watch.Break)
	puts(3)
	c.process.Do(watch.Break)
	c.process.Do(func() { c.Compact(w.checker.model.revision(), func(error) {}) })
	puts(3)
	watch.RequestProgress()
	w.settle(t)
	if s := w.checker.Stats(); watch.Ends < 2 || s.Events < 8 || s.Bookmarks != 1 {
		t.Fatalf("%d ends, %+v", watch.Ends, s)
	}
}
