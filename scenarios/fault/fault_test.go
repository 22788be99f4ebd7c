package fault

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/format"
)

// parse reads a chaos document as part of a scenario, so that lines are those of the file.
func parse(t *testing.T, document string) (*Fault, error) {
	t.Helper()
	text := "apiVersion: fauxkube.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  steps:\n  - chaos:\n"
	for line := range strings.SplitSeq(strings.Trim(document, "\n"), "\n") {
		text += "      " + line + "\n"
	}
	all, err := format.Decode("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Parse("x.yaml", "spec.steps[0].chaos", all[0].Spec.Steps[0].Chaos)
}

func TestEveryEntryHasAnExampleThatParses(t *testing.T) {
	for _, k := range Kinds() {
		f, err := parse(t, k.Example)
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
		} else if f.Kind != k.Name || !slices.Contains(k.Actions, f.Action) {
			t.Errorf("the example of %s is a %v", k.Name, f)
		}
	}
}

// Each mistake is one message that names file, line and field, and says what would be right.
func TestMistakesAreNamed(t *testing.T) {
	cases := []struct{ document, want string }{
		{"kind: JVMChaos\nspec: {action: x}", `x.yaml:7: spec.steps[0].chaos.kind: JVMChaos is refused: programs inside of containers are not simulated`},
		{"kind: StressChaos\nspec: {action: x}", `StressChaos is refused: this version does not simulate it`},
		{"kind: PodChao\nspec: {action: x}", `"PodChao" is not a kind of fault: want one of PodChaos, NetworkChaos`},
		{"apiVersion: chaos-mesh.org/v1alpha1\nkind: NodeChaos\nspec: {action: crash}", `NodeChaos is of fauxkube.dev/v1alpha1, not chaos-mesh.org/v1alpha1`},
		{"kind: NodeChaos\nspec: {mode: one}", `spec.action: is missing: want one of crash, reboot`},
		{"kind: NodeChaos\nspec:\n  mode: one\n  action: explode", `x.yaml:10: spec.steps[0].chaos.spec.action: "explode" is no action of NodeChaos: want one of`},
		{"kind: PodChaos\nspec: {action: pod-failure, mode: one}", `pod-failure: this version does not simulate it: want one of pod-kill`},
		{"kind: NodeChaos\nspec:\n  action: crash\n  modus: one", `x.yaml:10: spec.steps[0].chaos.spec.modus: unknown field; did you mean mode?`},
		{"kind: NodeChaos\nspec: {action: crash, mode: some}", `"some" is not one of one, all, fixed, fixed-percent, random-max-percent`},
		{"kind: NodeChaos\nspec: {action: crash, mode: fixed, value: many}", `mode fixed has the value "many": want a number of 0 or more`},
		{"kind: NodeChaos\nspec: {action: crash, mode: fixed-percent, value: '101'}", `want a percentage from 0 to 100`},
		{"kind: NodeChaos\nspec: {action: crash, mode: all, value: '3'}", `mode all takes no value`},
		{"kind: NodeChaos\nspec: {action: crash, duration: -5s}", `a duration of -5s cannot be`},
		{"kind: NodeChaos\nspec: {action: zone-outage}", `zone-outage wants a zone`},
		{"kind: NodeChaos\nspec: {action: crash, zone: a}", `belongs to zone-outage`},
		{"kind: PodChaos\nspec: {action: pod-kill, selector: {}}", `mode is missing`},
		{"kind: PodChaos\nspec: {action: pod-kill, mode: one, selector: {fieldSelectors: {spec.color: red}}}", `"spec.color" is not a field that pods are selected by`},
		{"kind: PodChaos\nspec: {action: pod-kill, mode: one, selector: {expressionSelectors: [{key: a, operator: Near}]}}", `"Near" is not one of In, NotIn, Exists, DoesNotExist`},
		{"kind: NetworkChaos\nspec: {action: delay, mode: all, selector: {}}", `delay wants a part called delay`},
		{"kind: NetworkChaos\nspec: {action: partition, mode: all, selector: {}, loss: {loss: '3'}}", `belongs to the action loss, not partition`},
		{"kind: NetworkChaos\nspec: {action: loss, mode: all, selector: {}, loss: {loss: most}}", `"most" is not a percentage from 0 to 100`},
		{"kind: NetworkChaos\nspec: {action: loss, mode: all, selector: {}, loss: {loss: '3', correlation: '50'}}", `packets are drawn independently of each other`},
		{"kind: NetworkChaos\nspec: {action: partition, mode: all, selector: {}, externalTargets: [example.com]}", `nothing outside of the cluster is simulated`},
		{"kind: ControlPlaneChaos\nspec: {action: kill}", `spec.component: is missing`},
		{"kind: ControlPlaneChaos\nspec: {action: kill, component: kubelet}", `"kubelet" is not one of apiserver, scheduler, controller-manager`},
		{"kind: EtcdChaos\nspec: {action: leader-kill, mode: all}", `leader-kill hits whoever leads`},
		{"kind: EtcdChaos\nspec: {action: disk-stall}", `disk-stall wants a duration`},
		{"kind: EtcdChaos\nspec: {action: kill, selector: {labelSelectors: {a: b}}}", `members are selected by nodes`},
		{"kind: EtcdChaos\nspec: {action: kill, delay: 3ms}", `belongs to slow-fsync`},
		{"kind: EtcdChaos\nspec: {action: compact, mode: all}", `compact hits the whole store: want neither selector nor mode`},
		{"kind: EtcdChaos\nspec: {action: bit-rot, duration: 3s}", `bit-rot cannot be undone`},
		{"kind: EtcdChaos\nspec: {action: clock-skew}", `belongs to clock-skew, which wants it`},
		{"kind: EtcdChaos\nspec: {action: clock-skew, driftPPM: 900000}", `900000 is out of range: want at most 100000`},
		{"kind: EtcdChaos\nspec: {action: blackhole-until-snapshot}", `this version does not simulate it`},
	}
	for _, c := range cases {
		_, err := parse(t, c.document)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot  %v\nwant %s", c.document, err, c.want)
		}
	}
}

