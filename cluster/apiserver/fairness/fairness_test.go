package fairness

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

const ms = int64(time.Millisecond)

// recorder is an Owner that notes the order of dispatches.
type recorder struct {
	Request
	name string
	log  *[]string
}

func (r *recorder) Dispatched() { *r.log = append(*r.log, r.name) }

func newRecorder(name string, log *[]string) *recorder {
	r := &recorder{name: name, log: log}
	r.Owner = r
	return r
}

// small is a configuration with one limited level of the given seats and queues for everybody.
func small(seats, queues, hand, length int) Config {
	rules := []Rule{{Verbs: []string{Wildcard}, Groups: []string{Wildcard}, Resources: []string{Wildcard}}}
	return Config{
		Seats:  seats,
		Levels: []LevelConfig{{Name: "only", Shares: 1, Queues: queues, HandSize: hand, QueueLengthLimit: length}},
		Schemas: []Schema{{Name: "all", Level: "only", Precedence: 1, Distinguisher: ByUser,
			Subjects: []Subject{group("system:authenticated")}, Rules: rules}},
	}
}

func digest(user string) Digest {
	return Digest{User: &api.User{Name: user}, Verb: api.VerbGet, Resource: api.Pods, Namespace: "default"}
}

func arrive(c *Controller, r *recorder, user string, w Work, now int64) Verdict {
	d := digest(user)
	c.Classify(&r.Request, d)
	return c.Admit(&r.Request, d, w, now)
}

func TestClassification(t *testing.T) {
	node := &api.User{Name: "system:node:n1", Groups: []string{"system:nodes", "system:authenticated"}}
	manager := &api.User{Name: "system:kube-controller-manager"}
	deployments := &api.User{Name: "system:serviceaccount:kube-system:deployment-controller"}
	for _, tc := range []struct {
		name          string
		digest        Digest
		schema, level string
	}{
		{"kubelet renews its lease", Digest{User: node, Verb: api.VerbUpdate, Resource: api.Leases}, "system-node-high", "node-high"},
		{"kubelet writes node status", Digest{User: node, Verb: api.VerbPatch, Resource: api.Nodes, Subresource: "status"}, "system-node-high", "node-high"},
		{"kubelet writes pod status", Digest{User: node, Verb: api.VerbPatch, Resource: api.Pods, Subresource: "status"}, "system-nodes", "system"},
		{"leader election", Digest{User: manager, Verb: api.VerbUpdate, Resource: api.Leases}, "system-leader-election", "leader-election"},
		{"leases are watched elsewhere", Digest{User: manager, Verb: api.VerbWatch, Resource: api.Leases}, "kube-controller-manager", "workload-high"},
		{"scheduler", Digest{User: &api.User{Name: "system:kube-scheduler"}, Verb: api.VerbCreate, Resource: api.Pods, Subresource: "binding"}, "kube-scheduler", "workload-high"},
		{"a controller's account", Digest{User: deployments, Verb: api.VerbUpdate, Resource: api.Deployments}, "kube-system-service-accounts", "workload-high"},
		{"another account", Digest{User: &api.User{Name: "system:serviceaccount:demo:app"}, Verb: api.VerbList, Resource: api.Pods}, "service-accounts", "workload-low"},
		{"an administrator", Digest{User: &api.User{Name: "kubernetes-admin", Groups: []string{"system:masters"}}, Verb: api.VerbDelete, Resource: api.Pods}, "exempt", "exempt"},
		{"a person", Digest{User: &api.User{Name: "jane"}, Verb: api.VerbGet, Resource: api.Pods}, "global-default", "global-default"},
		{"nobody", Digest{Verb: api.VerbGet, Resource: api.Pods}, "global-default", "global-default"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r Request
			New(Defaults(), 0).Classify(&r, tc.digest)
			if r.Schema() != tc.schema || r.Level() != tc.level {
				t.Errorf("classified as %s in %s, want %s in %s", r.Schema(), r.Level(), tc.schema, tc.level)
			}
		})
	}
}

