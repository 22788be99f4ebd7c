package comparison

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

var (
	half    = 50.0
	metrics = []Metric{
		{Name: "fill", Title: "fill", Unit: "% of the cluster", Difference: "points", Better: Higher, At: []float64{25, 50, 75}, Axis: "% arrived", JudgedAt: &half, Digits: 2, Chart: true},
		{Name: "waste", Title: "waste", Unit: "% of the cluster", Difference: "points", Better: Lower, At: []float64{25, 50, 75}, Axis: "% arrived", JudgedAt: &half, Digits: 2, Chart: true},
		{Name: "failed", Title: "failed pods", Difference: "pods", Better: Lower},
		{Name: "pods", Title: "pods"},
	}
)

// made is a comparison in which good beats bad on every seed, twin equals good, and noisy wanders around good.
func made(seeds int, schedulers ...string) *Document {
	h := Header{
		Binary: "test", Subject: "made up", Ties: "name (the first)", HostCost: "all of it", Schedulers: schedulers,
		Scenarios: []Scenario{{Name: "small", About: "8 nodes", Hash: "1"}},
	}
	for seed := range uint64(seeds) {
		h.Seeds = append(h.Seeds, seed+1)
	}
	return New(h, metrics, madeRuns(h))
}

func madeRuns(h Header) []Run {
	var runs []Run
	for _, scenario := range h.Scenarios {
		for _, seed := range h.Seeds {
			for _, s := range h.Schedulers {
				fill := 90 + float64(seed*7%5)/10
				switch s {
				case "bad":
					fill -= 2 + float64(seed)/50
				case "noisy":
					fill += float64(int(seed*5%9)-4) / 10
				}
				r := Run{Scheduler: s, Scenario: scenario.Name, Seed: seed, Host: time.Duration(1+seed) * time.Millisecond, Decisions: 100}
				for at := 0.0; at <= 75; at++ {
					share := min(1, at/50)
					r.Measures = append(r.Measures, Measure{"fill", &at, fill * share}, Measure{"waste", &at, (95 - fill) * share})
				}
				r.Measures = append(r.Measures, Measure{"failed", nil, 100 - fill}, Measure{"pods", nil, 1000})
				runs = append(runs, r)
			}
		}
	}
	return runs
}

func verdict(t *testing.T, d *Document, metric, a, b string) Verdict {
	t.Helper()
	v := d.pair("small", metric, a, b)
	if v.Pairs == 0 {
		t.Fatalf("no verdict on %s and %s in %s", a, b, metric)
	}
	return v
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		seeds    int
		metric   string
		a, b     string
		decision Decision
		sentence string
	}{
		{10, "fill", "good", "bad", Better,
			"good is better than bad in fill: 2.11 points more on the same seed (95 % interval 2.06 to 2.16); medians 90.20 and 88.10 % of the cluster at 50 % arrived; ahead on 10 of 10 seeds, p = 0.002."},
		{10, "waste", "good", "bad", Better,
			"good is better than bad in waste: 2.11 points less on the same seed (95 % interval 2.06 to 2.16); medians 4.80 and 6.90 % of the cluster at 50 % arrived; ahead on 10 of 10 seeds, p = 0.002."},
		{10, "failed", "good", "bad", Better,
			"good is better than bad in failed pods: 2 pods less on the same seed (95 % interval 2 to 2); medians 10 and 12; ahead on 10 of 10 seeds, p = 0.002."},
		{10, "fill", "good", "noisy", Undecided, ""},
		{10, "fill", "good", "twin", Equal,
			"good and twin are equal in fill on 10 seeds: 90.20 % of the cluster at 50 % arrived."},
		{5, "fill", "good", "bad", Undecided,
			"The data can't tell good from bad in fill: 2.06 points more on the same seed (95 % interval 2.02 to 2.10); medians 90.20 and 88.18 % of the cluster at 50 % arrived; ahead on 5 of 5 seeds, p = 0.062. No outcome of 5 seeds could: it takes at least 6."},
		{1, "fill", "good", "bad", Undecided, ""},
	} {
		v := verdict(t, made(test.seeds, test.a, test.b), test.metric, test.a, test.b)
		if v.Decision != test.decision {
			t.Errorf("%s and %s in %s, %d seeds: %s, want %s (%+v)", test.a, test.b, test.metric, test.seeds, v.Decision, test.decision, v)
		}
		if test.sentence != "" && v.Sentence != test.sentence {
			t.Errorf("sentence\n%s\nwant\n%s", v.Sentence, test.sentence)
		}
	}
}

