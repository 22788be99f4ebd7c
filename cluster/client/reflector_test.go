package client

import (
	"fmt"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// recorded is an informer of pods whose handler writes down what it is told.
type recorded struct {
	*Informer
	log []string
}

func recordPods(c *Client) *recorded {
	f := NewInformers(c)
	r := &recorded{Informer: f.For(api.Pods, Options{})}
	say := func(what string, o api.Object) {
		r.log = append(r.log, fmt.Sprintf("%s %s@%s", what, o.GetName(), o.GetResourceVersion()))
	}
	r.OnEvent(Handler{
		Add:                      func(o api.Object) { say("add", o) },
		Update:                   func(old, new api.Object) { say("update "+old.GetResourceVersion()+">", new) },
		Delete:                   func(o api.Object) { say("delete", o) },
		DeletedFinalStateUnknown: func(o api.Object) { say("lost", o) },
	})
	f.Start()
	return r
}

func (r *recorded) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.log, want) {
		t.Errorf("handler was told\n%q\nwant\n%q", r.log, want)
	}
	r.log = nil
}

func TestReflectorStreamsTheInitialStateThenChanges(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		w.send(event(watch.Added, podAt("5", "a", "n1")), event(watch.Added, podAt("3", "b", "")))
		w.send(bookmark("10", true))
	}}
	var pods *recorded
	w := newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) })
	w.run(t, time.Second)
	pods.expect(t, "add a@5", "add b@3")
	if !pods.Synced() || pods.ResourceVersion() != "10" {
		t.Fatalf("synced %v at %s", pods.Synced(), pods.ResourceVersion())
	}
	r := server.watches[0].request
	if r.ResourceVersion != "" || r.Match != metav1.ResourceVersionMatchNotOlderThan || !r.AllowBookmarks ||
		r.TimeoutSeconds < 300 || r.TimeoutSeconds >= 600 {
		t.Errorf("asked with %+v", r)
	}
	w.s.After(0, func() {
		server.watches[0].send(event(watch.Modified, podAt("11", "b", "n2")), event(watch.Deleted, podAt("12", "a", "n1")),
			event(watch.Added, podAt("13", "c", "")))
		server.watches[0].send(bookmark("20", false))
	})
	w.run(t, 2*time.Second)
	pods.expect(t, "update 3> b@11", "delete a@12", "add c@13")
	if pods.ResourceVersion() != "20" || len(server.watches) != 1 {
		t.Errorf("at %s after %d watches", pods.ResourceVersion(), len(server.watches))
	}
}

func TestReflectorAppliesChangesThatComeBeforeTheEndOfTheInitialState(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		w.send(event(watch.Added, podAt("1", "a", "")), event(watch.Added, podAt("2", "b", "")), event(watch.Added, podAt("3", "c", "")))
		w.send(event(watch.Deleted, podAt("4", "a", "")), event(watch.Modified, podAt("5", "b", "")), event(watch.Added, podAt("6", "d", "")))
		w.send(bookmark("6", false), bookmark("7", true))
	}}
	var pods *recorded
	newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, time.Second)
	pods.expect(t, "add c@3", "add b@5", "add d@6")
}

func TestReflectorResumesWhereAWatchEnded(t *testing.T) {
	server := &fakeServer{}
	server.watch = func(w *fakeWatch) {
		if w.initial() {
			w.send(event(watch.Added, podAt("5", "a", "")), bookmark("10", true))
			server.p.After(time.Minute, func() {
				w.send(bookmark("30", false))
				w.stream.Close(nil)
			})
		}
	}
	var pods *recorded
	newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, 2*time.Minute)
	pods.expect(t, "add a@5")
	if len(server.watches) != 2 {
		t.Fatalf("%d watches", len(server.watches))
	}
	second := server.watches[1]
	if second.initial() || second.request.ResourceVersion != "30" || second.at > time.Minute+10*time.Millisecond {
		t.Errorf("second watch at %v: %+v", second.at, second.request)
	}
}

func TestReflectorListsAnewWhenTheServerHasForgotten(t *testing.T) {
	server := &fakeServer{}
	server.watch = func(w *fakeWatch) {
		switch len(server.watches) {
		case 1:
			w.send(event(watch.Added, podAt("5", "a", "")), event(watch.Added, podAt("6", "b", "")), bookmark("10", true))
			server.p.After(10*time.Second, func() { w.stream.Close(apierrors.NewResourceExpired("too old resource version: 10 (50)")) })
		case 2:
			w.send(event(watch.Added, podAt("5", "a", "")), event(watch.Added, podAt("40", "c", "")), bookmark("50", true))
		}
	}
	var pods *recorded
	newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, time.Minute)
	pods.expect(t, "add a@5", "add b@6", "lost b@6", "update 5> a@5", "add c@40")
	second := server.watches[1]
	if !second.initial() || second.request.ResourceVersion != "10" {
		t.Errorf("asked with %+v", second.request)
	}
	if wait := second.at - 10*time.Second; wait < 800*time.Millisecond || wait > 1700*time.Millisecond {
		t.Errorf("listed again after %v, want .8 to 1.6 s", wait)
	}
}

