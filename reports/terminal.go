package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// WriteTerminal renders the report for people. Color is used for verdicts only, where it is wanted.
func (r *Report) WriteTerminal(w io.Writer, color bool) error {
	p := &printer{w: w, color: color}
	p.heading(r)
	p.timeline(r)
	p.expectations(r)
	p.measures(r)
	p.findings(r)
	p.decisions(r.Decisions)
	p.latencies(r)
	p.requests(r)
	p.storeLoad(r)
	p.costs(r)
	p.closing(r)
	return p.err
}

// printer keeps the first error, so that the sections need not look.
type printer struct {
	w     io.Writer
	color bool
	err   error
}

func (p *printer) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(p.w, format, args...); err != nil && p.err == nil {
		p.err = err
	}
}

// Section headings stand alone on a line; a table follows.
func (p *printer) table(title string, header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.printf("\n%s\n", title)
	t := tablewriter.NewTable(p.w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Header: tw.CellConfig{Formatting: tw.CellFormatting{AutoFormat: tw.Off}, Alignment: tw.CellAlignment{Global: tw.AlignLeft}},
			Row:    tw.CellConfig{Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone}, Alignment: tw.CellAlignment{Global: tw.AlignLeft}},
		}))
	t.Header(header)
	err := t.Bulk(rows)
	if err == nil {
		err = t.Render()
	}
	if err != nil && p.err == nil {
		p.err = err
	}
}

func (p *printer) heading(r *Report) {
	c := r.Cluster
	p.printf("%s  seed %d, Kubernetes %s, %d API servers, %d store members, %d nodes\n",
		r.Scenario.Name, r.Seed, c.Kubernetes, c.APIServers, c.EtcdMembers, c.Nodes)
	if len(c.DefaultImages) > 0 {
		p.printf("assumed of unknown images: 100Mi, starts in 1s, answers every probe, exits 1s after SIGTERM: %s\n", strings.Join(c.DefaultImages, ", "))
	}
	if len(c.SkippedKinds) > 0 {
		p.printf("skipped, not served: %s\n", strings.Join(c.SkippedKinds, ", "))
	}
}

func (p *printer) timeline(r *Report) {
	var rows [][]string
	for _, s := range r.Timeline {
		rows = append(rows, []string{
			p.verdict(s.Verdict), at(s.Started), at(s.Ended), at(s.Convergence), s.ID, shorten(firstOf(s.Error, s.What), 90),
		})
	}
	p.table("Steps", []string{"", "began", "ended", "settled after", "step", ""}, rows)
	for _, s := range r.Timeline {
		if s.Verdict == Failed {
			p.printf("\n  step %s: %s\n", s.ID, s.Error)
		}
	}
}

func (p *printer) expectations(r *Report) {
	var rows [][]string
	for _, e := range r.Expectations {
		rows = append(rows, []string{p.verdict(e.Verdict), at(e.At), e.Kind, e.ID, shorten(e.Text, 80)})
	}
	p.table("Expectations", []string{"", "at", "", "what", ""}, rows)
	for _, e := range r.Expectations {
		if e.Verdict == Held {
			continue
		}
		p.printf("\n  %s: %s\n    %s: %s\n", e.ID, e.Message, e.Kind, e.Text)
		for _, side := range e.Sides {
			p.printf("    %s\n", side)
		}
	}
}

func (p *printer) measures(r *Report) {
	var rows [][]string
	for _, m := range r.Measures {
		value := "-"
		if m.Value != nil {
			value = fmt.Sprintf("%.4g", *m.Value)
		}
		rows = append(rows, []string{p.verdict(m.Verdict), m.Metric, value, m.Bound, m.Message})
	}
	p.table("Measures", []string{"", "metric", "value", "bound", ""}, rows)
}

func (p *printer) findings(r *Report) {
	var rows [][]string
	for _, f := range r.Findings {
		rows = append(rows, []string{f.Object, f.Message})
	}
	p.table("Not as it should be", []string{"object", ""}, rows)
}

func (p *printer) latencies(r *Report) {
	var rows [][]string
	for _, l := range r.Latencies {
		rows = append(rows, []string{l.Name, l.Labels, fmt.Sprint(l.Count), ms(l.P50), ms(l.P90), ms(l.P99), ms(l.Max)})
	}
	p.table("Simulated latency, ms", []string{"", "", "count", "p50", "p90", "p99", "max"}, rows)
}