func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("web-%02d", i))
	}
	return all
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		choice         choice
		of, least, max int
	}{
		{choice{mode: "one"}, 10, 1, 1}, {choice{}, 10, 1, 1}, {choice{mode: "one"}, 0, 0, 0}, {choice{mode: "all"}, 10, 10, 10},
		{choice{"fixed", 3}, 10, 3, 3}, {choice{"fixed", 30}, 10, 10, 10}, {choice{"fixed-percent", 50}, 9, 4, 4},
		{choice{"fixed-percent", 100}, 9, 9, 9}, {choice{"random-max-percent", 50}, 10, 0, 5}, {choice{"random-max-percent", 0}, 10, 0, 0},
	} {
		seen := map[int]bool{}
		for seed := range uint64(200) {
			got := c.choice.of(names(c.of), newDraws(seed, "cut"))
			if len(got) < c.least || len(got) > c.max || !slices.IsSorted(got) {
				t.Fatalf("%v of %d took %v", c.choice, c.of, got)
			}
			seen[len(got)] = true
		}
		if len(seen) != c.max-c.least+1 {
			t.Errorf("%v of %d took only these numbers: %v", c.choice, c.of, seen)
		}
	}
}

// Who is hit depends on seed, ID and candidates; a candidate that comes or goes changes at most one of the chosen.
func TestChoicesAreStable(t *testing.T) {
	all := names(20)
	taken := map[string]int{}
	for seed := range uint64(2000) {
		d := newDraws(seed, "crash")
		before := choice{"fixed", 5}.of(all, d)
		if again := (choice{"fixed", 5}).of(all, newDraws(seed, "crash")); !slices.Equal(before, again) {
			t.Fatal("the same draws chose differently")
		}
		gone := all[seed%20]
		after := choice{"fixed", 5}.of(slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == gone }), d)
		kept := 0
		for _, n := range before {
			if slices.Contains(after, n) {
				kept++
			}
		}
		if want := 5; slices.Contains(before, gone) && kept != want-1 || !slices.Contains(before, gone) && kept != want {
			t.Fatalf("without %s %v became %v", gone, before, after)
		}
		for _, n := range before {
			taken[n]++
		}
	}
	for _, n := range all { // 500 expected, standard deviation 19.4.
		if taken[n] < 400 || taken[n] > 600 {
			t.Errorf("%s was chosen %d times of 2000", n, taken[n])
		}
	}
}

func TestFaultsSayWhatTheyAre(t *testing.T) {
	f, err := parse(t, networkChaosExample)
	if err != nil {
		t.Fatal(err)
	}
	if f.String() != "NetworkChaos delay for 1m0s" || f.Duration != time.Minute {
		t.Errorf("got %v, %v", f, f.Duration)
	}
}
