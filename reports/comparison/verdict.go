package comparison

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/reports/statistics"
)

// Decision is what the data say of a pair.
type Decision string

// The decisions.
const (
	Better    Decision = "better"
	Undecided Decision = "undecided"
	Equal     Decision = "equal"
)

// significance is the chance of calling a scheduler better than one to which it is equal.
const significance = .05

// Verdict compares two schedulers in one metric on one scenario. A is the one that is ahead seed by seed.
type Verdict struct {
	Scenario string   `json:"scenario"`
	Metric   string   `json:"metric"`
	At       *float64 `json:"at"`
	A        string   `json:"a"`
	B        string   `json:"b"`
	Decision Decision `json:"decision"`
	Pairs    int      `json:"pairs"`
	MedianA  float64  `json:"median_a"`
	MedianB  float64  `json:"median_b"`
	// Difference is the median over the seeds of A's value minus B's, Low and High the ends of its 95 % bootstrap interval.
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	// Ahead, Behind and Even count the seeds by whether A is better.
	Ahead  int `json:"ahead"`
	Behind int `json:"behind"`
	Even   int `json:"even"`
	// P is that of Wilcoxon's signed-rank test, Corrected after Holm for all pairs of the metric.
	P         float64 `json:"p"`
	Corrected float64 `json:"p_corrected"`
	// Effect is the rank-biserial correlation, 1 if all of the ranks speak for A, -1 if all speak against it.
	Effect   float64 `json:"effect"`
	Sentence string  `json:"sentence"`
}

// judge compares all pairs in one metric.
func (d *Document) judge(scenario string, m *Metric) {
	if m.Better == Neither || len(d.complete(scenario)) == 0 {
		return
	}
	order := d.ranked(scenario, m)
	var verdicts []Verdict
	for i, a := range order {
		for _, b := range order[i+1:] {
			v := d.compare(scenario, m, a, b)
			if v.Effect < 0 {
				v = v.turned() // Seed by seed it may be the other one.
			}
			verdicts = append(verdicts, v)
		}
	}
	p := make([]float64, len(verdicts))
	for i := range verdicts {
		p[i] = verdicts[i].P
	}
	for i, corrected := range statistics.Holm(p) {
		v := &verdicts[i]
		v.Corrected = corrected
		v.decide(m)
		v.Sentence = v.sentence(m)
	}
	d.Verdicts = append(d.Verdicts, verdicts...)
}