func TestReflectorGivesUpAResourceVersionThatTheServerDoesNotKnow(t *testing.T) {
	tooLarge := apierrors.NewTimeoutError("Too large resource version: 10, current: 8", 1)
	tooLarge.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge}}
	tooLarge.ErrStatus.Details.RetryAfterSeconds = 0
	for name, refusal := range map[string]error{"expired": apierrors.NewResourceExpired("gone"), "too large": tooLarge} {
		server := &fakeServer{}
		server.watch = func(w *fakeWatch) {
			switch {
			case len(server.watches) == 1:
				w.send(bookmark("10", true))
				server.p.After(time.Second, func() { w.stream.Close(apierrors.NewResourceExpired("gone")) })
			case w.request.ResourceVersion == "":
				w.send(event(watch.Added, podAt("5", "a", "")), bookmark("8", true))
			default:
				w.stream.Close(refusal)
			}
		}
		var pods *recorded
		newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, time.Minute)
		if len(server.watches) != 3 || pods.ResourceVersion() != "8" || pods.Len() != 1 {
			t.Errorf("%s: %d watches, at %s with %d pods", name, len(server.watches), pods.ResourceVersion(), pods.Len())
		}
		if at := server.watches[2].at - server.watches[1].at; at > 10*time.Millisecond {
			t.Errorf("%s: asked again after %v", name, at)
		}
	}
}

func TestReflectorFallsBackToAPagedList(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		if w.initial() {
			w.stream.Close(apierrors.NewInvalid(api.Pods.GroupKind(), "", nil))
		}
	}}
	server.unary = func(r *api.Request) (*api.Response, error) {
		if r.Limit != pageSize {
			t.Errorf("limit %d", r.Limit)
		}
		switch r.Continue {
		case "":
			if r.ResourceVersion != "0" {
				t.Errorf("first page at %q", r.ResourceVersion)
			}
			return &api.Response{List: &api.List{ResourceVersion: "9", Continue: "next", Items: []api.Object{podAt("1", "a", "")}}}, nil
		default:
			if r.ResourceVersion != "" {
				t.Errorf("next page at %q", r.ResourceVersion)
			}
			return &api.Response{List: &api.List{ResourceVersion: "9", Items: []api.Object{podAt("2", "b", "")}}}, nil
		}
	}
	var pods *recorded
	newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, time.Minute)
	pods.expect(t, "add a@1", "add b@2")
	if len(server.watches) != 2 || server.watches[1].initial() || server.watches[1].request.ResourceVersion != "9" {
		t.Errorf("%d watches, last %+v", len(server.watches), server.watches[len(server.watches)-1].request)
	}
}

func TestReflectorListsAtOnceWhenItsPagesExpire(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		if w.initial() {
			w.stream.Close(apierrors.NewInternalError(fmt.Errorf("no")))
		}
	}}
	server.unary = func(r *api.Request) (*api.Response, error) {
		switch {
		case r.Continue != "":
			return nil, apierrors.NewResourceExpired("continue")
		case r.Limit == 0:
			return &api.Response{List: &api.List{ResourceVersion: "9", Items: []api.Object{podAt("1", "a", ""), podAt("2", "b", "")}}}, nil
		}
		return &api.Response{List: &api.List{ResourceVersion: "8", Continue: "next", Items: []api.Object{podAt("1", "a", "")}}}, nil
	}
	var pods *recorded
	newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, time.Minute)
	pods.expect(t, "add a@1", "add b@2")
	if len(server.requests) != 3 || pods.ResourceVersion() != "9" {
		t.Errorf("%q at %s", server.requests, pods.ResourceVersion())
	}
}

func TestReflectorWaitsWhileTheServerIsDownAndResumes(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		if w.initial() {
			w.send(event(watch.Added, podAt("5", "a", "")), bookmark("10", true))
			return
		}
		w.send(event(watch.Modified, podAt("11", "a", "")))
	}}
	var pods *recorded
	w := newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) })
	w.run(t, 10*time.Second)
	w.process.Restart(20 * time.Second)
	w.run(t, 2*time.Minute)
	pods.expect(t, "add a@5", "update 5> a@11")
	if len(server.watches) != 2 || server.watches[1].request.ResourceVersion != "10" {
		t.Fatalf("%d watches", len(server.watches))
	}
	// .8, 1.6, 3.2, 6.4, 12.8 s, each up to doubled: after 20 s down, at most another 25.6.
	if back := server.watches[1].at - 30*time.Second; back > 26*time.Second {
		t.Errorf("came back %v after the server", back)
	}
}

