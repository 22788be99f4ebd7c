package main

import (
	"fmt"
	"strings"

	"github.com/fauxkube/fauxkube/reports"
)

// shownFailures is how many failures of one run are worth reading at once.
const shownFailures = 10

// failureLines says what did not hold in a run, for somebody who has not seen the scenario: the message, the
// expression, and the values of both its sides.
func failureLines(r *reports.Report) []string {
	var lines []string
	shown := 0
	detailed := map[string]bool{}
	for _, e := range r.Expectations {
		if e.Verdict == reports.Held {
			continue
		}
		message := e.ID + ": " + e.Message
		detailed[message] = true
		lines = append(lines, message, "  "+e.Kind+": "+strings.Join(strings.Fields(e.Text), " "))
		for _, side := range e.Sides {
			lines = append(lines, "  "+side)
		}
	}
	for _, failure := range r.Failures() {
		if detailed[failure] {
			continue
		}
		if shown++; shown <= shownFailures {
			lines = append(lines, failure)
		}
	}
	if shown > shownFailures {
		lines = append(lines, fmt.Sprintf("and %d more", shown-shownFailures))
	}
	for _, step := range r.Timeline {
		if step.Verdict == reports.NotSeen {
			lines = append(lines, fmt.Sprintf("step %s: not decided: the run ended before it", step.ID))
		}
	}
	if r.Partial != "" {
		lines = append(lines, "partial: "+r.Partial)
	}
	return lines
}

// printFailures prints what did not hold, and how to see it again. A run that held prints nothing.
func (a *app) printFailures(r *reports.Report, indent string) error {
	if r.Verdict == reports.Held && r.Partial == "" {
		return nil
	}
	lines := []string{fmt.Sprintf("seed %d: %s", r.Seed, r.Verdict)}
	for _, line := range failureLines(r) {
		for part := range strings.SplitSeq(line, "\n") {
			lines = append(lines, "  "+part)
		}
	}
	for _, line := range append(lines, "repeat with: "+r.Repeat) {
		if _, err := fmt.Fprintln(a.out, indent+line); err != nil {
			return err
		}
	}
	return nil
}
