package judge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/expect"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
)

// fakeStore holds Deployments of which only the available replicas matter.
type fakeStore map[string]api.Object

func (f fakeStore) Get(r *api.Resource, key string) (api.Object, bool) {
	o, ok := f[r.Kind+" "+key]
	return o, ok
}

func (f fakeStore) List(*api.Resource, string, labels.Selector) []api.Object { return nil }

func (f fakeStore) Metric(string, map[string]string) (float64, bool) { return 0, false }

// world is a judge with its store, played by a script.
type world struct {
	t        *testing.T
	sim      *sim.Simulation
	judge    *Judge
	store    fakeStore
	revision int64
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, sim: sim.New(sim.Config{NoWatchdog: true}), store: fakeStore{}}
	t.Cleanup(w.sim.Close)
	w.judge = New(w.sim, w.store)
	return w
}

func (w *world) expect(e format.Expectation) {
	w.t.Helper()
	p, err := expect.Compile(e.Always + e.Never + e.Eventually)
	if err != nil {
		w.t.Fatal(err)
	}
	e.ID = "it"
	if err := w.judge.Expect(&e, p); err != nil {
		w.t.Fatal(err)
	}
}

// play runs a script: "10s web=3" commits, "10s web=-" deletes, "10s began up" and "10s ended up" are steps.
func (w *world) play(script string) {
	w.t.Helper()
	w.judge.Begin()
	for line := range strings.SplitSeq(script, ",") {
		words := strings.Fields(line)
		at, err := time.ParseDuration(words[0])
		if err != nil {
			w.t.Fatal(err)
		}
		if len(words) == 1 { // Only time passes.
			w.run(at)
			continue
		}
		w.sim.World().AtTime(sim.Time(at), 0, w.sim.Kind("act", func(_ uint64, ref any) { ref.(func())() }), 0, func() { w.act(words[1:]) })
		w.run(at)
	}
}

func (w *world) run(until time.Duration) {
	if err := w.sim.Run(sim.Time(until)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) act(words []string) {
	switch words[0] {
	case "began":
		w.judge.StepBegan(words[1])
	case "ended":
		w.judge.StepEnded(words[1])
	default:
		name, text, _ := strings.Cut(words[0], "=")
		w.commit(name, text)
	}
}

func (w *world) commit(name, text string) {
	w.revision++
	if available, err := strconv.Atoi(text); err == nil {
		w.store["Deployment a/"+name] = &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name}, Status: appsv1.DeploymentStatus{AvailableReplicas: int32(available)},
		}
	} else {
		delete(w.store, "Deployment a/"+name)
	}
	w.judge.Commit(w.revision, []Change{{api.Deployments, "a/" + name}})
}

const available = "get('Deployment', 'a/web').status.availableReplicas >= 2"

func duration(text string) format.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return format.Duration(d)
}

func after(text string) format.After {
	step, pause, _ := strings.Cut(text, "+")
	if pause == "" {
		pause = "0s"
	}
	return format.After{Step: step, Pause: duration(pause)}
}