// ranked are the schedulers that measured the metric, the best median first; equals stay in the order of the header.
// Bounds are not among them.
func (d *Document) ranked(scenario string, m *Metric) []string {
	var order []string
	for _, s := range d.Schedulers {
		if d.Summary(scenario, s, m.Name, m.JudgedAt) != nil && !slices.Contains(d.Bounds, s) {
			order = append(order, s)
		}
	}
	slices.SortStableFunc(order, func(a, b string) int {
		x := d.Summary(scenario, a, m.Name, m.JudgedAt).Median
		y := d.Summary(scenario, b, m.Name, m.JudgedAt).Median
		if m.Better == Lower {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(y, x)
	})
	return order
}

// Ranked are the schedulers by the metric that decides, the best first.
func (d *Document) Ranked(scenario string) []string { return d.ranked(scenario, d.first(scenario)) }

// first is the metric that decides who leads on a scenario.
func (d *Document) first(scenario string) *Metric {
	for i := range d.Scenarios {
		if d.Scenarios[i].Name != scenario {
			continue
		}
		for j := range d.Metrics {
			if d.Metrics[j].Name == d.Scenarios[i].Decides {
				return &d.Metrics[j]
			}
		}
	}
	return &d.Metrics[0]
}

// compare takes the differences of one pair.
func (d *Document) compare(scenario string, m *Metric, a, b string) Verdict {
	x, y := d.values(scenario, a, m.Name, m.JudgedAt), d.values(scenario, b, m.Name, m.JudgedAt)
	differences := make([]float64, len(x))
	for i := range x {
		// What two digits beyond the shown ones cannot tell is rounding.
		scale := math.Pow10(m.Digits + 2)
		differences[i] = math.Round((x[i]-y[i])*scale) / scale
	}
	test := statistics.SignedRank(differences)
	if m.Better == Lower {
		test.Up, test.Down, test.Effect = test.Down, test.Up, 0-test.Effect // Not -0.
	}
	v := Verdict{
		Scenario: scenario, Metric: m.Name, At: m.JudgedAt, A: a, B: b, Pairs: len(x),
		MedianA: statistics.Median(x), MedianB: statistics.Median(y), Difference: statistics.Median(differences),
		Ahead: test.Up, Behind: test.Down, Even: test.Equal, P: test.P, Effect: test.Effect,
	}
	v.Low, v.High = statistics.Interval(differences)
	return v
}

func (v *Verdict) decide(m *Metric) {
	beyond := v.Low > 0
	if m.Better == Lower {
		beyond = v.High < 0
	}
	switch {
	case v.Even == v.Pairs:
		v.Decision = Equal
	case beyond && v.P < significance:
		v.Decision = Better
	default:
		v.Decision = Undecided
	}
}

// sentence says it plainly.
func (v *Verdict) sentence(m *Metric) string {
	if v.Decision == Equal {
		return fmt.Sprintf("%s and %s are equal in %s on %s: %s.", v.A, v.B, m.Title, seeds(v.Pairs), m.value(v.MedianA)+m.unit()+m.where())
	}
	numbers := fmt.Sprintf("%s on the same seed (95 %% interval %s); medians %s and %s%s%s; ahead on %d of %s, p %s",
		m.amount(v.Difference), m.span(v.Low, v.High), m.value(v.MedianA), m.value(v.MedianB), m.unit(), m.where(),
		v.Ahead, seeds(v.Pairs), is(probability(v.P)))
	if v.Decision == Better {
		return fmt.Sprintf("%s is better than %s in %s: %s.", v.A, v.B, m.Title, numbers)
	}
	return fmt.Sprintf("The data can't tell %s from %s in %s: %s.%s", v.A, v.B, m.Title, numbers, tooFew(v.Pairs))
}

// amount is a difference in words: 2.38 points more.
func (m *Metric) amount(x float64) string {
	direction := "more"
	if x < 0 {
		direction = "less"
	}
	return fmt.Sprintf("%s %s %s", m.value(math.Abs(x)), m.Difference, direction)
}

// span is an interval of differences: without signs where both ends are on one side of zero.
func (m *Metric) span(low, high float64) string {
	switch {
	case low >= 0:
		return m.value(low) + " to " + m.value(high)
	case high <= 0:
		return m.value(-high) + " to " + m.value(-low)
	}
	return m.amount(low) + " to " + m.amount(high)
}

// tooFew says so if no outcome of so many seeds could have decided anything.
func tooFew(pairs int) string {
	needed := seedsFor(1)
	if pairs >= needed {
		return ""
	}
	return fmt.Sprintf(" No outcome of %s could: it takes at least %d.", seeds(pairs), needed)
}

// seedsFor is how many seeds it takes at least to tell anything when so many pairs are asked about.
func seedsFor(comparisons int) int {
	needed := 1
	for statistics.LeastP(needed)*float64(comparisons) >= significance {
		needed++
	}
	return needed
}

// caution is for verdicts that hold for themselves, but not all at once. Empty where there are none.
func (d *Document) caution(scenario, leader string) string {
	verdicts := d.Against(scenario, leader, d.first(scenario).Name)
	if !slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Decision == Better && v.Corrected >= significance }) {
		return ""
	}
	pairs := len(verdicts) * (len(verdicts) + 1) / 2
	advice := "more seeds would tell"
	if needed := seedsFor(pairs); verdicts[0].Pairs < needed {
		advice = fmt.Sprintf("it takes at least %d seeds to be sure of all at once", needed)
	}
	return fmt.Sprintf("Caution: %d pairs are compared, and with so many some look different by chance; corrected for that, not all of these verdicts hold: %s.", pairs, advice)
}

