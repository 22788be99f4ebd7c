package mutants

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/scenarios"
)

// attack is what a store has to endure.
type attack struct {
	members           int // 3
	requestsPerSecond int // 30
	snapshotEntries   int // 40
	keys              int // 6
	valueSize         int // 256
	duration          time.Duration
	// network replaces the latency of the paths.
	network string
	// faults are drawn from, each as often as it is listed; pause is the mean time between them.
	faults []fault
	pause  time.Duration
}

// fault draws what happens at some time, and adds it to the steps.
type fault func(d *draws)

// draws is where the faults of one seed come from.
type draws struct {
	*rand.Rand
	members int
	// at is when the next fault comes; down is until when each member is down.
	at    time.Duration
	down  []time.Duration
	steps []string
}

// add adds a step that begins so long after the fault's time.
func (d *draws) add(after time.Duration, kind, spec string, args ...any) {
	d.steps = append(d.steps, fmt.Sprintf("  - {name: fault-%d, at: %v, chaos: {kind: %s, spec: {%s}}}\n", len(d.steps), d.at+after, kind, fmt.Sprintf(spec, args...)))
}

func (d *draws) between(low, high time.Duration) time.Duration {
	return (low + time.Duration(d.Int64N(int64(high-low)))).Round(time.Millisecond)
}

// hosts selects a number of members.
func (d *draws) hosts(n int) string { return selector(d.Perm(d.members)[:n]) }

func (d *draws) some() string { return d.hosts(1 + d.IntN(d.members)) }

// stop selects members that are up, and has them be down for a while; empty where none is.
func (d *draws) stop(lasts time.Duration) string {
	var up []int
	for _, i := range d.Perm(d.members)[:1+d.IntN(d.members)] {
		if d.down[i] <= d.at {
			up = append(up, i)
			d.down[i] = d.at + lasts + 100*time.Millisecond
		}
	}
	if len(up) == 0 {
		return ""
	}
	return selector(up)
}

func selector(members []int) string {
	var names []string
	for _, i := range members {
		names = append(names, fmt.Sprintf("cp-%d", i))
	}
	slices.Sort(names)
	return "{nodes: [" + strings.Join(names, ", ") + "]}"
}

// stops is a fault after which members are down for a while.
func stops(kind, action string, low, high time.Duration) fault {
	return func(d *draws) {
		lasts := d.between(low, high)
		if who := d.stop(lasts); who != "" {
			d.add(0, kind, "action: %s, mode: all, selector: %s, duration: %v", action, who, lasts)
		}
	}
}

// hampers is an EtcdChaos that members go on under.
func hampers(action, more string, low, high time.Duration) fault {
	return func(d *draws) {
		d.add(0, "EtcdChaos", "action: %s, mode: all, selector: %s, duration: %v%s", action, d.some(), d.between(low, high), more)
	}
}

// cut separates a member from everything, or from some members only, while clients reach it.
func cut(d *draws) {
	direction, target := []string{"to", "from", "both", "both"}[d.IntN(4)], ""
	if d.IntN(2) == 0 {
		target = fmt.Sprintf(", target: {mode: all, selector: %s}", d.some())
	}
	d.add(0, "NetworkChaos", "action: partition, mode: all, selector: %s, direction: %s, duration: %v%s", d.hosts(1), direction, d.between(500*time.Millisecond, 12*time.Second), target)
}

func delay(d *draws) {
	d.add(0, "NetworkChaos", "action: delay, delay: {latency: %v, jitter: 20ms}, mode: all, selector: %s, direction: both, duration: %v",
		d.between(20*time.Millisecond, time.Second), d.hosts(1), d.between(time.Second, 10*time.Second))
}

func compaction(d *draws) { d.add(0, "EtcdChaos", "action: compact") }

// arbiter is for votes that are forgotten: two members that do not reach each other, and between them one that loses its
// power again and again before its disk is done.
func arbiter(d *draws) {
	const lasts = 25 * time.Second
	who := d.Perm(d.members)
	d.add(0, "NetworkChaos", "action: partition, mode: all, selector: %s, target: {mode: all, selector: %s}, direction: both, duration: %v", selector(who[1:2]), selector(who[2:3]), lasts)
	d.add(0, "EtcdChaos", "action: slow-fsync, delay: 1s, mode: all, selector: %s, duration: %v", selector(who[:1]), lasts)
	for after := d.between(0, time.Second); after < lasts-2*time.Second; after += d.between(1200*time.Millisecond, 2800*time.Millisecond) {
		d.add(after, "NodeChaos", "action: crash, mode: all, selector: %s, duration: 100ms", selector(who[:1]))
	}
	d.at += lasts
}

