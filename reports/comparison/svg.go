package comparison

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// drawing is an SVG under construction. Text and lines without a color of their own follow the page's.
type drawing struct {
	width, height float64
	body          strings.Builder
}

func newDrawing(width, height float64) *drawing { return &drawing{width: width, height: height} }

func (g *drawing) add(format string, args ...any) { fmt.Fprintf(&g.body, format, args...) }

func (g *drawing) text(x, y float64, anchor, class, text string) {
	g.add(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(text))
}

func (g *drawing) line(x1, y1, x2, y2 float64, class, color string) {
	g.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"%s/>`, x1, y1, x2, y2, class, stroke(color))
}

// dot carries what its value is, shown when it is pointed at.
func (g *drawing) dot(x, y, radius float64, class, color, label string) {
	g.add(`<circle cx="%.1f" cy="%.1f" r="%.1f" class="%s" fill="%s"><title>%s</title></circle>`, x, y, radius, class, color, html.EscapeString(label))
}

func stroke(color string) string {
	if color == "" {
		return ""
	}
	return fmt.Sprintf(` stroke="%s"`, color)
}

// path draws a line through points, or fills what it surrounds.
func (g *drawing) path(points [][2]float64, class, attributes string) {
	var b strings.Builder
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", command, p[0], p[1])
	}
	g.add(`<path d="%s" class="%s" %s/>`, b.String(), class, attributes)
}

// render closes the drawing. The title is for those who cannot see it.
func (g *drawing) render(title string) template.HTML {
	escaped := html.EscapeString(title)
	//nolint:gosec // Every text in the body has been escaped.
	return template.HTML(fmt.Sprintf(`<figure><figcaption>%s</figcaption><svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">%s</svg></figure>`,
		escaped, g.width, g.height, escaped, g.body.String()))
}

// scale maps values to positions.
type scale struct{ from, to, start, end float64 }

func (s scale) at(value float64) float64 {
	if s.to == s.from {
		return (s.start + s.end) / 2
	}
	return s.start + (value-s.from)/(s.to-s.from)*(s.end-s.start)
}

// around is a scale that holds low to high with some air.
func around(low, high, start, end float64) scale {
	air := (high - low) * .06
	if air == 0 {
		air = math.Max(math.Abs(high)*.01, .5)
	}
	return scale{low - air, high + air, start, end}
}

// ticks are round values on the scale, about as many as wanted.
func (s scale) ticks(wanted int) []float64 {
	step := (s.to - s.from) / float64(wanted)
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if factor*power >= step {
			step = factor * power
			break
		}
	}
	var ticks []float64
	for i := math.Ceil(s.from / step); i*step <= s.to+step*1e-9; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

// number renders a tick.
func number(x float64) string {
	return fmt.Sprintf("%.4g", math.Round(x*1e6)/1e6+0) // Adding 0 makes 0 of -0.
}

// spread moves label positions, given in rising order, apart from each other and keeps them above the lowest.
func spread(positions []float64, gap, lowest float64) []float64 {
	moved := append([]float64(nil), positions...)
	for i := 1; i < len(moved); i++ {
		moved[i] = math.Max(moved[i], moved[i-1]+gap)
	}
	for i := len(moved) - 1; i >= 0; i-- {
		limit := lowest - gap*float64(len(moved)-1-i)
		moved[i] = math.Min(moved[i], limit)
	}
	return moved
}