func TestDefaultSeats(t *testing.T) {
	// Shares sum to 245 over 600 seats, rounded up; a level starts with half of its lendable seats lent.
	want := []LevelState{
		{Name: "exempt", MaxSeats: 600},
		{Name: "system", NominalSeats: 74, CurrentSeats: 62, MinSeats: 50, MaxSeats: 674, MaxWidth: 12},
		{Name: "node-high", NominalSeats: 98, CurrentSeats: 86, MinSeats: 73, MaxSeats: 698, MaxWidth: 15},
		{Name: "leader-election", NominalSeats: 25, CurrentSeats: 25, MinSeats: 25, MaxSeats: 625, MaxWidth: 4},
		{Name: "workload-high", NominalSeats: 98, CurrentSeats: 74, MinSeats: 49, MaxSeats: 698, MaxWidth: 15},
		{Name: "workload-low", NominalSeats: 245, CurrentSeats: 135, MinSeats: 24, MaxSeats: 845, MaxWidth: 37},
		{Name: "global-default", NominalSeats: 49, CurrentSeats: 37, MinSeats: 24, MaxSeats: 649, MaxWidth: 8},
		{Name: "catch-all", NominalSeats: 13, CurrentSeats: 13, MinSeats: 13, MaxSeats: 613},
	}
	if got := New(Defaults(), 0).Levels(); !slices.Equal(got, want) {
		t.Errorf("levels:\n got %+v\nwant %+v", got, want)
	}
}

func TestAFullLevelQueuesThenRejects(t *testing.T) {
	c, log := New(small(2, 1, 1, 3), 0), []string{}
	var verdicts []Verdict
	var requests []*recorder
	for i := range 6 {
		r := newRecorder(fmt.Sprint(i), &log)
		requests = append(requests, r)
		verdicts = append(verdicts, arrive(c, r, "jane", Work{Seats: 1}, 0))
	}
	if want := []Verdict{Execute, Execute, Queued, Queued, Queued, Reject}; !slices.Equal(verdicts, want) {
		t.Fatalf("verdicts %v, want %v", verdicts, want)
	}
	if !c.Expire(&requests[2].Request, 5*ms) {
		t.Error("a waiting request did not expire")
	}
	c.Finish(&requests[0].Request, 6*ms)
	c.Finish(&requests[1].Request, 7*ms)
	if want := []string{"3", "4"}; !slices.Equal(log, want) {
		t.Errorf("dispatched %v, want %v", log, want)
	}
	if c.Expire(&requests[3].Request, 8*ms) {
		t.Error("an executing request expired")
	}
}

func TestAFloodDoesNotStarveAnotherFlow(t *testing.T) {
	c, log := New(small(1, 64, 6, 50), 0), []string{}
	first := newRecorder("first", &log)
	arrive(c, first, "flood", Work{Seats: 1}, 0)
	for i := range 40 {
		arrive(c, newRecorder(fmt.Sprint("flood ", i), &log), "flood", Work{Seats: 1}, 0)
	}
	arrive(c, newRecorder("polite", &log), "jane", Work{Seats: 1}, 1*ms)
	c.Finish(&first.Request, 10*ms)
	position := -1
	for now := 20 * ms; position < 0 && now < 1000*ms; now += 10 * ms {
		if position = slices.Index(log, "polite"); position >= 0 {
			break
		}
		finishLast(c, now)
	}
	// The flood sits in its hand of six queues: one round of those passes before the polite flow's turn.
	if position < 0 || position > 6 {
		t.Errorf("the polite flow went %dth, want within the first 7: %v", position, log)
	}
}

// finishLast finishes whatever executes in the only level.
func finishLast(c *Controller, now int64) {
	l := c.levels[0]
	l.seatsInUse, l.executing = 0, 0
	for i := range l.queues {
		q := &l.queues[i]
		if q.executing > 0 {
			l.requested -= q.seatsInUse
			q.executing, q.seatsInUse = 0, 0
			if !q.active() {
				l.active--
			}
		}
	}
	l.advance(now)
	l.dispatchAll(now)
}

