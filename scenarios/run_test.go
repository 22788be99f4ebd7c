package scenarios_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
)

// run runs a scenario whose spec is given, on a small cluster, with the mutation detector on.
func run(t *testing.T, spec string, o scenarios.Options) *reports.Report {
	t.Helper()
	return runScenario(t, decode(t, spec), o)
}

func runScenario(t *testing.T, s *scenarios.Scenario, o scenarios.Options) *reports.Report {
	t.Helper()
	o.Topology = func(c *cluster.Topology) { c.DetectMutations = true }
	report, err := scenarios.Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

const small = "  cluster: {controlPlane: {apiservers: 1, etcd: 1}, nodePools: [{name: n, count: 2, zones: [a, b]}]}\n"

// stepOf finds a step's row.
func stepOf(t *testing.T, r *reports.Report, id string) reports.Step {
	t.Helper()
	for _, s := range r.Timeline {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no step %s in %+v", id, r.Timeline)
	return reports.Step{}
}

func near(got *float64, want time.Duration) bool {
	return got != nil && math.Abs(*got-want.Seconds()) < 1e-6
}

// Steps begin at their time, after another's end and a pause, or after the one before; those whose times overlap run
// side by side.
func TestSteps(t *testing.T) {
	r := run(t, small+`
  steps:
  - {name: first, kubectl: create deployment web --image=a}
  - {name: at, at: 10s, kubectl: scale deploy/web --replicas=2}
  - {name: long, at: 12s, wait: since('at') >= duration('20s'), within: 1m}
  - {name: beside, at: 20s, kubectl: scale deploy/web --replicas=1}
  - {name: after, after: at+3s, kubectl: scale deploy/web --replicas=3}
  - {name: next, kubectl: scale deploy/web --replicas=2}
`, scenarios.Options{})
	if r.Verdict != reports.Held {
		t.Fatalf("%s: %v", r.Verdict, r.Failures())
	}
	at, after := stepOf(t, r, "at"), stepOf(t, r, "after")
	ended := time.Duration(math.Round(*at.Ended * 1e9))
	for _, c := range []struct {
		id   string
		want time.Duration
	}{
		{"first", 0}, {"at", 10 * time.Second}, {"beside", 20 * time.Second}, {"after", ended + 3*time.Second},
		{"next", time.Duration(math.Round(*after.Ended * 1e9))},
	} {
		if got := stepOf(t, r, c.id); !near(got.Started, c.want) {
			t.Errorf("%s began at %v s, want %v", c.id, *got.Started, c.want)
		}
	}
	if long := stepOf(t, r, "long"); *long.Ended < *at.Ended+20 || *long.Ended > *at.Ended+25 {
		t.Errorf("the wait ended at %v s", *long.Ended)
	}
	if boot := r.Timeline[0]; boot.ID != "boot" || boot.Verdict != reports.Held || *boot.Started >= 0 || *boot.Ended != 0 {
		t.Errorf("boot is %+v", boot)
	}
	if c := stepOf(t, r, "next").Convergence; c == nil || *c <= 0 || *c > 60 {
		t.Errorf("it settled %v s after the last step", c)
	}
}

func TestFailures(t *testing.T) {
	const deployed = small + "  steps:\n  - {name: up, kubectl: create deployment web --image=shop/web:v1 --replicas=2}\n"
	cases := []struct {
		name, spec string
		want       []string // parts of the failures, each of one
	}{
		{"a wait that is not fulfilled", deployed + "  - {name: ready, wait: \"get('Deployment', 'default/web').status.availableReplicas == 3\", within: 1m}\n",
			[]string{"step ready: still false after 1m0s: get('Deployment', 'default/web').status.availableReplicas == 3; get(\"Deployment\", \"default/web\").status.availableReplicas is 2"}},
		{"a command that is refused", deployed + "  - {name: bad, kubectl: scale deploy/other --replicas=2}\n",
			[]string{`step bad: kubectl scale deploy/other --replicas=2: deployments.apps "other" not found`}},
		{"a command that takes too long", deployed + "  - {name: late, kubectl: 'wait deploy/web --for=condition=Never --timeout=5m', within: 20s}\n",
			[]string{"step late: not done within 20s"}},
		{"a fault that finds nobody", deployed + "  - {name: crash, chaos: {kind: NodeChaos, spec: {action: crash, selector: {nodeSelectors: {pool: db}}}}}\n",
			[]string{"step crash: NodeChaos crash: no node matches node labels pool=db"}},
		{"a pattern that matches nothing", deployed + "  - {name: crash, nodes: {crash: ['m-*']}}\n",
			[]string{`step crash: no node matches "m-*"; there are n-0, n-1`}},
		{"an expectation", deployed + "  expect:\n  - {name: never two, never: \"get('Deployment', 'default/web').status.availableReplicas == 2\"}\n",
			[]string{"never two: was true at"}},
		{"a scenario that takes too long", "  timeout: 1m\n" + deployed + "  expect:\n  - {name: three, eventually: \"get('Deployment', 'default/web').status.availableReplicas == 3\"}\n",
			[]string{"three: still false at 1m0s, 1m0s after the start"}},
		{"a measure", deployed + "  measure:\n  - {metric: pod_startup, percentile: 50, max: 1ms}\n", []string{"pod_startup p50 is"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, c.spec, scenarios.Options{Seed: 3})
			if r.Verdict != reports.Failed {
				t.Fatalf("the verdict is %s", r.Verdict)
			}
			failures := r.Failures()
			for _, want := range c.want {
				if !slices.ContainsFunc(failures, func(f string) bool { return strings.Contains(f, want) }) {
					t.Errorf("got %q\nwant %s", failures, want)
				}
			}
			if r.Repeat != "fauxkube run test.yaml --seed 3" {
				t.Errorf("repeated by %s", r.Repeat)
			}
		})
	}
}

// A node's crash, its consequences and its end, told by faults, expectations and convergence.
func TestNodeCrash(t *testing.T) {
	r := run(t, small+`
  steps:
  - name: up
    kubectl: apply -f -
    manifest: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 2
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            containers: [{name: web, image: "web:1"}]
            tolerations:
            - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 10}
  - {name: ready, wait: "get('Deployment', 'default/web').status.availableReplicas == 2", within: 2m}
  - {name: crash, chaos: {kind: NodeChaos, spec: {action: crash, duration: 3m, selector: {labelSelectors: {app: web}}}}}
  expect:
  - name: noticed after the grace period
    eventually: list('Node').exists(n, n.status.conditions.exists(c, c.type == 'Ready' && c.status == 'Unknown'))
    after: crash
    within: 60s
  - name: not before
    never: list('Node').exists(n, n.status.conditions.exists(c, c.type == 'Ready' && c.status == 'Unknown')) && since('crash') < duration('35s')
    from: crash
  - name: replaced
    eventually: get('Deployment', 'default/web').status.availableReplicas == 2 && since('crash') > duration('55s')
    after: crash
    within: 90s
  - name: the node comes back
    eventually: list('Node').all(n, n.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')) && since('crash') > duration('3m')
    after: crash
    within: 5m
`, scenarios.Options{})
	if r.Verdict != reports.Held {
		t.Errorf("%s: %v", r.Verdict, r.Failures())
	}
	crash := stepOf(t, r, "crash")
	if !strings.HasPrefix(crash.Output, "node n-") || !strings.HasSuffix(crash.Output, " crashed") {
		t.Errorf("the fault said %q", crash.Output)
	}
	if crash.Convergence == nil || *crash.Convergence > 60 {
		t.Errorf("it settled %v s after the fault's end", crash.Convergence)
	}
}

// A command is tried again while the control plane does not answer, and says so.
func TestCommandsSurviveAnElection(t *testing.T) {
	r := run(t, small+`
  steps:
  - {name: cut, chaos: {kind: ControlPlaneChaos, spec: {action: restart, component: apiserver, mode: all}}}
  - {name: up, kubectl: create deployment web --image=web:1}
`, scenarios.Options{})
	up := stepOf(t, r, "up")
	if up.Verdict != reports.Held || !strings.Contains(up.Output, "deployment.apps/web created\n(tried ") {
		t.Errorf("%s %s: %s", up.Verdict, up.Output, up.Error)
	}
}

// Cancelling stops between two steps of the kernel and leaves a report that says so.
func TestCancellingGivesAPartialReport(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	calls := 0
	o := scenarios.Options{Progress: func(p scenarios.Progress) {
		if calls++; p.Step == "end" {
			cancel(errors.New("enough"))
		}
	}}
	r, err := scenarios.Run(ctx, decode(t, small+`
  steps:
  - {name: up, kubectl: create deployment web --image=web:1}
  - {name: end, wait: since('up') > duration('20m')}
  - {name: never, kubectl: scale deploy/web --replicas=2}
  expect:
  - {name: all along, always: "exists('Deployment', 'default/web')", from: up}
`), o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.Partial, "stopped after ") || !strings.HasSuffix(r.Partial, "of virtual time: enough") || r.Verdict != reports.NotSeen || calls == 0 {
		t.Errorf("partial %q, %s, after %d calls", r.Partial, r.Verdict, calls)
	}
	if s := stepOf(t, r, "never"); s.Verdict != reports.NotSeen || s.Error != "not begun when the run was stopped" {
		t.Errorf("%+v", s)
	}
	if e := r.Expectations[0]; e.Verdict != reports.NotSeen || e.Message != "held so far, but the run was stopped" {
		t.Errorf("%+v", e)
	}
}

func TestDurationCutsTheRun(t *testing.T) {
	r := run(t, small+`
  steps:
  - {name: up, kubectl: create deployment web --image=web:1}
  - {name: late, at: 10m, kubectl: scale deploy/web --replicas=2}
  expect:
  - {name: two, eventually: "get('Deployment', 'default/web').status.availableReplicas == 2"}
  - {name: there, always: "exists('Deployment', 'default/web')", from: up}
`, scenarios.Options{Duration: 2 * time.Minute})
	boot := *r.Timeline[0].Started
	if got := r.SimulatedSeconds + boot; math.Abs(got-120) > 1e-6 {
		t.Errorf("ran for %v s after %v s of boot", got, -boot)
	}
	if r.Verdict != reports.NotSeen || r.Expectations[0].Verdict != reports.NotSeen || r.Expectations[1].Verdict != reports.Held {
		t.Errorf("%s: %+v", r.Verdict, r.Expectations)
	}
}

const story = small + `
  steps:
  - {name: up, at: 0s, kubectl: create deployment web --image=web:1 --replicas=4}
  - {at: 30s, chaos: {kind: PodChaos, spec: {action: pod-kill, mode: fixed, value: "2", selector: {labelSelectors: {app: web}}}}}
  - {at: 60s, chaos: {kind: NodeChaos, spec: {action: reboot, mode: one}}}
  - {at: 90s, nodes: {pause: [n-0]}}
  - {at: 100s, nodes: {resume: [n-0]}}
  - {at: 120s, kubectl: scale deploy/web --replicas=2}
`

// Eight simulations side by side in one process come to the same as one alone.
func TestRunsSideBySideAreEqual(t *testing.T) {
	alone := map[uint64]string{}
	for seed := range uint64(2) {
		alone[seed] = string(run(t, story, scenarios.Options{Seed: seed, Mode: sim.Hunt}).JSON())
	}
	var group errgroup.Group
	for i := range 8 {
		s := decode(t, story)
		group.Go(func() error {
			seed := uint64(i % 2)
			r, err := scenarios.Run(context.Background(), s, scenarios.Options{Seed: seed, Mode: sim.Hunt, Topology: func(c *cluster.Topology) { c.DetectMutations = true }})
			if err == nil && string(r.JSON()) != alone[seed] {
				err = fmt.Errorf("run %d of seed %d differs: digest %s", i, seed, r.Digest)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if alone[0] == alone[1] {
		t.Error("two seeds gave the same")
	}
}

// Removing a step leaves the IDs of all others, whom their faults hit, and the draws of everything before it.
func TestRemovingAStepMovesNobodyElse(t *testing.T) {
	lines := strings.Split(strings.TrimRight(story, "\n"), "\n")
	first := slices.Index(lines, "  steps:") + 1
	whole := run(t, story, scenarios.Options{})
	for drop := first + 1; drop < len(lines); drop++ { // Without up there is nothing to kill.
		without := slices.Delete(slices.Clone(lines), drop, drop+1)
		r := run(t, strings.Join(without, "\n"), scenarios.Options{})
		removed := drop - first + 1 // In the timeline, after boot.
		for i, want := range whole.Timeline {
			if i == removed {
				continue
			}
			k := i
			if i > removed {
				k--
			}
			got := r.Timeline[k]
			if got.ID != want.ID || *got.Started != *want.Started {
				t.Errorf("without step %d, step %s began at %v; it was %s at %v", removed, got.ID, *got.Started, want.ID, *want.Started)
			}
			if strings.HasPrefix(want.What, "NodeChaos") && got.Output != want.Output || i < removed && got.Output != want.Output {
				t.Errorf("without step %d, step %s did %q, not %q", removed, got.ID, got.Output, want.Output)
			}
		}
	}
}

// A trace is written, the hooks are called in order, and a run with them is the same run.
func TestHooks(t *testing.T) {
	var calls []string
	var trace bytes.Buffer
	o := scenarios.Options{
		Seed: 5, Trace: &trace, Repeat: "make it so",
		Configure: func(c *sim.Config) { calls = append(calls, fmt.Sprint("configure ", c.Seed)) },
		Started:   func(s *sim.Simulation) { calls = append(calls, fmt.Sprint("started ", s.Steps())) },
		Placed:    func(c *cluster.Cluster) { calls = append(calls, fmt.Sprint("placed ", len(c.Nodes()))) },
	}
	r := run(t, small, o)
	if want := []string{"configure 5", "started 0", "placed 2"}; !slices.Equal(calls, want) {
		t.Errorf("called %q, want %q", calls, want)
	}
	if trace.Len() == 0 || r.Repeat != "make it so" {
		t.Errorf("%d bytes of trace; repeated by %s", trace.Len(), r.Repeat)
	}
	if plain := run(t, small, scenarios.Options{Seed: 5}); plain.Digest != r.Digest {
		t.Errorf("digest %s with hooks, %s without", r.Digest, plain.Digest)
	}
}

// Nodes that KWOK stages play boot, run pods, and can be lost.
func TestStages(t *testing.T) {
	r := run(t, `
  cluster: {controlPlane: {apiservers: 1, etcd: 1}, nodePools: [{name: k, count: 3, kubelet: {stages: ../cluster/kubelet/stages/testdata/fast.yaml}}]}
  steps:
  - {name: up, kubectl: create deployment web --image=web:1 --replicas=6}
  - {name: ready, wait: "get('Deployment', 'default/web').status.availableReplicas == 6", within: 1m}
  - {name: crash, chaos: {kind: NodeChaos, spec: {action: crash, duration: 2m, selector: {nodes: [k-1]}}}}
  - {name: more, nodes: {add: {name: l, count: 1, kubelet: {stages: ../cluster/kubelet/stages/testdata/fast.yaml}}}}
  expect:
  - name: the node is missed
    eventually: get('Node', 'k-1').status.conditions.exists(c, c.type == 'Ready' && c.status == 'Unknown')
    after: crash
    within: 90s
  - name: and comes back
    eventually: list('Node', '', 'type=kwok').filter(n, n.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')).size() == 4 && since('crash') > duration('2m')
    after: crash
    within: 3m
`, scenarios.Options{})
	if r.Verdict != reports.Held || r.Cluster.Nodes != 4 {
		t.Errorf("%s, %d nodes: %v", r.Verdict, r.Cluster.Nodes, r.Failures())
	}
}

// An API server's cache is a view of its own, and is empty while the server is down.
func TestViewsOfAPIServers(t *testing.T) {
	r := run(t, `
  cluster: {nodePools: [{name: n, count: 1}]}
  steps:
  - {name: up, kubectl: create configmap a --from-literal=k=v}
  - {name: kill, after: up+5s, chaos: {kind: ControlPlaneChaos, spec: {action: kill, component: apiserver, duration: 20s, selector: {nodes: [cp-1]}}}}
  - {name: change, after: kill+5s, kubectl: create configmap b --from-literal=k=v}
  expect:
  - {name: both show it, eventually: "exists('ConfigMap', 'default/a')", view: apiserver-1, after: up, within: 2s}
  - {name: the living one shows the change, eventually: "exists('ConfigMap', 'default/b')", view: apiserver-0, after: change, within: 2s}
  - {name: the dead one comes back and catches up, eventually: "exists('ConfigMap', 'default/b')", view: apiserver-1, after: change, within: 30s}
  - {name: but not before, never: "exists('ConfigMap', 'default/b') && since('kill') < duration('20s')", view: apiserver-1, from: kill}
`, scenarios.Options{})
	if r.Verdict != reports.Held {
		t.Errorf("%v", r.Failures())
	}
	if at := r.Expectations[2].At; at == nil || *at < 25 {
		t.Errorf("the dead server showed the change at %v", at)
	}
}

// The scenario that the format was designed by: every sort of step, expectation and measure, manifests by path, a Chaos
// Mesh document as it would run on a real cluster.
func TestTheDesignsExample(t *testing.T) {
	all, err := scenarios.Load("testdata/rollout-with-cut-zone.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := runScenario(t, all[0], scenarios.Options{Seed: all[0].Spec.Seeds[0]})
	if r.Verdict != reports.Held {
		t.Errorf("%v", r.Failures())
	}
	if out := stepOf(t, r, "cut").Output; !strings.HasPrefix(out, "partition between web-") {
		t.Errorf("the cut was %q", out)
	}
}
