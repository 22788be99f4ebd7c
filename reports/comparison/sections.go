package comparison

import (
	"fmt"
	"slices"
	"strings"
)

// section is a part of the report: lines to read and a table below them.
type section struct {
	title string
	lines []string
	// header and rows are a table; its first column holds names, the others numbers or short words.
	header []string
	rows   [][]string
	// narrow are rows that stand in for rows where these are too wide, narrowTitle is the title then.
	narrow      [][]string
	narrowTitle string
}

// sections are the whole report, the conclusions first.
func (d *Document) sections() []section {
	var all []section
	for _, s := range d.Scenarios {
		suffix := ""
		if len(d.Scenarios) > 1 {
			suffix = ", " + s.Name
		}
		all = append(all, d.conclusions(s.Name, suffix), d.curves(s.Name, suffix), d.medians(s.Name, suffix), d.differences(s.Name, suffix))
	}
	all = append(all, d.host(), d.method())
	return slices.DeleteFunc(all, func(s section) bool { return len(s.lines) == 0 && len(s.rows) == 0 })
}

// heading says in one line what was compared.
func (d *Document) heading() string {
	var names []string
	for _, s := range d.Scenarios {
		names = append(names, fmt.Sprintf("%s (%s)", s.Name, s.About))
	}
	return fmt.Sprintf("%s: %s on %s, %s", d.Subject, plural(len(d.Schedulers), "scheduler"), strings.Join(names, ", "), seeds(len(d.Seeds)))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (d *Document) tieRule() string { return "Ties between nodes of equal score: " + d.Ties }

// conclusions are who leads, against the runner-up and why as far as other metrics tell; then against the others.
func (d *Document) conclusions(scenario, suffix string) section {
	leading, others := d.findings(scenario)
	return section{title: "Verdict" + suffix, lines: append(leading, others...)}
}

// findings are the sentences on leader and runner-up, and those on the rest.
func (d *Document) findings(scenario string) (leading, others []string) {
	leading = []string{d.conclusion(scenario)}
	order := d.Ranked(scenario)
	if len(order) > 0 {
		leading = append(leading, d.reach(scenario, order[0])...)
	}
	if len(order) < 2 {
		return leading, nil
	}
	told := append([]*Metric{d.first(scenario)}, d.judgedCurves(scenario)...)
	for _, m := range told {
		leading = append(leading, d.pair(scenario, m.Name, order[0], order[1]).Sentence)
	}
	if elsewhere := d.elsewhere(scenario, order[0], order[1], told); elsewhere != "" {
		leading = append(leading, elsewhere)
	}
	for _, other := range order[2:] {
		others = append(others, d.pair(scenario, told[0].Name, order[0], other).Sentence)
		if elsewhere := d.elsewhere(scenario, order[0], other, told); elsewhere != "" && len(order) == 3 {
			others = append(others, elsewhere) // Of more than one other they would be too long to read.
		}
	}
	if caution := d.caution(scenario, order[0]); caution != "" {
		others = append(others, caution)
	}
	return leading, others
}

// pair is the verdict on two schedulers from the first one's point of view.
func (d *Document) pair(scenario, metric, a, b string) Verdict {
	for _, v := range d.Against(scenario, a, metric) {
		if v.B == b {
			return v
		}
	}
	return Verdict{}
}

// curves are the means of the first metric along its axis, and those of the others where they are judged.
func (d *Document) curves(scenario, suffix string) section {
	m := d.first(scenario)
	if len(m.At) == 0 || len(d.complete(scenario)) == 0 {
		return section{}
	}
	s := section{
		title:  fmt.Sprintf("%s, %s, by %s: mean over %s, sd = standard deviation%s", capital(m.Title), m.Unit, m.Axis, seeds(len(d.complete(scenario))), suffix),
		header: []string{"scheduler"},
	}
	wide := func(at float64) bool { return at == *m.JudgedAt || at == m.At[len(m.At)-1] }
	for _, at := range m.At {
		s.header = append(s.header, fmt.Sprintf("%g", at))
		if wide(at) {
			s.header = append(s.header, "sd")
		}
	}
	others := d.judgedCurves(scenario)
	for _, other := range others {
		s.header = append(s.header, fmt.Sprintf("%s at %g", other.Title, *other.JudgedAt), "sd")
	}
	for _, scheduler := range d.listed(scenario) {
		row := []string{scheduler}
		for i := range m.At {
			row = append(row, d.meanCells(scenario, scheduler, m, &m.At[i], wide(m.At[i]))...)
		}
		for _, other := range others {
			row = append(row, d.meanCells(scenario, scheduler, other, other.JudgedAt, true)...)
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// listed are the schedulers by rank, bounds behind them.
func (d *Document) listed(scenario string) []string { return append(d.Ranked(scenario), d.Bounds...) }

// judgedCurves are the other metrics that are judged at the same point of the same axis as the one that decides.
func (d *Document) judgedCurves(scenario string) []*Metric {
	first := d.first(scenario)
	var found []*Metric
	for i := range d.Metrics {
		m := &d.Metrics[i]
		if m != first && m.Better != Neither && m.Chart && m.JudgedAt != nil && same(m.JudgedAt, first.JudgedAt) && m.Axis == first.Axis {
			found = append(found, m)
		}
	}
	return found
}

// judged are the metrics that verdicts are about.
func (d *Document) judged() []*Metric {
	var found []*Metric
	for i := range d.Metrics {
		if d.Metrics[i].Better != Neither {
			found = append(found, &d.Metrics[i])
		}
	}
	return found
}

func (d *Document) meanCells(scenario, scheduler string, m *Metric, at *float64, deviation bool) []string {
	cells := []string{"-", "-"}
	if s := d.Summary(scenario, scheduler, m.Name, at); s != nil {
		// A digit more than a single run's: the mean over ten seeds ends there.
		cells = []string{fmt.Sprintf("%.*f", m.Digits+1, s.Mean), m.value(s.Deviation)}
	}
	if !deviation {
		return cells[:1]
	}
	return cells
}

// medians are all metrics that have a better direction, where they are judged: a row for each.
func (d *Document) medians(scenario, suffix string) section {
	if len(d.complete(scenario)) == 0 {
		return section{}
	}
	s := section{
		title:  fmt.Sprintf("Medians over %s, with 95 %% intervals%s", seeds(len(d.complete(scenario))), suffix),
		header: append([]string{"metric"}, d.listed(scenario)...),

		narrowTitle: fmt.Sprintf("Medians over %s (the 95 %% intervals are in --json, --markdown and --html)%s", seeds(len(d.complete(scenario))), suffix),
	}
	for _, m := range d.judged() {
		row, narrow, measured := []string{m.rowTitle()}, []string{m.rowTitle()}, false
		for _, scheduler := range d.listed(scenario) {
			cell, short := "-", "-"
			if x := d.Summary(scenario, scheduler, m.Name, m.JudgedAt); x != nil {
				short = m.value(x.Median)
				cell = fmt.Sprintf("%s [%s, %s]", short, m.value(x.Low), m.value(x.High))
				if m.Simulated && d.assumesCost(scheduler) {
					cell, short = cell+" assumed cost", short+" (assumed)"
				}
				measured = true
			}
			row, narrow = append(row, cell), append(narrow, short)
		}
		if measured {
			s.rows, s.narrow = append(s.rows, row), append(s.narrow, narrow)
		}
	}
	return s
}

// rowTitle names a metric with its unit and the point at which it is judged.
func (m *Metric) rowTitle() string {
	unit, _, _ := strings.Cut(m.Unit, " of ")
	return strings.TrimSuffix(m.Title+m.point()+", "+unit, ", ")
}

func (d *Document) assumesCost(scheduler string) bool {
	return slices.ContainsFunc(d.Details, func(x Detail) bool { return x.Name == scheduler && x.AssumedCost })
}

// differences are those of the leader against each other scheduler, in every metric that has a better direction.
func (d *Document) differences(scenario, suffix string) section {
	order := d.Ranked(scenario)
	if len(order) < 2 {
		return section{}
	}
	leader := order[0]
	s := section{
		title:  fmt.Sprintf("%s minus each other on the same seed: median, 95 %% interval, signed-rank test%s", leader, suffix),
		header: []string{"metric", "against", "difference", "interval", "ahead", "p", "corrected", "effect", "verdict"},
	}
	for i := range d.Metrics {
		m := &d.Metrics[i]
		for _, other := range order[1:] {
			if v := d.pair(scenario, m.Name, leader, other); v.Pairs > 0 {
				s.rows = append(s.rows, []string{
					m.Title + m.point(), v.B, m.signed(v.Difference), fmt.Sprintf("[%s, %s]", m.signed(v.Low), m.signed(v.High)),
					fmt.Sprintf("%d of %d", v.Ahead, v.Pairs), probability(v.P), probability(v.Corrected), fmt.Sprintf("%.2f", v.Effect), v.word(),
				})
			}
		}
	}
	return s
}

// word is the verdict on A in a word.
func (v *Verdict) word() string {
	switch {
	case v.Decision == Better && v.Effect > 0:
		return "better"
	case v.Decision == Better:
		return "worse"
	case v.Decision == Equal:
		return "equal"
	}
	return "can't tell"
}

func (m *Metric) signed(x float64) string {
	text := m.value(x)
	if x > 0 && strings.Trim(text, "0.") != "" {
		return "+" + text
	}
	return text
}

func (d *Document) host() section {
	s := section{
		title:  fmt.Sprintf("Host CPU per decision on the machines that ran this, µs (%s): not simulated, and no part of the verdict", d.HostCost),
		header: []string{"scheduler", "least", "median", "runs"},
	}
	for _, h := range d.Host {
		s.rows = append(s.rows, []string{h.Scheduler, fmt.Sprintf("%.1f", h.Least/1000), fmt.Sprintf("%.1f", h.Median/1000), fmt.Sprint(h.Runs)})
	}
	if len(s.rows) == 0 {
		return section{}
	}
	return s
}

func (d *Document) method() section {
	s := section{title: "How to read this", lines: []string{
		d.tieRule() + ".",
		"Runs of one seed are paired: all schedulers meet the same workload, with the same draws.",
		"better: the 95 % bootstrap interval of the median difference leaves out zero, and p of Wilcoxon's signed-rank test is below 0.05. Anything less: the data can't tell.",
		"p: two-sided, exact up to 100 seeds; seeds without a difference are left out, equal differences share their mean rank.",
		"corrected: p after Holm, for all pairs of the metric at once. Metrics are not corrected for one another: the first verdict is the answer, the others look for reasons.",
		"effect: matched-pairs rank-biserial correlation, 1 if all ranks speak for the first named, -1 if all speak against it.",
		"Outcome " + d.Outcome + ": equal outcomes, equal values in every run.",
	}}
	for _, x := range d.Details {
		text := x.Name + ": " + x.About + "."
		if x.AssumedCost {
			text += " Its simulated scheduling latency is an assumed cost: it declares none of its own."
		}
		s.lines = append(s.lines, text)
	}
	if d.Partial != "" {
		s.lines = append([]string{"PARTIAL: " + d.Partial}, s.lines...)
	}
	return s
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
