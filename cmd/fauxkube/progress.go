package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/fauxkube/fauxkube/scenarios"
)

// progressLine is one line at the bottom of a terminal, overwritten in place and gone at the end. Where there is no
// terminal it is nil, on which every method does nothing.
type progressLine struct {
	terminal *os.File
	began    time.Time
	drawn    time.Time
}

// redrawEvery is often enough to look alive.
const redrawEvery = 100 * time.Millisecond

func (a *app) newProgressLine(quiet bool) *progressLine {
	if quiet || !isTerminal(a.err) {
		return nil
	}
	return &progressLine{terminal: a.err, began: time.Now()}
}

// isTerminal tells whether escape sequences make sense there.
func isTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// wantsColor follows https://no-color.org.
func wantsColor(f *os.File) bool { return os.Getenv("NO_COLOR") == "" && isTerminal(f) }

// of returns the function to which a run reports how far it is; nil where nobody looks.
func (p *progressLine) of(j job) func(scenarios.Progress) {
	if p == nil {
		return nil
	}
	p.began = time.Now()
	return func(now scenarios.Progress) {
		p.draw(func() string { return describeProgress(j, now, time.Since(p.began)) })
	}
}

func describeProgress(j job, now scenarios.Progress, took time.Duration) string {
	parts := []string{fmt.Sprintf("%s seed %d", j.scenario.Metadata.Name, j.options.Seed)}
	parts = append(parts, fmt.Sprintf("%v simulated", now.Simulated.Round(time.Second)))
	if seconds := took.Seconds(); seconds > 0 {
		parts = append(parts, fmt.Sprintf("%.0fx", now.Simulated.Seconds()/seconds))
	}
	parts = append(parts, thousands(now.Steps)+" events")
	var pods []string
	for _, phase := range now.Pods {
		pods = append(pods, fmt.Sprintf("%d %s", phase.Count, phase.Phase))
	}
	if len(pods) > 0 {
		parts = append(parts, "pods: "+strings.Join(pods, ", "))
	}
	if now.Step != "" {
		parts = append(parts, now.Step)
	}
	return strings.Join(parts, "  ")
}

// thousands groups a number's digits.
func thousands(n uint64) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// draw replaces the line, unless it was drawn a moment ago.
func (p *progressLine) draw(text func() string) {
	if p == nil || time.Since(p.drawn) < redrawEvery {
		return
	}
	p.drawn = time.Now()
	line := []rune(text())
	if width, _, err := term.GetSize(int(p.terminal.Fd())); err == nil && width > 1 && len(line) >= width {
		line = line[:width-1] // A full line would wrap.
	}
	fmt.Fprintf(p.terminal, "\r%s\x1b[K", string(line))
}

// clear takes the line away.
func (p *progressLine) clear() {
	if p != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.terminal, "\r\x1b[K")
		p.drawn = time.Time{}
	}
}
