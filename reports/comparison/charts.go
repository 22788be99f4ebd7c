package comparison

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/fauxkube/fauxkube/reports/statistics"
)

// Sizes in the units of the drawings.
const (
	chartWidth  = 640.0
	chartHeight = 330.0
	nameWidth   = 110.0 // at least
	letterWidth = 7.6   // of a name
	rowHeight   = 30.0
	axisHeight  = 44.0
	topMargin   = 10.0
	labelGap    = 15.0
)

// roomFor is how wide names are.
func roomFor(names []string) float64 {
	room := nameWidth
	for _, name := range names {
		room = max(room, 24+float64(letterWidth*float64(len(name))))
	}
	return min(room, chartWidth/2)
}

// horizontal is a chart with a row for each name and an axis below.
type horizontal struct {
	*drawing
	x scale
}

func newHorizontal(names []string, low, high float64, unit string) *horizontal {
	height, room := topMargin+rowHeight*float64(len(names))+axisHeight, roomFor(names)
	h := &horizontal{newDrawing(chartWidth, height), around(low, high, room, chartWidth-20)}
	bottom := height - axisHeight
	for _, tick := range h.x.ticks(7) {
		h.line(h.x.at(tick), topMargin, h.x.at(tick), bottom, "grid", "")
		h.text(h.x.at(tick), bottom+16, "middle", "tick", number(tick))
	}
	h.text((room+chartWidth)/2, bottom+36, "middle", "axis", unit)
	for i, name := range names {
		h.text(room-12, h.row(i)+4, "end", "name", name)
	}
	return h
}

func (h *horizontal) row(i int) float64 { return topMargin + rowHeight*(float64(i)+.5) }

// intervalChart shows each scheduler's values, their median, and its interval.
func (d *Document) intervalChart(scenario string, order []string) template.HTML {
	m := d.first(scenario)
	var all []float64
	order = slices.DeleteFunc(order, func(s string) bool { return d.Summary(scenario, s, m.Name, m.JudgedAt) == nil })
	for _, s := range order {
		all = append(all, d.values(scenario, s, m.Name, m.JudgedAt)...)
	}
	h := newHorizontal(order, slices.Min(all), slices.Max(all), m.axisTitle())
	for i, name := range order {
		s, color := d.Summary(scenario, name, m.Name, m.JudgedAt), d.color(name)
		for j, x := range d.values(scenario, name, m.Name, m.JudgedAt) {
			h.dot(h.x.at(x), h.row(i), 3, "seed", color, fmt.Sprintf("%s, seed %d: %s", name, d.complete(scenario)[j], m.value(x)))
		}
		h.line(h.x.at(s.Low), h.row(i), h.x.at(s.High), h.row(i), "interval", color)
		h.dot(h.x.at(s.Median), h.row(i), 6, "median", color, fmt.Sprintf("%s: median %s, 95 %% interval %s to %s", name, m.value(s.Median), m.value(s.Low), m.value(s.High)))
	}
	return h.render(fmt.Sprintf("%s%s: %s is better. Small dots are seeds, large ones medians, bars their 95 %% intervals.", capital(m.Title), m.where(), m.Better))
}

// differenceChart shows by how much the leader is ahead of each other scheduler, seed by seed.
func (d *Document) differenceChart(scenario string, order []string) template.HTML {
	m, leader := d.first(scenario), order[0]
	verdicts := d.Against(scenario, leader, m.Name)
	low, high := 0.0, 0.0
	var names []string
	differences := make([][]float64, len(verdicts))
	x := d.values(scenario, leader, m.Name, m.JudgedAt)
	for i, v := range verdicts {
		names = append(names, v.B)
		for j, y := range d.values(scenario, v.B, m.Name, m.JudgedAt) {
			differences[i] = append(differences[i], x[j]-y)
		}
		low, high = min(low, slices.Min(differences[i])), max(high, slices.Max(differences[i]))
	}
	h := newHorizontal(names, low, high, fmt.Sprintf("%s, %s minus the other", m.Difference, leader))
	h.line(h.x.at(0), topMargin, h.x.at(0), h.height-axisHeight, "zero", "")
	for i, v := range verdicts {
		color := d.color(v.B)
		for j, difference := range differences[i] {
			h.dot(h.x.at(difference), h.row(i), 3, "seed", color, fmt.Sprintf("%s minus %s, seed %d: %s", leader, v.B, d.complete(scenario)[j], m.signed(difference)))
		}
		h.line(h.x.at(v.Low), h.row(i), h.x.at(v.High), h.row(i), "interval", color)
		h.dot(h.x.at(v.Difference), h.row(i), 6, "median", color, v.Sentence)
	}
	return h.render(fmt.Sprintf("%s on the same seed: %s minus each other. Where a bar reaches the line at zero, the data can't tell.", capital(m.Title), leader))
}