func TestReflectorStartsOverWhenAPingWasNotAnsweredButResumesAfterAReset(t *testing.T) {
	lost := fmt.Errorf("http2: client connection lost: %w", network.ErrReset)
	for _, c := range []struct {
		err  error
		over bool
	}{{lost, true}, {network.ErrReset, false}} {
		server := &fakeServer{}
		server.watch = func(w *fakeWatch) {
			if len(server.watches) == 1 {
				w.send(bookmark("10", true))
				server.p.After(10*time.Second, func() { w.stream.Close(c.err) })
			}
		}
		newWorld(t, server, func(w *world, p *host.Process) { recordPods(w.client(p, Config{})) }).run(t, 20*time.Second)
		second := server.watches[1]
		if wait := second.at - 10*time.Second; second.initial() != c.over || wait > 800*time.Millisecond != c.over {
			t.Errorf("%v: watched again after %v, initial events %v", c.err, wait, second.initial())
		}
	}
}

func TestARestartedProcessBeginsWithNothing(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) { w.send(event(watch.Added, podAt("5", "a", "")), bookmark("10", true)) }}
	var lives []*recorded
	var client *host.Process
	w := newWorld(t, server, func(w *world, p *host.Process) {
		client = p
		lives = append(lives, recordPods(w.client(p, Config{Limiter: NewTokenBucket(p, 1000, 1)})))
	})
	w.run(t, time.Minute)
	client.Restart(time.Second)
	w.run(t, 2*time.Minute)
	if len(lives) != 2 {
		t.Fatalf("%d lives", len(lives))
	}
	for _, r := range lives {
		r.expect(t, "add a@5")
	}
	if last := server.watches[len(server.watches)-1].request; !last.SendInitialEvents || last.ResourceVersion != "" {
		t.Errorf("asked with %+v", last)
	}
}

func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	for _, mode := range []sim.Mode{sim.Benchmark, sim.Hunt} {
		digests := map[uint64]bool{}
		for range 3 {
			c := electIn(t, mode, 3, asIs)
			c.run(t, time.Minute)
			c.processes[0].Restart(5 * time.Second)
			c.run(t, 3*time.Minute)
			digests[c.s.Digest()] = true
		}
		if len(digests) != 1 {
			t.Errorf("%v: %d digests", mode, len(digests))
		}
	}
}

func TestReflectorHonoursRetryAfterOfARefusedWatch(t *testing.T) {
	server := &fakeServer{}
	server.watch = func(w *fakeWatch) {
		if len(server.watches) <= 3 {
			w.stream.Close(apierrors.NewTooManyRequests("busy", 2))
			return
		}
		w.send(bookmark("1", true))
	}
	var pods *recorded
	newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, time.Minute)
	if !pods.Synced() || len(server.watches) != 4 {
		t.Fatalf("synced %v after %d watches", pods.Synced(), len(server.watches))
	}
	for i := 1; i < 4; i++ {
		if gap := server.watches[i].at - server.watches[i-1].at; gap < 2*time.Second || gap > 2010*time.Millisecond {
			t.Errorf("try %d after %v", i, gap)
		}
	}
}

func TestReflectorDoesNotSpinOnWatchesThatEndAtOnce(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		if w.initial() {
			w.send(bookmark("10", true))
		}
		w.stream.Close(nil)
	}}
	var pods *recorded
	newWorld(t, server, func(w *world, p *host.Process) { pods = recordPods(w.client(p, Config{})) }).run(t, time.Minute)
	if n := len(server.watches); n > 40 {
		t.Errorf("%d watches in a minute", n)
	}
	if !pods.Synced() {
		t.Error("not synced")
	}
}

func TestInformersAreSharedByWhatTheyWatch(t *testing.T) {
	onHost(t, time.Second, func(s *sim.Simulation, p *host.Process) {
		w := newWorld(t, &fakeServer{}, func(w *world, p *host.Process) {
			f := NewInformers(w.client(p, Config{}))
			mine := Options{FieldSelector: api.ByField("spec.nodeName", "node-1")}
			for _, o := range []Options{{}, mine} {
				if first, again := f.For(api.Pods, o), f.For(api.Pods, o); first != again {
					t.Error("two informers of the same")
				}
			}
			if f.For(api.Pods, Options{}) == f.For(api.Pods, mine) || f.For(api.Nodes, Options{}) == f.For(api.Pods, Options{}) {
				t.Error("one informer of two things")
			}
		})
		w.run(t, time.Second)
	})
}