func TestAWideRequestWaitsForAllItsSeats(t *testing.T) {
	c, log := New(small(4, 1, 1, 10), 0), []string{}
	a, b := newRecorder("a", &log), newRecorder("b", &log)
	wide, after := newRecorder("wide", &log), newRecorder("after", &log)
	arrive(c, a, "jane", Work{Seats: 1}, 0)
	arrive(c, b, "jane", Work{Seats: 1}, 0)
	if v := arrive(c, wide, "jane", Work{Seats: 4}, 0); v != Queued {
		t.Fatalf("four seats of which two are taken: %v", v)
	}
	if v := arrive(c, after, "jane", Work{Seats: 1}, 0); v != Queued {
		t.Fatalf("a narrow request overtook the wide one in its queue: %v", v)
	}
	c.Finish(&a.Request, ms)
	if len(log) != 0 {
		t.Errorf("dispatched too early: %v", log)
	}
	c.Finish(&b.Request, 2*ms)
	if !slices.Equal(log, []string{"wide"}) {
		t.Errorf("dispatched %v, want the wide request alone", log)
	}
}

func TestLingeringSeatsAreHeldAfterTheAnswer(t *testing.T) {
	c, log := New(small(4, 1, 1, 10), 0), []string{}
	write, next := newRecorder("write", &log), newRecorder("next", &log)
	w := WriteWork(35, 4) // 4 seats' worth of watchers
	if w.FinalSeats != 4 || w.Linger != 5*time.Millisecond {
		t.Fatalf("work of 35 watchers: %+v", w)
	}
	arrive(c, write, "jane", w, 0)
	if v := arrive(c, next, "jane", Work{Seats: 1}, 0); v != Queued {
		t.Fatalf("seats reserved for the linger were given away: %v", v)
	}
	linger := c.Finish(&write.Request, ms)
	if linger != 5*time.Millisecond || len(log) != 0 {
		t.Fatalf("linger %v, dispatched %v", linger, log)
	}
	c.Release(&write.Request, ms+int64(linger))
	if !slices.Equal(log, []string{"next"}) {
		t.Errorf("after the linger: %v", log)
	}
}

func TestIdleLevelsLendSeats(t *testing.T) {
	c, log := New(Defaults(), 0), []string{}
	// Workload-high wants 300 seats for a minute; everybody else sleeps.
	for i := range 300 {
		r := newRecorder(fmt.Sprint(i), &log)
		d := Digest{User: &api.User{Name: "system:kube-scheduler"}, Verb: api.VerbGet, Resource: api.Pods,
			Namespace: fmt.Sprint("ns", i%20)}
		c.Classify(&r.Request, d)
		c.Admit(&r.Request, d, Work{Seats: 1}, 0)
	}
	before := c.Levels()[4]
	for i := range 6 {
		c.Adjust(int64(i+1) * int64(AdjustmentPeriod))
	}
	after := c.Levels()[4]
	if before.Executing != 74 || after.Executing != 300 || after.CurrentSeats < 300 {
		t.Errorf("workload-high executed %d before and %d after borrowing, with %d seats; want 74, 300, >= 300",
			before.Executing, after.Executing, after.CurrentSeats)
	}
	sum := 0
	for _, l := range c.Levels() {
		if l.Name != "exempt" && (l.CurrentSeats < l.MinSeats || l.CurrentSeats > l.MaxSeats) {
			t.Errorf("%s has %d seats outside %d..%d", l.Name, l.CurrentSeats, l.MinSeats, l.MaxSeats)
		}
		sum += l.CurrentSeats
	}
	if sum < 598 || sum > 606 { // 602 nominal, each level rounded
		t.Errorf("seats sum to %d", sum)
	}
}