// The meaning of every sort of expectation and bound, as a story of commits and steps.
func TestExpectations(t *testing.T) {
	cases := []struct {
		name    string
		expect  format.Expectation
		script  string
		ending  Ending
		verdict reports.Verdict
		at      string // "" is none
		message string // a part of it
	}{
		{"always holds", format.Expectation{Always: available, From: after("up")}, "1s web=1,2s web=2,3s ended up,9s web=3,20s", Ending{}, reports.Held, "", ""},
		{"always is violated at the very commit", format.Expectation{Always: available, From: after("up")}, "1s web=2,3s ended up,9.25s web=1,9.5s web=2,20s", Ending{}, reports.Failed, "9.25s",
			"was false at 9.25s (revision 2 changed Deployment a/web); it must hold from the end of step up to the end"},
		{"always counts absence as violated", format.Expectation{Always: available}, "1s web=2", Ending{}, reports.Failed, "0s", "was false at 0s (at the start): Deployment a/web does not exist; it must hold during the whole run"},
		{"always ends at until", format.Expectation{Always: available, From: after("up"), Until: after("cut")}, "1s web=2,3s ended up,5s began cut,6s web=0", Ending{}, reports.Held, "", ""},
		{"always with pauses", format.Expectation{Always: available, From: after("up+2s"), Until: after("cut+2s")}, "1s web=1,3s ended up,4s web=2,5.5s began cut,7s web=1", Ending{}, reports.Failed, "7s",
			"from 2s after the end of step up until 2s after the beginning of step cut"},
		{"always with a window that never opens", format.Expectation{Always: available, From: after("up"), Until: after("cut")}, "1s began cut,2s ended up", Ending{}, reports.NotSeen, "", "step cut began before step up had ended"},
		{"always without its step", format.Expectation{Always: available, From: after("up")}, "1s web=2", Ending{}, reports.NotSeen, "", "the run ended, before the end of step up"},
		{"always in a broken run", format.Expectation{Always: "true"}, "1s web=2", Ending{Why: "it was cancelled", Broken: true}, reports.NotSeen, "", "held so far, but it was cancelled"},
		{"never holds and forgives absence", format.Expectation{Never: available}, "1s web=1,2s web=-,3s", Ending{}, reports.Held, "", ""},
		{"never is violated", format.Expectation{Never: available}, "1s web=1,2s web=2,3s web=1", Ending{}, reports.Failed, "2s", "was true at 2s (revision 2 changed Deployment a/web); it must never hold during the whole run"},
		{"eventually comes true", format.Expectation{Eventually: available, After: after("up"), Within: duration("10s")}, "3s ended up,9s web=2,30s", Ending{}, reports.Held, "9s", ""},
		{"eventually holds at once", format.Expectation{Eventually: available, After: after("up"), Within: duration("10s")}, "1s web=2,3s ended up", Ending{}, reports.Held, "3s", ""},
		{"eventually is late", format.Expectation{Eventually: available, After: after("up"), Within: duration("10s")}, "3s ended up,13.5s web=2", Ending{}, reports.Failed, "13s",
			"still false at 13s, 10s after the end of step up; it must come true within 10s: Deployment a/web does not exist"},
		{"eventually and stable", format.Expectation{Eventually: available, Within: duration("10s"), Stable: duration("5s")}, "8s web=2,14s", Ending{}, reports.Held, "8s", ""},
		{"eventually, lost, and again", format.Expectation{Eventually: available, Within: duration("10s"), Stable: duration("5s")}, "2s web=2,4s web=1,8s web=2,14s", Ending{}, reports.Held, "8s", ""},
		{"eventually, lost after its time", format.Expectation{Eventually: available, Within: duration("10s"), Stable: duration("5s")}, "8s web=2,11s web=1,14s", Ending{}, reports.Failed, "11s",
			"it held from 8s to 11s, which is less than 5s"},
		{"eventually, unless the run is out of time", format.Expectation{Eventually: available}, "1s web=1,30s", Ending{Why: "the time was up", TimedOut: true}, reports.Failed, "30s", "still false at 30s, 30s after the start"},
		{"eventually is not decided by a short run", format.Expectation{Eventually: available, Within: duration("1m")}, "1s web=1,30s", Ending{Why: "the run was cut at 30s"}, reports.NotSeen, "", "it was false when the run was cut at 30s"},
		{"not stable yet in a short run", format.Expectation{Eventually: available, Stable: duration("1m")}, "1s web=2,30s", Ending{Why: "the run was cut at 30s"}, reports.NotSeen, "", "held since 1s, but the run was cut at 30s before it had held for 1m0s"},
		{"an error is a failure, not a no", format.Expectation{Eventually: "get('Deployment', 'a/web').spec.template.spec.containers[0].image == 'x'", Within: duration("1m")}, "1s web=2,30s", Ending{}, reports.Failed, "1s", "cannot be evaluated at 1s: index out of bounds"},
		{"time alone changes the value", format.Expectation{Always: "since('up') < duration('10s')", From: after("up"), Until: after("cut")}, "3s ended up,14s began cut", Ending{}, reports.Failed, "14s", "was false at 14s (step cut began)"},
		{"time is looked at by every commit", format.Expectation{Never: "since('up') > duration('5s') && since('up') < duration('7s')", From: after("up")}, "3s ended up,9s other=1,30s", Ending{}, reports.Failed, "9s", "(at revision 1)"},
		{"waits for time at its deadline", format.Expectation{Eventually: "since('up') >= duration('8s')", After: after("up"), Within: duration("8s")}, "3s ended up,30s", Ending{}, reports.Held, "11s", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.expect(c.expect)
			w.play(c.script)
			got := w.judge.Finish(c.ending)[0]
			at := ""
			if got.At != nil {
				at = time.Duration(*got.At * 1e9).Round(time.Millisecond).String()
			}
			if got.Verdict != c.verdict || at != c.at || !strings.Contains(got.Message, c.message) {
				t.Errorf("got %s at %q: %s\nwant %s at %q: %s", got.Verdict, at, got.Message, c.verdict, c.at, c.message)
			}
			if got.Verdict == reports.Failed && len(got.Sides) == 0 {
				t.Error("a failure shows no values")
			}
		})
	}
}