func TestLateHandlerIsToldOfEverythingInOrder(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		w.send(event(watch.Added, podAt("1", "c", "")), event(watch.Added, podAt("2", "a", "")), event(watch.Added, podAt("3", "b", "")), bookmark("4", true))
	}}
	var pods *recorded
	var names []string
	w := newWorld(t, server, func(w *world, p *host.Process) {
		pods = recordPods(w.client(p, Config{}))
		p.Go("late", func(task *sim.Task) {
			task.Wait(sim.Forever, pods.HasSynced())
			pods.OnEvent(Handler{Add: func(o api.Object) { names = append(names, o.GetName()) }})
		})
	})
	w.run(t, time.Second)
	if !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("told of %v", names)
	}
}

func TestResyncShowsEverythingAgain(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) { w.send(event(watch.Added, podAt("1", "a", "")), bookmark("4", true)) }}
	updates := 0
	newWorld(t, server, func(w *world, p *host.Process) {
		f := NewInformers(w.client(p, Config{}))
		f.For(api.Pods, Options{}).OnEvent(Handler{Update: func(old, new api.Object) {
			if old != new {
				t.Error("a resync changed something")
			}
			updates++
		}, Resync: 30 * time.Second})
		f.Start()
	}).run(t, 2*time.Minute+time.Second)
	if updates != 4 {
		t.Errorf("%d resyncs in two minutes", updates)
	}
}

func TestStoppedInformersHearNothingMore(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) { w.send(event(watch.Added, podAt("1", "a", "")), bookmark("4", true)) }}
	var f *Informers
	var added int
	w := newWorld(t, server, func(w *world, p *host.Process) {
		f = NewInformers(w.client(p, Config{}))
		f.For(api.Pods, Options{}).OnEvent(Handler{Add: func(api.Object) { added++; f.Stop() }})
		f.Start()
		p.Go("wait", func(t *sim.Task) { f.WaitForSync(t) })
	})
	w.run(t, time.Second)
	w.s.After(0, func() { server.watches[0].send(event(watch.Added, podAt("5", "b", ""))) })
	w.run(t, time.Minute)
	if added != 1 || len(server.watches) != 1 {
		t.Errorf("%d additions, %d watches", added, len(server.watches))
	}
}

func TestWatchMessagesAreDecodedOneAfterTheOther(t *testing.T) {
	server := &fakeServer{watch: func(w *fakeWatch) {
		if !w.initial() {
			return
		}
		w.send(bookmark("1", true))
		for i := 2; i < 6; i++ {
			w.send(event(watch.Added, podAt(fmt.Sprint(i), fmt.Sprint("p", i), "")))
		}
		w.stream.Close(nil)
	}}
	var pods *recorded
	var times []time.Duration
	newWorld(t, server, func(w *world, p *host.Process) {
		p.Costs().Register("client.watch", host.Cost{Fixed: 100 * time.Millisecond})
		pods = recordPods(w.client(p, Config{}))
		pods.OnEvent(Handler{Add: func(api.Object) { times = append(times, time.Duration(p.Monotonic())) }})
	}).run(t, 900*time.Millisecond)
	pods.expect(t, "add p2@2", "add p3@3", "add p4@4", "add p5@5")
	for i := 1; i < len(times); i++ {
		if times[i]-times[i-1] != 100*time.Millisecond {
			t.Errorf("decoded at %v", times)
		}
	}
	if len(server.watches) != 2 || server.watches[1].request.ResourceVersion != "5" {
		t.Errorf("%d watches: the end must wait for what came before it", len(server.watches))
	}
}

// BenchmarkInformerEvent is one event of a watch through reflector, store and a handler, without the network.
func BenchmarkInformerEvent(b *testing.B) {
	var pods *Informer
	newWorld(b, &fakeServer{}, func(w *world, p *host.Process) {
		pods = NewInformers(w.client(p, Config{})).For(api.Pods, Options{})
	})
	seen := 0
	pods.OnEvent(Handler{Update: func(_, _ api.Object) { seen++ }})
	stream := &watching{reflector: &pods.reflector}
	batches := make([]*api.WatchBatch, 10_000)
	for i := range batches {
		o := podAt(fmt.Sprint(i+1), fmt.Sprintf("web-%05d", i), "")
		batches[i] = &api.WatchBatch{Events: []api.WatchEvent{{Type: watch.Modified, Object: o}}}
		stream.Receive(batches[i], 100)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		stream.Receive(batches[i%len(batches)], 100)
	}
}