// Many questions make each answer less sure: what six seeds tell of two schedulers is to be taken with caution of three.
func TestCautionWhereManyPairsAreCompared(t *testing.T) {
	if got := made(6, "good", "bad").caution("small", "good"); got != "" {
		t.Errorf("two schedulers: %s", got)
	}
	three := made(6, "good", "bad", "noisy")
	if v := verdict(t, three, "fill", "good", "bad"); v.Decision != Better || v.P >= .05 || v.Corrected < .05 {
		t.Errorf("%+v", v)
	}
	want := "Caution: 3 pairs are compared, and with so many some look different by chance; corrected for that, not all of these verdicts hold: it takes at least 7 seeds to be sure of all at once."
	if got := three.caution("small", "good"); got != want {
		t.Errorf("three schedulers: %s", got)
	}
	if got := made(10, "good", "bad", "noisy").caution("small", "good"); got != "" {
		t.Errorf("ten seeds: %s", got)
	}
}

func TestConclusions(t *testing.T) {
	for _, test := range []struct {
		seeds      int
		schedulers []string
		want       string
	}{
		{10, []string{"bad", "good"}, "good is best in fill: better than bad, by 2.11 points."},
		{10, []string{"bad", "good", "twin"}, "good has the best median in fill, but the data can't tell it from twin."},
		{10, []string{"good"}, "good reaches 90.20 % of the cluster at 50 % arrived (median of 10 seeds). Name another scheduler to compare it with."},
		{2, []string{"bad", "good"}, "good has the best median in fill, but the data can't tell it from bad."},
	} {
		if got := made(test.seeds, test.schedulers...).conclusion("small"); got != test.want {
			t.Errorf("%v: %s, want %s", test.schedulers, got, test.want)
		}
	}
}

// One seed far off moves no median of differences, though it may move the median of values.
func TestSeedBySeedDecides(t *testing.T) {
	h := made(13, "a", "b").Header
	var runs []Run
	for i, seed := range h.Seeds {
		a := float64(i)
		b := a + .1
		if i == 6 {
			a = 6.3
		}
		runs = append(runs, Run{Scheduler: "a", Scenario: "small", Seed: seed, Measures: []Measure{{"failed", nil, a}}},
			Run{Scheduler: "b", Scenario: "small", Seed: seed, Measures: []Measure{{"failed", nil, b}}})
	}
	higher := []Metric{{Name: "failed", Title: "score", Difference: "points", Better: Higher, Digits: 1}}
	d := New(h, higher, runs)
	if got := d.conclusion("small"); got != "a has the best median in score, but seed by seed it is behind b." {
		t.Error(got)
	}
	if v := d.Verdicts[0]; v.A != "b" || v.Decision != Better || !strings.HasPrefix(v.Sentence, "b is better than a in score: 0.1 points more") {
		t.Errorf("%+v", v)
	}
}

func TestTurnedVerdict(t *testing.T) {
	d := made(10, "good", "bad")
	v := verdict(t, d, "fill", "bad", "good")
	if v.Difference > -2 || v.Low > v.High || v.High > -2 || v.Ahead != 0 || v.Behind != 10 || v.Effect != -1 || v.word() != "worse" {
		t.Errorf("%+v", v)
	}
}