func seeds(n int) string {
	if n == 1 {
		return "1 seed"
	}
	return fmt.Sprintf("%d seeds", n)
}

// probability renders a p-value: two digits that matter, never 0.
func probability(p float64) string {
	switch {
	case p < .0001:
		return "<0.0001"
	case p < .1:
		return fmt.Sprintf("%.2g", p)
	}
	return fmt.Sprintf("%.2f", p)
}

// is puts an equals sign before what has no sign of its own.
func is(probability string) string {
	if rest, below := strings.CutPrefix(probability, "<"); below {
		return "< " + rest
	}
	return "= " + probability
}

func (m *Metric) value(x float64) string {
	text := fmt.Sprintf("%.*f", m.Digits, x)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}

func (m *Metric) unit() string {
	if m.Unit == "" {
		return ""
	}
	return " " + m.Unit
}

// point is where briefly, for lists.
func (m *Metric) point() string {
	if m.JudgedAt == nil {
		return ""
	}
	if strings.HasPrefix(m.Axis, percentileAxis) {
		return fmt.Sprintf(", p%g", *m.JudgedAt)
	}
	return fmt.Sprintf(" at %g", *m.JudgedAt)
}

// percentileAxis is how the axis begins whose points are percentiles.
const percentileAxis = "th "

// where says at which point of a curve.
func (m *Metric) where() string {
	if m.JudgedAt == nil {
		return ""
	}
	return fmt.Sprintf(" at %s", m.at(*m.JudgedAt))
}

// at names a point of the axis: 100 % arrived, or the 99th percentile.
func (m *Metric) at(point float64) string {
	if strings.HasPrefix(m.Axis, percentileAxis) {
		return fmt.Sprintf("the %g%s", point, m.Axis)
	}
	return fmt.Sprintf("%g %s", point, m.Axis)
}

// Against are the verdicts of one scheduler with each other one in one metric, from its point of view.
func (d *Document) Against(scenario, scheduler, metric string) []Verdict {
	var found []Verdict
	for _, v := range d.Verdicts {
		if v.Scenario != scenario || v.Metric != metric {
			continue
		}
		switch scheduler {
		case v.A:
			found = append(found, v)
		case v.B:
			found = append(found, v.turned())
		}
	}
	return found
}

// turned is the verdict with A and B exchanged. The sentence stays: it names who is better.
func (v Verdict) turned() Verdict {
	v.A, v.B, v.MedianA, v.MedianB = v.B, v.A, v.MedianB, v.MedianA
	v.Difference, v.Low, v.High = -v.Difference, -v.High, -v.Low
	v.Ahead, v.Behind, v.Effect = v.Behind, v.Ahead, 0-v.Effect
	return v
}

// conclusion is the first thing to read: who leads by the metric that decides, and how surely.
func (d *Document) conclusion(scenario string) string {
	m := d.first(scenario)
	order := d.ranked(scenario, m)
	switch {
	case len(d.complete(scenario)) == 0:
		return "No seed has been run by every scheduler: there is nothing to compare."
	case len(order) == 0:
		return fmt.Sprintf("No scheduler has been measured in %s%s.", m.Title, m.where())
	case len(order) == 1:
		s := d.Summary(scenario, order[0], m.Name, m.JudgedAt)
		return fmt.Sprintf("%s reaches %s%s%s (median of %s). Name another scheduler to compare it with.",
			order[0], m.value(s.Median), m.unit(), m.where(), seeds(s.Seeds))
	}
	var level, ahead []string
	for _, v := range d.Against(scenario, order[0], m.Name) {
		switch v.word() {
		case "worse":
			ahead = append(ahead, v.B)
		case "can't tell", "equal":
			level = append(level, v.B)
		}
	}
	if len(ahead) > 0 {
		return fmt.Sprintf("%s has the best median in %s, but seed by seed it is behind %s.", order[0], m.Title, list(ahead))
	}
	if len(level) == 0 {
		return fmt.Sprintf("%s is best in %s: better than %s, by %s.", order[0], m.Title, everyOther(order[1:]), d.lead(scenario, m, order))
	}
	return fmt.Sprintf("%s has the best median in %s, but the data can't tell it from %s.", order[0], m.Title, list(level))
}

