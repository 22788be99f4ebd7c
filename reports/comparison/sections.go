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

// conclusions are who leads, against the runner-up and why as far as another curve tells, then against the others.
func (d *Document) conclusions(scenario, suffix string) section {
	s := section{title: "Verdict" + suffix, lines: []string{d.conclusion(scenario)}}
	order := d.Ranked(scenario)
	if len(order) > 0 {
		s.lines = append(s.lines, d.reach(scenario, order[0])...)
	}
	if len(order) < 2 {
		return s
	}
	first := &d.Metrics[0]
	for _, m := range append([]*Metric{first}, d.judgedCurves()...) {
		s.lines = append(s.lines, d.pair(scenario, m.Name, order[0], order[1]).Sentence)
	}
	for _, other := range order[2:] {
		s.lines = append(s.lines, d.pair(scenario, first.Name, order[0], other).Sentence)
	}
	if caution := d.caution(scenario, order[0]); caution != "" {
		s.lines = append(s.lines, caution)
	}
	return s
}

// leading is how many of the conclusions are about the leader and the runner-up.
func (d *Document) leading() int { return 2 + len(d.Bounds) + len(d.judgedCurves()) }

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
	m := &d.Metrics[0]
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
	others := d.judgedCurves()
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

// judgedCurves are the metrics behind the first that are judged at the same point of a curve.
func (d *Document) judgedCurves() []*Metric {
	var found []*Metric
	for i := range d.Metrics[1:] {
		if m := &d.Metrics[i+1]; m.Better != Neither && m.JudgedAt != nil && same(m.JudgedAt, d.Metrics[0].JudgedAt) {
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

// medians are all metrics that have a better direction, where they are judged.
func (d *Document) medians(scenario, suffix string) section {
	if len(d.complete(scenario)) == 0 {
		return section{}
	}
	s := section{
		title:  fmt.Sprintf("Medians over %s, with 95 %% intervals%s", seeds(len(d.complete(scenario))), suffix),
		header: []string{"scheduler"},
	}
	metrics := d.judged()
	for _, m := range metrics {
		title := m.Title
		if m.JudgedAt != nil {
			title += fmt.Sprintf(" at %g", *m.JudgedAt)
		}
		unit, _, _ := strings.Cut(m.Unit, " of ")
		s.header = append(s.header, strings.TrimSuffix(title+", "+unit, ", "))
	}
	for _, scheduler := range d.listed(scenario) {
		row := []string{scheduler}
		for _, m := range metrics {
			cell := "-"
			if x := d.Summary(scenario, scheduler, m.Name, m.JudgedAt); x != nil {
				cell = fmt.Sprintf("%s [%s, %s]", m.value(x.Median), m.value(x.Low), m.value(x.High))
			}
			row = append(row, cell)
		}
		s.rows = append(s.rows, row)
	}
	return s
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
					m.Title, v.B, m.signed(v.Difference), fmt.Sprintf("[%s, %s]", m.signed(v.Low), m.signed(v.High)),
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
		title:  "Host time per decision on the machines that ran this, µs, measures included; not part of the comparison",
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
		"Runs of one seed are paired: all schedulers meet the same pods in the same order.",
		"better: the 95 % bootstrap interval of the median difference leaves out zero, and p of Wilcoxon's signed-rank test is below 0.05. Anything less: the data can't tell.",
		"corrected: p after Holm, for all pairs of the metric at once.",
		"effect: matched-pairs rank-biserial correlation, 1 if all ranks speak for the first named, -1 if all speak against it.",
		"Outcome " + d.Outcome + ": equal outcomes, equal values in every run.",
	}}
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