// behindSlowPaths pauses a member while what the others send it is under way for seconds: it comes back and hears its
// clients before it hears of its successor. One of the others is slower than the rest from the beginning, so that what
// it has to say comes when nobody waits for it any more.
func behindSlowPaths(d *draws) {
	who := d.Perm(d.members)
	latency, jitter := d.between(2500*time.Millisecond, 4*time.Second), d.between(300*time.Millisecond, 1200*time.Millisecond)
	const slower = 500 * time.Millisecond
	d.add(0, "NetworkChaos", "action: delay, delay: {latency: 80ms}, mode: all, selector: %s, target: {mode: all, selector: %s}, direction: both, duration: %v",
		selector(who[:1]), selector(who[1:2]), latency)
	d.add(slower, "NetworkChaos", "action: delay, delay: {latency: %v, jitter: %v}, mode: all, selector: %s, target: {mode: all, selector: %s}, direction: both, duration: %v",
		latency, jitter, selector(who[:1]), selector(who[1:]), latency+3*time.Second)
	d.add(slower+d.between(time.Millisecond, 30*time.Millisecond), "EtcdChaos", "action: pause, mode: all, selector: %s, duration: %v",
		selector(who[:1]), latency-jitter-d.between(0, 200*time.Millisecond))
	d.at += slower + latency + 3*time.Second
}

// everything is each fault that the store must survive however many members it hits.
var everything = []fault{
	stops("EtcdChaos", "kill", 100*time.Millisecond, 5*time.Second), stops("EtcdChaos", "pause", 500*time.Millisecond, 8*time.Second),
	stops("EtcdChaos", "torn-write", 100*time.Millisecond, 3*time.Second), stops("NodeChaos", "crash", 100*time.Millisecond, 5*time.Second),
	hampers("slow-fsync", ", delay: 200ms", time.Second, 10*time.Second), hampers("disk-stall", "", 500*time.Millisecond, 8*time.Second),
	hampers("clock-skew", ", driftPPM: 50000", time.Second, 10*time.Second), cut, cut, delay, compaction,
}

func (a attack) withDefaults() attack {
	for _, f := range []struct {
		field    *int
		standard int
	}{{&a.members, 3}, {&a.requestsPerSecond, 30}, {&a.snapshotEntries, 40}, {&a.keys, 6}, {&a.valueSize, 256}} {
		if *f.field == 0 {
			*f.field = f.standard
		}
	}
	if a.duration == 0 {
		a.duration = 2 * time.Minute
	}
	if a.pause == 0 {
		a.pause = 4 * time.Second
	}
	if a.faults == nil {
		a.faults = everything
	}
	return a
}

// scenario draws the attack of a seed.
func (a attack) scenario(t *testing.T, seed uint64) *scenarios.Scenario {
	t.Helper()
	a = a.withDefaults()
	d := &draws{Rand: rand.New(rand.NewPCG(seed, 1)), members: a.members, down: make([]time.Duration, a.members)}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: fauxkube.dev/v1alpha1\nkind: Scenario\nmetadata: {name: mutant}\nspec:\n  cluster:\n    controlPlane: {etcd: %d, zones: [a]}\n", a.members)
	if a.network != "" {
		fmt.Fprintf(&b, "    network: %s\n", a.network)
	}
	fmt.Fprintf(&b, "  store: {duration: %v, requestsPerSecond: %d, snapshotEntries: %d, keys: %d, valueSize: %d}\n  steps:\n",
		a.duration, a.requestsPerSecond, a.snapshotEntries, a.keys, a.valueSize)
	for d.at += d.between(0, a.pause); d.at < a.duration-30*time.Second; d.at += d.between(0, 2*a.pause) {
		a.faults[d.IntN(len(a.faults))](d)
	}
	b.WriteString(strings.Join(d.steps, ""))
	all, err := scenarios.Decode("mutant.yaml", []byte(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	return all[0]
}