// axisTitle names a metric with its unit.
func (m *Metric) axisTitle() string {
	if m.Unit == "" {
		return m.Title
	}
	return m.Title + ", " + m.Unit
}

// curve is a scheduler's medians along a metric's axis with their intervals.
type curve struct {
	scheduler string
	points    []point
}

type point struct{ at, median, low, high float64 }

// curveStep is how far points of a metric that has tables are apart: closer ones cannot be told from each other.
const curveStep = 2

// curvePoints are where a curve is drawn: evenly from a little before the first point of the tables, where curves begin
// to part; without such points wherever all runs have a value.
func (d *Document) curvePoints(scenario string, m *Metric) []float64 {
	var points []float64
	if len(m.At) > 0 {
		for at := max(0, m.At[0]-10); at <= m.At[len(m.At)-1]; at += curveStep {
			points = append(points, at)
		}
		return points
	}
	runs, count := 0, map[float64]int{}
	for i := range d.runs {
		if r := &d.runs[i]; r.Scenario == scenario && slices.Contains(d.complete(scenario), r.Seed) {
			runs++
			for _, x := range r.Measures {
				if x.Metric == m.Name && x.At != nil {
					count[*x.At]++
				}
			}
		}
	}
	for at, n := range count {
		if n == runs {
			points = append(points, at)
		}
	}
	slices.Sort(points)
	return points
}

func (d *Document) curvesOf(scenario string, order []string, m *Metric) []curve {
	points := d.curvePoints(scenario, m)
	var curves []curve
	for _, name := range order {
		c := curve{scheduler: name}
		for _, at := range points {
			if values := d.values(scenario, name, m.Name, &at); len(values) > 0 {
				low, high := statistics.Interval(values)
				c.points = append(c.points, point{at, statistics.Median(values), low, high})
			}
		}
		if len(c.points) > 1 {
			curves = append(curves, c)
		}
	}
	return curves
}

// curveChart shows a metric along its axis.
func (d *Document) curveChart(scenario string, order []string, m *Metric) template.HTML {
	curves := d.curvesOf(scenario, order, m)
	if len(curves) == 0 {
		return ""
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for _, p := range c.points {
			low, high = min(low, p.low), max(high, p.high)
		}
	}
	g := newDrawing(chartWidth, chartHeight)
	first, last := curves[0].points[0].at, curves[0].points[len(curves[0].points)-1].at
	x := scale{first, last, 56, chartWidth - roomFor(order)}
	y := around(low, high, chartHeight-axisHeight, topMargin)
	g.frame(x, y, m)
	for _, c := range curves {
		g.curve(x, y, c, d.color(c.scheduler))
	}
	g.names(x, y, curves, d.color)
	return g.render(fmt.Sprintf("%s, by %s: medians, with 95 %% intervals.", capital(m.axisTitle()), m.Axis))
}

func (g *drawing) frame(x, y scale, m *Metric) {
	for _, tick := range x.ticks(7) {
		g.line(x.at(tick), y.start, x.at(tick), y.end, "grid", "")
		g.text(x.at(tick), y.start+16, "middle", "tick", number(tick))
	}
	for _, tick := range y.ticks(6) {
		g.line(x.start, y.at(tick), x.end, y.at(tick), "grid", "")
		g.text(x.start-8, y.at(tick)+4, "end", "tick", number(tick))
	}
	g.text((x.start+x.end)/2, y.start+36, "middle", "axis", m.Axis)
}

func (g *drawing) curve(x, y scale, c curve, color string) {
	var middle, band [][2]float64
	for _, p := range c.points {
		middle = append(middle, [2]float64{x.at(p.at), y.at(p.median)})
		band = append(band, [2]float64{x.at(p.at), y.at(p.high)})
	}
	for _, p := range slices.Backward(c.points) {
		band = append(band, [2]float64{x.at(p.at), y.at(p.low)})
	}
	g.path(band, "band", fmt.Sprintf(`fill="%s"`, color))
	g.path(middle, "curve", fmt.Sprintf(`stroke="%s"`, color))
}

// names writes each scheduler's name where its curve ends.
func (g *drawing) names(x, y scale, curves []curve, color func(string) string) {
	end := func(c curve) float64 { return y.at(c.points[len(c.points)-1].median) }
	sorted := slices.SortedStableFunc(slices.Values(curves), func(a, b curve) int { return cmp.Compare(end(a), end(b)) })
	var positions []float64
	for _, c := range sorted {
		positions = append(positions, end(c))
	}
	for i, position := range spread(positions, labelGap, y.start) {
		c := sorted[i]
		g.line(x.end, positions[i], x.end+10, position, "leader", color(c.scheduler))
		g.add(`<text x="%.1f" y="%.1f" class="name" style="fill:%s">%s</text>`, x.end+13, position+4, color(c.scheduler), template.HTMLEscapeString(c.scheduler))
	}
}
