package comparison

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// pageData is what the page is made from.
type pageData struct {
	Title, Heading, Ties, Partial string
	Scenarios                     []scenarioData
	Notes                         []sectionData
}

type scenarioData struct {
	Name, Conclusion string
	// Leading are the sentences on leader and runner-up, Others those on the rest.
	Leading, Others []string
	Charts          []template.HTML
	Tables          []sectionData
}

// sectionData is a section with words and numbers told apart.
type sectionData struct {
	Title  string
	Lines  []string
	Header []cell
	Rows   [][]cell
}

type cell struct {
	Text string
	Word bool
}

// WriteHTML renders the comparison as one page that needs nothing from elsewhere: the verdict, charts, tables.
func (d *Document) WriteHTML(w io.Writer) error {
	data := pageData{Heading: d.heading(), Ties: d.tieRule(), Partial: d.Partial, Title: d.Subject}
	for _, s := range d.Scenarios {
		leading, others := d.findings(s.Name)
		data.Scenarios = append(data.Scenarios, scenarioData{
			Name: s.Name, Conclusion: leading[0], Leading: leading[1:], Others: others, Charts: d.charts(s.Name),
			Tables: tables(d.curves(s.Name, ""), d.medians(s.Name, ""), d.differences(s.Name, "")),
		})
	}
	if len(d.Scenarios) == 1 {
		data.Title = data.Scenarios[0].Conclusion
	}
	data.Notes = tables(d.method(), d.host())
	return page.Execute(w, data)
}

func tables(sections ...section) []sectionData {
	var all []sectionData
	for _, s := range sections {
		if len(s.rows) == 0 && len(s.lines) == 0 {
			continue
		}
		words := nameColumns(s.header)
		cells := func(texts []string) (row []cell) {
			for i, text := range texts {
				row = append(row, cell{text, words[i]})
			}
			return row
		}
		t := sectionData{Title: s.title, Lines: s.lines, Header: cells(s.header)}
		for _, row := range s.rows {
			t.Rows = append(t.Rows, cells(row))
		}
		all = append(all, t)
	}
	return all
}

// charts are one chart of who leads, one of the leader's lead, and one for each curve.
func (d *Document) charts(scenario string) []template.HTML {
	order := d.Ranked(scenario)
	if len(order) == 0 {
		return nil
	}
	charts := []template.HTML{d.intervalChart(scenario, d.listed(scenario))}
	if len(order) > 1 {
		charts = append(charts, d.differenceChart(scenario, order))
	}
	if len(order) > 1 && len(d.judged()) > glanceFrom {
		charts = append(charts, d.glanceChart(scenario, order[0], order[1]))
	}
	for i := range d.Metrics {
		if m := &d.Metrics[i]; m.Chart {
			charts = append(charts, d.curveChart(scenario, order, m))
		}
	}
	return charts
}

// colors can be told apart by people who see few of them (Okabe and Ito 2008).
var colors = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31"}

func (d *Document) color(scheduler string) string {
	return colors[slices.Index(d.Schedulers, scheduler)%len(colors)]
}