// A run goes on for verdicts that time will bring, and only for those.
func TestUndecided(t *testing.T) {
	cases := []struct {
		expect format.Expectation
		want   bool
	}{
		{format.Expectation{Always: "true"}, false},
		{format.Expectation{Always: "true", Until: after("up+5s")}, true},
		{format.Expectation{Always: "true", From: after("up+5s")}, true},
		{format.Expectation{Never: "true"}, false},
		{format.Expectation{Eventually: available}, true},
		{format.Expectation{Eventually: "true", Stable: duration("1m")}, true},
		{format.Expectation{Eventually: "true"}, false},
	}
	for _, c := range cases {
		w := newWorld(t)
		w.expect(c.expect)
		w.play("1s began up,2s ended up")
		if got := w.judge.Undecided(); got != c.want {
			t.Errorf("%+v: undecided %v", c.expect, got)
		}
	}
}

// counter counts how often the store is asked.
type counter struct {
	fakeStore
	asked int
}

func (c *counter) Get(r *api.Resource, key string) (api.Object, bool) {
	c.asked++
	return c.fakeStore.Get(r, key)
}

// Commits of other kinds, and of other objects, cost nothing.
func TestOnlyTouchedExpressionsAreEvaluated(t *testing.T) {
	w := newWorld(t)
	source := &counter{fakeStore: w.store}
	w.judge = New(w.sim, source)
	w.expect(format.Expectation{Never: available})
	w.judge.Begin()
	before := source.asked
	w.judge.Commit(1, []Change{{api.Leases, "kube-node-lease/n1"}, {api.Deployments, "a/other"}})
	if source.asked != before {
		t.Errorf("%d looks at objects that no commit has touched", source.asked-before)
	}
	w.judge.Commit(2, []Change{{api.Deployments, "a/web"}, {api.Deployments, "a/web"}})
	if source.asked != before+1 {
		t.Errorf("%d evaluations of one commit", source.asked-before)
	}
}

// An expectation on a view is evaluated when the view changes, not when the store does.
func TestViews(t *testing.T) {
	w := newWorld(t)
	cache := fakeStore{}
	w.judge.AddView("apiserver-1", cache)
	w.expect(format.Expectation{Eventually: available, View: "apiserver-1"})
	w.judge.Begin()
	w.commit("web", "2")
	if !w.judge.Undecided() {
		t.Error("the store's commit was taken for the cache's")
	}
	cache["Deployment a/web"] = w.store["Deployment a/web"]
	w.judge.ViewChanged("apiserver-1", Change{api.Deployments, "a/web"})
	if w.judge.Undecided() {
		t.Error("the cache's change was not seen")
	}
	p, err := expect.Compile("true")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.judge.Expect(&format.Expectation{Always: "true", View: "apiserver-7"}, p); err == nil {
		t.Error("an expectation on a view that does not exist was taken")
	}
}

func TestWaits(t *testing.T) {
	w := newWorld(t)
	compile := func(text string) *Wait {
		p, err := expect.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		return w.judge.Await(p)
	}
	wait, broken := compile(available), compile("get('Deployment', 'a/web').spec.template.spec.containers[0].image == 'x'")
	if wait.IsSet() || broken.IsSet() || wait.Absent != "Deployment a/web does not exist" {
		t.Fatalf("before the object is there: %v, %v, %q", wait.IsSet(), broken.IsSet(), wait.Absent)
	}
	w.commit("web", "1")
	if wait.IsSet() || !broken.IsSet() || broken.Err == nil {
		t.Fatalf("too early: %v; error %v", wait.IsSet(), broken.Err)
	}
	if got := wait.Explain(); !slices.Equal(got, []string{`get("Deployment", "a/web").status.availableReplicas is 1`}) {
		t.Errorf("explained by %q", got)
	}
	w.commit("web", "2")
	if !wait.IsSet() || wait.Err != nil {
		t.Errorf("the wait is not over: %v", wait.Err)
	}
}

// A judge that remembers every commit and evaluates everything at each agrees with the one that looks only where
// something was touched.
func TestAgreesWithEvaluatingEverything(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(t)
		stream := w.sim.Stream(fmt.Sprint("seed ", seed))
		w.expect(format.Expectation{Never: "get('Deployment', 'a/web').status.availableReplicas == 3 && get('Deployment', 'a/db').status.availableReplicas == 3"})
		w.judge.Begin()
		naive := int64(0)
		for range 30 {
			name := []string{"web", "db", "other"}[stream.Int63n(0, 3)]
			w.commit(name, fmt.Sprint(stream.Int63n(1, 4)))
			three := func(name string) bool {
				o, ok := w.store["Deployment a/"+name]
				return ok && o.(*appsv1.Deployment).Status.AvailableReplicas == 3
			}
			if naive == 0 && three("web") && three("db") {
				naive = w.revision
			}
		}
		got := w.judge.Finish(Ending{})[0]
		if (got.Verdict == reports.Failed) != (naive > 0) || naive > 0 && !strings.Contains(got.Message, fmt.Sprintf("(revision %d ", naive)) {
			t.Fatalf("seed %d: %s %s, want a violation at revision %d", seed, got.Verdict, got.Message, naive)
		}
	}
}