// A document is the same whatever order its runs were done in, and comes back from its JSON to the byte.
func TestDocumentDependsOnTheRunsOnly(t *testing.T) {
	want := made(4, "good", "bad", "noisy")
	rapid.Check(t, func(t *rapid.T) {
		runs := rapid.Permutation(want.Runs()).Draw(t, "runs")
		got := New(want.Header, metrics, runs)
		if !bytes.Equal(got.JSON(), want.JSON()) {
			t.Fatal("another order of runs gives another document")
		}
	})
	back, err := Decode(bytes.NewReader(want.JSON()))
	if err != nil || !bytes.Equal(back.JSON(), want.JSON()) {
		t.Errorf("read back: %v, %d bytes, want %d", err, len(back.JSON()), len(want.JSON()))
	}
}

func TestRows(t *testing.T) {
	var file struct {
		Rows []map[string]any `json:"rows"`
	}
	if err := json.Unmarshal(made(1, "good").JSON(), &file); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(file.Rows[152]), "map[at:<nil> metric:failed scenario:small scheduler:good seed:1 value:9.8]"; got[:60] != want[:60] {
		t.Errorf("row %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(file.Rows[100]), "map[at:50 metric:fill scenario:small scheduler:good seed:1 value:90.2]"; got != want {
		t.Errorf("row %s, want %s", got, want)
	}
}

// Seeds that not every scheduler has run are left out of everything but the rows.
func TestSeedsWithoutAllRunsAreNoPairs(t *testing.T) {
	whole := made(8, "good", "bad")
	d := New(whole.Header, metrics, whole.Runs()[:13])
	d.Partial = "stopped"
	v := verdict(t, d, "fill", "good", "bad")
	if v.Pairs != 6 || d.Summary("small", "good", "fill", &half).Seeds != 6 {
		t.Errorf("%d pairs from 13 of 16 runs", v.Pairs)
	}
	none := New(whole.Header, metrics, nil)
	if got := none.conclusion("small"); got != "No seed has been run by every scheduler: there is nothing to compare." {
		t.Error(got)
	}
	for _, d := range []*Document{d, none} {
		for _, write := range []func(io.Writer) error{d.WriteMarkdown, d.WriteHTML, func(w io.Writer) error { return d.WriteTerminal(w, false) }} {
			if err := write(io.Discard); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestDecodeRefusesWhatIsNoComparison(t *testing.T) {
	for _, test := range []struct{ data, want string }{
		{"", "not the JSON of a comparison: unexpected end"},
		{"{}", `not a comparison of this version: want version "fauxkube.dev/comparison/v1alpha1", got ""`},
		{`{"version": "fauxkube.dev/report/v1alpha1"}`, "got \"fauxkube.dev/report/v1alpha1\""},
		{`{"version": "fauxkube.dev/comparison/v1alpha1", "rows": 7}`, "not the JSON of a comparison"},
		{`{"version": "fauxkube.dev/comparison/v1alpha1"}`, "a comparison without metrics"},
	} {
		if _, err := Decode(strings.NewReader(test.data)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.data, err, test.want)
		}
	}
}

func TestTerminalAndMarkdown(t *testing.T) {
	d := made(10, "bad", "good", "noisy")
	var terminal, markdown bytes.Buffer
	if err := d.WriteTerminal(&terminal, false); err != nil {
		t.Fatal(err)
	}
	if err := d.WriteMarkdown(&markdown); err != nil {
		t.Fatal(err)
	}
	golden(t, "terminal.txt", terminal.Bytes())
	golden(t, "markdown.md", markdown.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s (go test -rewrite writes it): %v\n%s", path, err, got)
	}
}

// The page needs nothing from elsewhere, its drawings are well-formed and hold every scheduler, and names cannot
// break out of the text.
func TestHTML(t *testing.T) {
	d := made(10, "bad", "good", `<b>"&`)
	var b bytes.Buffer
	if err := d.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if found := regexp.MustCompile(`(?i)https?:|src=|href=|url\(|@import|<script|<b>`).FindString(text); found != "" {
		t.Errorf("the page holds %q", found)
	}
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1)
	if len(drawings) != 4 {
		t.Errorf("%d drawings, want those of medians, differences and two curves", len(drawings))
	}
	for _, drawing := range drawings {
		decoder := xml.NewDecoder(strings.NewReader(drawing))
		var err error
		for err == nil {
			_, err = decoder.Token()
		}
		if err != io.EOF {
			t.Errorf("%v in %s", err, drawing)
		}
		for _, name := range []string{"good", "bad", "&lt;b&gt;&#34;&amp;"} {
			if !strings.Contains(drawing, name) {
				t.Errorf("a drawing without %s", name)
			}
		}
		if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
			t.Errorf("a drawing with positions that are no numbers: %s", drawing)
		}
	}
	if !strings.Contains(text, "good is best in fill") && !strings.Contains(text, "has the best median") {
		t.Error("no conclusion")
	}
}

func TestScales(t *testing.T) {
	s := scale{0, 100, 10, 20}
	if s.at(50) != 15 || (scale{3, 3, 10, 20}).at(3) != 15 {
		t.Error("values are not where they should be")
	}
	for _, test := range []struct {
		from, to float64
		want     string
	}{{0, 100, "[0 20 40 60 80 100]"}, {86, 95.6, "[86 88 90 92 94]"}, {-.3, .3, "[-0.2 0 0.2]"}} {
		var ticks []string
		for _, tick := range (scale{test.from, test.to, 0, 1}).ticks(5) {
			ticks = append(ticks, number(tick))
		}
		if got := fmt.Sprint(ticks); got != test.want {
			t.Errorf("ticks from %v to %v: %s, want %s", test.from, test.to, got, test.want)
		}
	}
	if got := spread([]float64{10, 11, 50, 99, 100}, 10, 100); !slices.Equal(got, []float64{10, 20, 50, 90, 100}) {
		t.Errorf("labels at %v", got)
	}
}

func TestWrapKeepsLinesShort(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("word ", 100))
	for line := range strings.Lines(wrap(text, "  ")) {
		if len(line) > lineWidth+1 || strings.TrimSpace(line) == "" {
			t.Errorf("line of %d: %q", len(line), line)
		}
	}
}

