package comparison

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// manyMetrics is a comparison as whole clusters make it: several metrics, one of which the scenario names, a percentile,
// and values over time of no fixed points.
func manyMetrics(seeds int) *Document {
	p99 := 99.0
	h := Header{
		Binary: "test", Subject: "made up", Ties: "name", Schedulers: []string{"spread", "pack"},
		Scenarios: []Scenario{{Name: "small", About: "8 nodes", Hash: "1", Decides: "cost"}},
		Details:   []Detail{{Name: "spread", About: "spreads"}, {Name: "pack", About: "packs", AssumedCost: true}},
	}
	list := []Metric{
		{Name: "balance", Title: "imbalance", Unit: "points of deviation", Difference: "points", Better: Lower, Digits: 1},
		{Name: "cost", Title: "cost", Unit: "$ an hour", Difference: "$ an hour", Better: Lower, Digits: 2},
		{Name: "used", Title: "nodes", Difference: "nodes", Better: Lower, Axis: "seconds", Chart: true},
		{Name: "lost", Title: "lost pods", Difference: "pods", Better: Lower},
		{Name: "near", Title: "near thing", Difference: "things", Better: Lower, Digits: 1},
		{Name: "latency", Title: "latency", Unit: "ms", Difference: "ms", Better: Lower, At: []float64{50, 99}, Axis: "th percentile", JudgedAt: &p99, Simulated: true},
	}
	var runs []Run
	for seed := range uint64(seeds) {
		h.Seeds = append(h.Seeds, seed)
		for i, scheduler := range h.Schedulers {
			pack, noise := float64(i), float64(seed)/100
			r := Run{Scheduler: scheduler, Scenario: "small", Seed: seed, Measures: []Measure{
				{"balance", nil, 5 + 10*pack + noise}, {"cost", nil, 8 - 4*pack + noise}, {"used", nil, 8 - 3*pack}, {"lost", nil, 0},
				{"near", nil, 7 + pack/500}, {"latency", &p99, 20 + noise},
			}}
			for second := 0.0; second < 50+10*float64(seed); second += 10 {
				r.Measures = append(r.Measures, Measure{"used", &second, 8 - 3*pack})
			}
			runs = append(runs, r)
		}
	}
	return New(h, list, runs)
}

// Who leads is decided by the metric that the scenario names; the others say what it costs.
func TestScenarioSaysWhatDecides(t *testing.T) {
	d := manyMetrics(6)
	leading, others := d.findings("small")
	if want := "pack is best in cost: better than spread, by 4.00 $ an hour (50 %)."; leading[0] != want {
		t.Errorf("it says\n%s, want\n%s", leading[0], want)
	}
	want := "pack against spread elsewhere (medians): better in nodes (5 against 8); worse in imbalance (15.0 against 5.0 points of deviation); in 3 other metrics they are about equal, or the data can't tell."
	if len(leading) != 3 || leading[2] != want || len(others) != 0 {
		t.Errorf("it says\n%s\nwant\n%s", strings.Join(leading, "\n"), want)
	}
	d.Scenarios[0].Decides = ""
	if got := d.conclusion("small"); !strings.HasPrefix(got, "spread is best in imbalance") {
		t.Errorf("without a name the first metric decides: %s", got)
	}
}

// A latency that rests on an assumption is marked wherever it stands.
func TestAssumedCostsAreMarked(t *testing.T) {
	d := manyMetrics(6)
	var b bytes.Buffer
	if err := d.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`\| latency, p99, ms \| 20 \[20, 20\] assumed cost \| 20 \[20, 20\] \|`, `- pack: packs. Its simulated scheduling latency is an assumed cost`, `(?m)^- spread: spreads.$`,
	} {
		if !regexp.MustCompile(want).Match(b.Bytes()) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

// Values over time are drawn as long as all runs have them; the chart of all metrics says how much of the runner-up's.
func TestChartsOfWholeClusters(t *testing.T) {
	d := manyMetrics(6)
	if points := d.curvePoints("small", &d.Metrics[2]); len(points) != 5 || points[4] != 40 {
		t.Errorf("drawn at %v", points)
	}
	var b bytes.Buffer
	if err := d.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"At a glance: pack against spread", ">-50 %<", `stroke="` + betterColor + `"`, `stroke="` + worseColor + `"`, "Nodes, by seconds: medians"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// Of many schedulers the terminal shows medians alone; other renderings have the intervals.
func TestWideTablesAreNarrowedOnATerminal(t *testing.T) {
	d := made(10, "good", "bad", "noisy", "twin", "other", "another")
	var terminal, markdown bytes.Buffer
	if d.WriteTerminal(&terminal, false) != nil || d.WriteMarkdown(&markdown) != nil {
		t.Fatal("not rendered")
	}
	if text := terminal.String(); !strings.Contains(text, "intervals are in --json") || strings.Contains(text, "90.20 [") {
		t.Errorf("it says\n%s", text)
	}
	if !strings.Contains(markdown.String(), "90.20 [") {
		t.Errorf("it says\n%s", markdown.String())
	}
}