// requests sums over verbs, resources and codes: the table is for a first look, the JSON holds every row.
func (p *printer) requests(r *Report) {
	type sum struct {
		client               string
		reads, writes, fails int64
	}
	var sums []*sum
	for _, q := range r.Requests {
		i := slices.IndexFunc(sums, func(s *sum) bool { return s.client == q.Client })
		if i < 0 {
			i, sums = len(sums), append(sums, &sum{client: q.Client})
		}
		switch q.Verb {
		case "get", "list", "watch":
			sums[i].reads += q.Count
		default:
			sums[i].writes += q.Count
		}
		if q.Code >= 400 {
			sums[i].fails += q.Count
		}
	}
	var rows [][]string
	for _, s := range sums {
		rows = append(rows, []string{s.client, fmt.Sprint(s.reads), fmt.Sprint(s.writes), fmt.Sprint(s.fails)})
	}
	p.table("API requests", []string{"client", "reads", "writes", "refused"}, rows)
}

// storeLoad shows throughput, latency, leaders and faults side by side.
func (p *printer) storeLoad(r *Report) {
	if r.StoreLoad == nil {
		return
	}
	var rows [][]string
	for _, w := range r.StoreLoad.Windows {
		rows = append(rows, []string{
			seconds(w.At), fmt.Sprintf("%.1f", w.PerSecond), fmt.Sprint(w.Failed), ms(w.WriteP50), ms(w.WriteP99), ms(w.ReadP50), ms(w.ReadP99),
			strings.Join(w.Leaders, ", "), strings.Join(w.Faults, ", "),
		})
	}
	p.table("The store under load", []string{"from", "answers/s", "failed", "write p50, ms", "p99", "read p50, ms", "p99", "new leader", "faults"}, rows)
	rows = nil
	for _, e := range r.StoreLoad.Exits {
		times := ""
		if e.Times > 1 {
			times = fmt.Sprintf("%d times, until %s", e.Times, seconds(e.Last))
		}
		rows = append(rows, []string{seconds(e.At), e.Host, e.Why, times})
	}
	p.table("Members that ended themselves", []string{"at", "host", "why", ""}, rows)
	l := r.StoreLoad
	p.printf("\nchecked: %d answers, %d failures and %d refusals, %d watch events, %d progress notifications, %d renewals and %d expiries of leases\n",
		l.Answered, l.Failed, l.Refused, l.Events, l.Bookmarks, l.Renewals, l.Expiries)
}

// shownCosts is how many rows of the cost model the terminal shows.
const shownCosts = 8

func (p *printer) costs(r *Report) {
	var rows [][]string
	for _, c := range r.Costs[:min(len(r.Costs), shownCosts)] {
		operation := c.Operation
		if c.Assumed {
			operation += " (assumed cost)"
		}
		rows = append(rows, []string{operation, fmt.Sprint(c.Count), fmt.Sprintf("%.3f", c.CPUSeconds), fmt.Sprintf("%.1f %%", 100*c.Share)})
	}
	p.table("Simulated CPU, the largest rows", []string{"operation", "count", "CPU s", "share"}, rows)
}

func (p *printer) closing(r *Report) {
	s := r.Store
	p.printf("\nstore: revision %d, %d keys, %d leader changes, %d fsyncs\n", s.Revision, s.Keys, s.LeaderChanges, s.Fsyncs)
	p.printf("simulated %s in %s of host time (%.0f times faster, %s events a second)\n",
		seconds(r.SimulatedSeconds), seconds(r.Host.Seconds), r.Host.Speed, thousands(r.Host.EventsPerSecond))
	if r.Partial != "" {
		p.printf("partial: %s\n", r.Partial)
	}
	p.printf("%s", p.verdict(r.Verdict))
	if failures := len(r.Failures()); failures > 0 {
		p.printf(": %d not as expected; repeat with: %s", failures, r.Repeat)
	}
	p.printf("\noutcome: %s\ndigest: %s\n", r.Outcome, r.Digest)
}

func (p *printer) verdict(v Verdict) string {
	if !p.color {
		return string(v)
	}
	switch v {
	case Held:
		return "\x1b[32m" + string(v) + "\x1b[0m"
	case Failed:
		return "\x1b[31m" + string(v) + "\x1b[0m"
	}
	return "\x1b[33m" + string(v) + "\x1b[0m"
}

func at(s *float64) string {
	if s == nil {
		return "-"
	}
	return seconds(*s)
}

// seconds renders a number of seconds as people say it.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func ms(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func thousands(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.1f million", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.0f,000", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

func shorten(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