func TestRetryAfterDoublesUnderPressureAndEbbs(t *testing.T) {
	var d drops
	var advice []int64
	for second := int64(100); second < 130; second++ {
		for range 50 {
			d.record(second)
		}
		advice = append(advice, d.seconds())
	}
	if d.seconds() != 16 && d.seconds() != 32 {
		t.Errorf("half a minute of overload: advice %v", advice)
	}
	for second := int64(300); second < 600; second += 5 {
		d.record(second)
	}
	if d.seconds() > 2 {
		t.Errorf("a rejection every 5 s for 5 minutes still advises %d s", d.seconds())
	}
}

func TestListWork(t *testing.T) {
	for _, tc := range []struct {
		name  string
		shape ListShape
		max   int
		want  int
	}{
		{"empty", ListShape{FromCache: true}, 0, 1},
		{"small from the cache", ListShape{Objects: 100, Bytes: 200_000, FromCache: true}, 0, 2},
		{"large from the cache is streamed", ListShape{Objects: 10_000, Bytes: 20_000_000, FromCache: true}, 0, 10},
		{"large from the store", ListShape{Objects: 10_000, Bytes: 20_000_000}, 0, 100},
		{"a page from the store", ListShape{Objects: 10_000, Bytes: 20_000_000, Limit: 500}, 0, 10},
		{"a selective page loads more", ListShape{Objects: 10_000, Bytes: 20_000_000, Limit: 500, Selective: true}, 0, 100},
		{"one object", ListShape{Objects: 10_000, Bytes: 20_000_000, Single: true}, 0, 1},
		{"the level's bound", ListShape{Objects: 10_000, Bytes: 20_000_000}, 15, 15},
	} {
		if got := ListWork(tc.shape, tc.max).Seats; got != tc.want {
			t.Errorf("%s: %d seats, want %d", tc.name, got, tc.want)
		}
	}
}

// A hand has different cards, all within the deck, whatever the hash.
func TestDealDealsDifferentCards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		deck := rapid.IntRange(1, 256).Draw(t, "deck")
		size := rapid.IntRange(1, min(deck, maxHandSize)).Draw(t, "hand")
		var cards [maxHandSize]int
		hand := slices.Clone(deal(rapid.Uint64().Draw(t, "hash"), deck, size, &cards))
		slices.Sort(hand)
		if len(slices.Compact(hand)) != size || hand[0] < 0 || hand[size-1] >= deck {
			t.Fatalf("hand %v of a deck of %d", hand, deck)
		}
	})
}

// allocate agrees with a search for the common factor by bisection.
func TestAllocateAgreesWithBisection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var shares []share
		low, high := 0.0, 0.0
		for range rapid.IntRange(1, 8).Draw(t, "n") {
			l := float64(rapid.IntRange(0, 100).Draw(t, "low"))
			s := share{low: l, target: l + float64(rapid.IntRange(0, 200).Draw(t, "target")),
				high: l + float64(rapid.IntRange(0, 600).Draw(t, "high"))}
			low, high = low+s.low, high+s.high
			shares = append(shares, s)
		}
		sum := rapid.IntRange(int(low), int(high)).Draw(t, "sum")
		got, ok := allocate(sum, shares)
		if !ok {
			t.Fatalf("no allocation of %d between %v and %v", sum, low, high)
		}
		from, to := 0.0, 1e9
		for range 200 {
			mid, total := (from+to)/2, 0.0
			for _, s := range shares {
				total += s.at(mid)
			}
			if total < float64(sum) {
				from = mid
			} else {
				to = mid
			}
		}
		for i, s := range shares {
			if want := s.at(to); math.Abs(got[i]-want) > 1e-3 {
				t.Fatalf("share %d of %+v: %v, bisection says %v", i, shares, got[i], want)
			}
		}
	})
}

