package reports

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// WriteJUnit renders runs as JUnit XML: a suite per scenario, a case per expectation, step and measure over all its
// seeds. A case's failure lists the failing seeds and the command that repeats the first.
func WriteJUnit(w io.Writer, runs []*Report) error {
	suites := junit.Testsuites{Name: "fauxkube"}
	for _, group := range groups(runs) {
		suite := junit.Testsuite{Name: clean(group.name), ID: len(suites.Suites)}
		for _, c := range group.cases() {
			test := junit.Testcase{Name: clean(c.name), Classname: clean(group.name), Time: fmt.Sprintf("%.3f", c.hostSeconds)}
			if len(c.failures) > 0 {
				test.Failure = &junit.Result{Message: clean(c.summary()), Data: clean(strings.Join(c.failures, "\n"))}
			}
			suite.AddTestcase(test)
		}
		suite.Time = fmt.Sprintf("%.3f", group.hostSeconds())
		suites.AddSuite(suite)
	}
	return suites.WriteXML(w)
}

// clean drops the control characters that XML cannot carry.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
}

// group is all runs of one scenario.
type group struct {
	name string
	runs []*Report
}

func groups(runs []*Report) []*group {
	var all []*group
	byKey := map[string]*group{}
	for _, r := range runs {
		key := r.Scenario.File + "\x00" + r.Scenario.Name
		g := byKey[key]
		if g == nil {
			g = &group{name: r.Scenario.Name}
			byKey[key] = g
			all = append(all, g)
		}
		g.runs = append(g.runs, r)
	}
	return all
}

func (g *group) hostSeconds() (sum float64) {
	for _, r := range g.runs {
		sum += r.Host.Seconds
	}
	return sum
}

// testCase is one property over all seeds.
type testCase struct {
	name        string
	seeds       []uint64
	repeat      string
	failures    []string
	hostSeconds float64
}

func (c *testCase) summary() string {
	return fmt.Sprintf("failing seeds: %s; repeat with: %s", strings.Trim(fmt.Sprint(c.seeds), "[]"), c.repeat)
}

// cases collects the properties in the order in which the runs report them. What no expectation covers (a run that
// broke off, findings, failing steps) is a case of its own, so that it cannot hide.
func (g *group) cases() []*testCase {
	var all []*testCase
	byName := map[string]*testCase{}
	note := func(r *Report, name string, v Verdict, message string) {
		c := byName[name]
		if c == nil {
			c = &testCase{name: name}
			byName[name] = c
			all = append(all, c)
		}
		if v == Held {
			return
		}
		if len(c.seeds) == 0 {
			c.repeat = r.Repeat
		}
		c.seeds = append(c.seeds, r.Seed)
		c.failures = append(c.failures, fmt.Sprintf("seed %d: %s", r.Seed, message))
	}
	for _, r := range g.runs {
		for _, e := range r.Expectations {
			note(r, e.ID, e.Verdict, strings.Join(append([]string{e.Message, e.Kind + ": " + e.Text}, e.Sides...), "\n  "))
		}
		for _, m := range r.Measures {
			note(r, m.ID, m.Verdict, m.Message)
		}
		runs := Held
		var problems []string
		for _, s := range r.Timeline {
			if s.Verdict == Failed {
				problems = append(problems, fmt.Sprintf("step %s: %s", s.ID, s.Error))
			}
		}
		for _, f := range r.Findings {
			problems = append(problems, f.Object+": "+f.Message)
		}
		if r.Partial != "" {
			problems = append(problems, r.Partial)
		}
		if len(problems) > 0 {
			runs = Failed
		}
		note(r, "runs to its end", runs, strings.Join(problems, "\n  "))
	}
	for _, c := range all {
		c.hostSeconds = g.hostSeconds() / float64(len(all))
	}
	return all
}
