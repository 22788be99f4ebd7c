package comparison

import (
	"fmt"
	"html/template"
	"math"
)

// glanceFrom is how many judged metrics it takes for a chart of all of them to be worth its place.
const glanceFrom = 4

// Sizes of that chart: titles are longer than schedulers' names.
const (
	titleWidth  = 250.0
	amountWidth = 70.0
	glanceLeast = 10.0  // percent, that the axis holds at least
	glanceMost  = 100.0 // and at most: beyond it, bars are cut off
)

// Colors of decisions; those who see few colors can tell blue from orange.
const (
	betterColor    = "#0072b2"
	worseColor     = "#d55e00"
	undecidedColor = "#8b949e"
)

// glanceChart shows how much better or worse the leader is than the runner-up in every metric, in percent of the
// runner-up's median: to the right is better, whichever direction the metric has.
func (d *Document) glanceChart(scenario, leader, other string) template.HTML {
	type row struct {
		title            string
		at, low, high    float64
		color, told, sum string
	}
	var rows []row
	for _, m := range d.judged() {
		v := d.pair(scenario, m.Name, leader, other)
		if v.Pairs == 0 {
			continue
		}
		r := row{title: m.Title + m.point(), color: undecidedColor, told: v.Sentence, sum: v.word()}
		if v.MedianB != 0 {
			scale := 100 / math.Abs(v.MedianB)
			r.sum = fmt.Sprintf("%+.0f %%", v.Difference*scale)
			if m.Better == Lower {
				scale = -scale
			}
			r.at, r.low, r.high = v.Difference*scale, min(v.Low*scale, v.High*scale), max(v.Low*scale, v.High*scale)
		}
		switch v.word() {
		case "better":
			r.color = betterColor
		case "worse":
			r.color = worseColor
		case "equal":
			r.sum = "equal"
		}
		rows = append(rows, r)
	}
	end := glanceLeast
	for _, r := range rows {
		end = max(end, min(glanceMost, 1.1*max(-r.low, r.high)))
	}
	height := topMargin + rowHeight*float64(len(rows)) + axisHeight
	g, x := newDrawing(chartWidth, height), scale{-end, end, titleWidth, chartWidth - amountWidth}
	bottom := height - axisHeight
	for _, tick := range x.ticks(4) {
		g.line(x.at(tick), topMargin, x.at(tick), bottom, "grid", "")
		g.text(x.at(tick), bottom+16, "middle", "tick", number(math.Abs(tick)))
	}
	g.line(x.at(0), topMargin, x.at(0), bottom, "zero", "")
	g.text(x.at(0)-12, bottom+36, "end", "axis", "← worse, %")
	g.text(x.at(0)+12, bottom+36, "start", "axis", "better, % →")
	within := func(value float64) float64 { return max(-end, min(end, value)) }
	for i, r := range rows {
		y := topMargin + rowHeight*(float64(i)+.5)
		g.text(titleWidth-12, y+4, "end", "tick", r.title)
		g.line(x.at(within(r.low)), y, x.at(within(r.high)), y, "interval", r.color)
		g.dot(x.at(within(r.at)), y, 6, "median", r.color, r.told)
		g.text(chartWidth-amountWidth+10, y+4, "start", "tick", r.sum)
	}
	return g.render(fmt.Sprintf("At a glance: %s against %s in every metric. Blue is better, orange worse, grey what the data can't tell; bars are 95 %% intervals.", leader, other))
}