// However requests come and go: seats never exceed the limit (but for one oversize request alone), counters equal what
// a recount finds, and nothing waits while it would fit.
func TestLevelInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, log := New(small(rapid.IntRange(1, 12).Draw(t, "seats"), 8, 2, 4), 0), []string{}
		l := c.levels[0]
		var live []*recorder
		now := int64(0)
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			now += int64(rapid.IntRange(0, 20).Draw(t, "ms")) * ms
			expired := false
			if len(live) > 0 && rapid.Bool().Draw(t, "end") {
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				r := live[i]
				if r.executing {
					if c.Finish(&r.Request, now) > 0 {
						c.Release(&r.Request, now)
					}
				} else {
					expired = c.Expire(&r.Request, now)
				}
				live = slices.Delete(live, i, i+1)
			} else {
				r := newRecorder("r", &log)
				w := Work{Seats: rapid.IntRange(1, 5).Draw(t, "wide")}
				if arrive(c, r, fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "user")), w, now) != Reject {
					live = append(live, r)
				}
			}
			checkLevel(t, l, live)
			// As upstream, a time-out in the queue dispatches nothing: the next arrival or finish does.
			if !expired && l.waiting > 0 && l.seatsInUse < l.limits.current && l.fits(l.nextQueue().head.maxSeats()) {
				t.Fatalf("a request waits although it fits: %d of %d seats in use", l.seatsInUse, l.limits.current)
			}
		}
	})
}

func checkLevel(t *rapid.T, l *Level, live []*recorder) {
	inUse, waiting, executing, active, requested := 0, 0, 0, 0, 0
	for _, r := range live {
		if r.executing {
			inUse += r.maxSeats()
			executing++
		} else {
			waiting++
		}
		requested += r.maxSeats()
	}
	for i := range l.queues {
		q := &l.queues[i]
		if q.active() {
			active++
		}
		if (q.length > 0) != (l.ready[i/64]&(1<<(i%64)) != 0) {
			t.Fatalf("queue %d has %d waiting but its ready bit disagrees", i, q.length)
		}
	}
	got := []int{l.seatsInUse, l.waiting, l.executing, l.active, l.requested}
	if want := []int{inUse, waiting, executing, active, requested}; !slices.Equal(got, want) {
		t.Fatalf("in use, waiting, executing, active, requested: %v, a recount finds %v", got, want)
	}
	if inUse > l.limits.current && executing > 1 {
		t.Fatalf("%d seats in use of %d", inUse, l.limits.current)
	}
}

// nextQueue, which jumps over idle queues by bits, picks what a walk over all queues picks.
func TestNextQueueAgreesWithAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 8, 64, 65, 128, 200, 256}).Draw(t, "queues")
		l := newLevel(LevelConfig{Name: "x", Queues: n, HandSize: 1, QueueLengthLimit: 9})
		l.robin = rapid.IntRange(0, n-1).Draw(t, "robin")
		for range rapid.IntRange(1, 20).Draw(t, "waiting") {
			q := &l.queues[rapid.IntRange(0, n-1).Draw(t, "queue")]
			q.nextR = seatSeconds(rapid.IntRange(0, 5).Draw(t, "r"))
			q.push(&Request{total: 1})
			l.ready[q.index/64] |= 1 << (q.index % 64)
		}
		var want *queue
		for i := 1; i <= n; i++ {
			q := &l.queues[(l.robin+i)%n]
			if q.head != nil && (want == nil || q.nextR+q.head.total < want.nextR+want.head.total) {
				want = q
			}
		}
		if got := l.nextQueue(); got != want {
			t.Fatalf("picked queue %d, the walk picks %d", got.index, want.index)
		}
	})
}

func BenchmarkAdmitFinish(b *testing.B) {
	c, log := New(Defaults(), 0), []string{}
	r := newRecorder("r", &log)
	d := Digest{User: &api.User{Name: "system:node:n1"}, Verb: api.VerbUpdate, Resource: api.Leases}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Request = Request{Owner: r}
		c.Classify(&r.Request, d)
		c.Admit(&r.Request, d, Work{Seats: 1}, int64(i)*1000)
		c.Finish(&r.Request, int64(i)*1000+500)
	}
}