// What is possible at most is shown, and nobody is judged against it.
func TestBounds(t *testing.T) {
	without := made(10, "good", "bad")
	h := without.Header
	h.Schedulers = append(h.Schedulers, "most")
	h.Bounds = []string{"most"}
	runs := without.Runs()
	for _, seed := range h.Seeds {
		runs = append(runs, Run{Scheduler: "most", Scenario: "small", Seed: seed, Measures: []Measure{{"fill", &half, 95}}})
	}
	d := New(h, metrics, runs)
	if len(d.Verdicts) != len(without.Verdicts) {
		t.Errorf("%d verdicts, %d without the bound", len(d.Verdicts), len(without.Verdicts))
	}
	want := "No scheduler could exceed 95.00 % of the cluster at 50 % arrived (most, median): good reaches 94.9 % of that."
	if lines := d.conclusions("small", "").lines; lines[0] != without.conclusion("small") || lines[1] != want {
		t.Errorf("%q", lines)
	}
	var terminal, page bytes.Buffer
	if err := errors.Join(d.WriteTerminal(&terminal, false), d.WriteHTML(&page)); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^  most +- +95.000 +0.00( +-){4}$`).Match(terminal.Bytes()) || strings.Contains(page.String(), "NaN") {
		t.Errorf("%s", &terminal)
	}
}

func TestBrief(t *testing.T) {
	d := made(10, "good", "bad")
	if got, want := d.Brief(), "good is best in fill: better than bad, by 2.11 points.\noutcome "+d.Outcome; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