// reach says how close the leader is to what is possible, a sentence for each bound.
func (d *Document) reach(scenario, leader string) []string {
	m := d.first(scenario)
	var lines []string
	for _, bound := range d.Bounds {
		best, most := d.Summary(scenario, leader, m.Name, m.JudgedAt), d.Summary(scenario, bound, m.Name, m.JudgedAt)
		if most == nil || best == nil || most.Median == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("No scheduler could exceed %s%s%s (%s, median): %s reaches %.1f %% of that.",
			m.value(most.Median), m.unit(), m.where(), bound, leader, 100*best.Median/most.Median))
	}
	return lines
}

// lead is by how much the first is ahead, from the least to the most; of a single other one also in percent of it.
func (d *Document) lead(scenario string, m *Metric, order []string) string {
	var leads []float64
	verdicts := d.Against(scenario, order[0], m.Name)
	for _, v := range verdicts {
		leads = append(leads, math.Abs(v.Difference))
	}
	least, most := m.value(slices.Min(leads)), m.value(slices.Max(leads))
	if least != most {
		return strings.TrimSpace(least + " to " + most + " " + m.Difference)
	}
	text := strings.TrimSpace(least + " " + m.Difference)
	if len(verdicts) == 1 && verdicts[0].MedianB != 0 && m.Difference != "points" {
		text += fmt.Sprintf(" (%.0f %%)", 100*leads[0]/math.Abs(verdicts[0].MedianB))
	}
	return text
}

// elsewhere says of the metrics that no other sentence is about where the leader is better and worse than the runner-up:
// what the lead comes from, and what it costs. Empty where there are none.
func (d *Document) elsewhere(scenario string, leader, other string, told []*Metric) string {
	var better, worse []string
	undecided := 0
	for i := range d.Metrics {
		m := &d.Metrics[i]
		v := d.pair(scenario, m.Name, leader, other)
		if v.Pairs == 0 || slices.Contains(told, m) {
			continue
		}
		text := fmt.Sprintf("%s%s (%s against %s%s)", m.Title, m.point(), m.value(v.MedianA), m.value(v.MedianB), m.unit())
		switch word := v.word(); {
		case m.value(v.MedianA) == m.value(v.MedianB):
			undecided++ // What nobody can see is nobody's reason.
		case word == "better":
			better = append(better, text)
		case word == "worse":
			worse = append(worse, text)
		default:
			undecided++
		}
	}
	var parts []string
	for _, part := range []struct {
		word string
		list []string
	}{{"better", better}, {"worse", worse}} {
		if len(part.list) > 0 {
			parts = append(parts, part.word+" in "+strings.Join(part.list, ", "))
		}
	}
	switch rest := fmt.Sprintf("in %s they are about equal, or the data can't tell", plural(undecided, "other metric")); {
	case len(parts) == 0 && undecided == 0:
		return ""
	case len(parts) == 0:
		return fmt.Sprintf("%s and %s: %s.", leader, other, rest)
	case undecided > 0:
		parts = append(parts, rest)
	}
	return fmt.Sprintf("%s against %s elsewhere (medians): %s.", leader, other, strings.Join(parts, "; "))
}

func everyOther(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("each of the other %d", len(names))
}

func list(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
