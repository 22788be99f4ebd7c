package mutants

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/failpoints"
)

// all says whether every mutant is tried, as the long tests do, or those that one of the first seeds finds.
var all = false

// maxSeeds is how many seeds a bug may take; quickSeeds is it where not all are tried.
const maxSeeds, quickSeeds = 100, 3

// The attacks.
var (
	broad  = attack{}
	single = attack{members: 1}
	// leaders stop for long enough to be replaced.
	leadersStop = attack{requestsPerSecond: 60, faults: []fault{stops("EtcdChaos", "pause", 3*time.Second, 12*time.Second), hampers("disk-stall", "", 3*time.Second, 8*time.Second)}}
	forgetful   = attack{faults: []fault{arbiter}}
	slowPaths   = attack{requestsPerSecond: 150, faults: []fault{behindSlowPaths}, network: "{sameZone: {p50: 20ms, p99: 60ms}}", pause: time.Second}
	restless    = unrest{}
	starving    = attack{requestsPerSecond: 60, valueSize: 4096, faults: []fault{compaction}, pause: time.Second}
)

// mutants says how each bug is looked for; quick ones are found by one of the first seeds.
var mutants = []struct {
	bug    string
	attack attacker
	quick  bool
}{
	{"etcd/index-before-state", broad, true},
	{"etcd/single-member-acks", single, true},
	{"etcd/progress-out-of-step", broad, true},
	{"etcd/progress-behind-start", broad, false},
	{"etcd/changes-told-again", broad, true},
	{"etcd/starved-watch-skips", starving, true},
	{"etcd/revision-from-records", broad, false},
	{"etcd/compaction-drops-delete", broad, false},
	{"etcd/watch-misses-delete", broad, false},
	{"etcd/future-watch-lowered", broad, false},
	{"etcd/read-index-reused", slowPaths, false},
	{"etcd/ack-before-sync", broad, false},
	{"etcd/vote-before-sync", forgetful, true},
	{"etcd/old-leader-revokes", leadersStop, true},
	{"etcd/stale-read", broad, true},
	{"etcd/read-before-applied", broad, true},
	{"etcd/txn-reads-own-floor", broad, false},
	{"etcd/restore-rewinds", broad, false},
	{"etcd/write-retried", broad, true},

	{"watchcache/skips-first", restless, false},
	{"watchcache/repeats-last", restless, true},
	{"watchcache/out-of-order", restless, true},
	{"watchcache/loses-deletions", restless, true},
	{"watchcache/bookmark-ahead", restless, true},
	{"apiserver/cache-resumes-late", restless, false},
	{"apiserver/progress-overtakes", restless, false},
	{"informer/resumes-late", restless, false},
	{"informer/keeps-deleted", restless, false},
	{"informer/rewinds", restless, true},
	{"informer/forgets-deletion", restless, false},
}

// attacker draws the scenario of a seed.
type attacker interface {
	scenario(t *testing.T, seed uint64) *scenarios.Scenario
}

// allBugs are those that can be planted somewhere.
func allBugs() (all []failpoints.Bug) {
	for _, b := range append(etcd.Bugs(), etcd.ClientBugs()...) {
		all = append(all, failpoints.Bug{Name: b.Name, Issue: b.Issue, What: b.What})
	}
	return slices.Concat(all, apiserver.Bugs(), client.Bugs())
}

// outcome is what came of a run.
type outcome struct {
	caughtBy, found string
	simulated       time.Duration
}

// run attacks a store with a bug; the bug "" is none.
func run(t *testing.T, a attacker, bug string, seed uint64) (o outcome) {
	t.Helper()
	var s *sim.Simulation
	defer func() {
		if r := recover(); r != nil { // The simulator's own assertions are checks too.
			o = outcome{"an assertion", fmt.Sprint(r), s.Now().Duration()}
		}
	}()
	r, err := scenarios.Run(t.Context(), a.scenario(t, seed), scenarios.Options{Seed: seed, Mode: sim.Hunt, Started: func(started *sim.Simulation) {
		s = started
		if bug != "" {
			failpoints.Plant(s, bug)
		}
	}})
	if s == nil {
		t.Fatal(err)
	}
	o.simulated = s.Now().Duration()
	var livelock *sim.LivelockError
	switch {
	case errors.As(err, &livelock):
		o.caughtBy, o.found = "the kernel", err.Error()
	case err != nil:
		t.Fatal(err)
	case len(r.Findings) > 0 && strings.Contains(r.Findings[0].Message, " broken: "):
		o.caughtBy, o.found = checker(r.Findings[0].Message)
	case r.Verdict != reports.Held && r.StoreLoad != nil:
		t.Fatalf("seed %d: %v", seed, r.Failures())
	}
	return o
}

// checker takes the guarantee out of a finding: it is what the text begins with.
func checker(message string) (guarantee, found string) {
	if text, ok := strings.CutPrefix(message, "etcd: broken: "); ok {
		guarantee, found, _ = strings.Cut(text, ": ")
		return guarantee, found
	}
	guarantee, found, _ = strings.Cut(message, " broken: ")
	for _, level := range []string{"store", "watch cache", "informer"} {
		if strings.Contains(found, ": "+level+": ") {
			guarantee += ", " + level
		}
	}
	return guarantee, found
}

// Every bug that can be planted is found by a checker.
func TestMutants(t *testing.T) {
	seeds := quickSeeds
	if all {
		seeds = maxSeeds
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "bug\tissue\tseeds\tsimulated\tcaught by\t")
	bugs := allBugs()
	for _, m := range mutants {
		i := slices.IndexFunc(bugs, func(b failpoints.Bug) bool { return b.Name == m.bug })
		if i < 0 {
			t.Fatalf("there is no bug %s", m.bug)
		}
		if !m.quick && !all {
			continue
		}
		var last outcome
		var simulated time.Duration
		tried := 0
		for last.caughtBy == "" && tried < seeds {
			tried++
			last = run(t, m.attack, m.bug, uint64(tried))
			simulated += last.simulated
		}
		if last.caughtBy == "" {
			last.caughtBy = "NOBODY"
			t.Errorf("nobody found %s (%s) with %d seeds", m.bug, bugs[i].What, tried)
		}
		if last.caughtBy == "an assertion" {
			t.Logf("%s: %s", m.bug, last.found)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%v\t%s\t\n", m.bug, bugs[i].Issue, tried, simulated.Round(time.Second), last.caughtBy)
	}
}

func TestEveryBugHasAnAttack(t *testing.T) {
	for _, b := range allBugs() {
		n := 0
		for _, m := range mutants {
			if m.bug == b.Name {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is tried %d times", b.Name, n)
		}
	}
}

// Without a bug the attacks find nothing.
func TestAttacksWithoutABug(t *testing.T) {
	seeds := 1
	if all {
		seeds = maxSeeds
	}
	for _, x := range []struct {
		name string
		attacker
	}{{"broad", broad}, {"single", single}, {"leaders stop", leadersStop}, {"forgetful", forgetful}, {"slow paths", slowPaths}, {"starving", starving}, {"restless", restless}} {
		for seed := range uint64(seeds) {
			if o := run(t, x.attacker, "", seed+1); o.caughtBy != "" {
				t.Errorf("%s, seed %d: %s: %s", x.name, seed+1, o.caughtBy, o.found)
			}
		}
	}
}
