package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
)

// testFlags are the flags of test.
type testFlags struct {
	run             string
	jobs            count
	seeds           seeds
	mode            mode
	timeout         duration
	failFast        bool
	junit, markdown string
	quiet           bool
}

func (a *app) testCommand() *cobra.Command {
	f := &testFlags{}
	c := &cobra.Command{
		Use:   "test PATH...",
		Short: "Run suites of scenarios, for CI",
		Long: `Run every scenario with every one of its seeds, spread over the processors. A PATH is a scenario file, a folder with
scenarios in it (folder and folder/... mean the same), or the name of a scenario of the library.

A line a scenario says how it went; for a failing one follow what did not hold and the command that repeats it. All
files are read before anything runs: a mistake in one of them ends the command with status 2.

On GitHub Actions the step summary is written without being asked for, unless --markdown names another file.

Exit status: 0 everything held; 1 something did not hold, or did not end in time; 2 bad files or flags; 3 a bug of
Fauxkube; 130 interrupted.`,
		Example: `  fauxkube test scenarios/...
  fauxkube test quickstart my-scenario.yaml --seeds 1-100
  fauxkube test scenarios --run 'rolling|drain' --junit junit.xml --timeout 10m`,
		ValidArgsFunction: completeScenarios,
		RunE:              func(c *cobra.Command, args []string) error { return a.test(c.Context(), f, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.run, "run", "", "only scenarios whose names match the regular `EXPRESSION`")
	flags.Var(&f.jobs, "jobs", "`NUMBER` of runs side by side (default: the processors)")
	flags.Var(&f.seeds, "seeds", "`SET` of seeds, e.g. 1-20 or 1-3,7, in place of the scenarios' own")
	flags.Var(&f.mode, "mode", modeUsage)
	flags.Var(&f.timeout, "timeout", "host `TIME` for all runs together; what has not ended by then has failed")
	flags.BoolVar(&f.failFast, "fail-fast", false, "stop at the first failure")
	flags.StringVar(&f.junit, "junit", "", "write JUnit XML to `FILE`, a case per expectation")
	flags.StringVar(&f.markdown, "markdown", "", "write a Markdown summary to `FILE`")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print failing scenarios only")
	completeChoices(c, "mode", sim.Benchmark.String(), sim.Hunt.String())
	return c
}

// test is the verb: find, prepare, run, render.
func (a *app) test(ctx context.Context, f *testFlags, args []string) error {
	sources, err := a.testSources(f, args)
	if err != nil {
		return err
	}
	junit, err := createOutput("--junit", f.junit)
	if err != nil {
		return err
	}
	defer junit.discard()
	markdown, err := createOutput("--markdown", f.markdown)
	if err != nil {
		return err
	}
	defer markdown.discard()
	s := newSuite(a, f, sources)
	s.execute(ctx)
	return errors.Join(s.writeFiles(junit, markdown), s.conclude(ctx))
}

// testSources loads all files before anything runs.
func (a *app) testSources(f *testFlags, args []string) ([]source, error) {
	if len(args) == 0 {
		return nil, errors.New("test wants a PATH, e.g. scenarios/...; see `fauxkube test --help`")
	}
	wanted, err := regexp.Compile(f.run)
	if err != nil {
		return nil, fmt.Errorf("--run: %w", err)
	}
	sources, err := a.loadAll(args)
	if err != nil {
		return nil, err
	}
	var chosen []source
	for _, s := range sources {
		if wanted.MatchString(s.scenario.Metadata.Name) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("--run: no scenario's name matches %s", f.run)
	}
	return chosen, nil
}

// suite is the runs of one test command.
type suite struct {
	app    *app
	flags  *testFlags
	line   *progressLine
	groups []*suiteGroup
	jobs   []job
	began  time.Time
	cancel context.CancelCauseFunc

	ended, failed int
	printed       int
	bugs          []error
}

// suiteGroup is one scenario with all its seeds: jobs first to first+len(reports)-1.
type suiteGroup struct {
	source
	first   int
	reports []*reports.Report
	missing int
}

func newSuite(a *app, f *testFlags, sources []source) *suite {
	s := &suite{app: a, flags: f, line: a.newProgressLine(false)}
	for _, source := range sources {
		g := &suiteGroup{source: source, first: len(s.jobs)}
		for _, seed := range seedsOf(source, f.seeds) {
			s.jobs = append(s.jobs, newJob(source, scenarios.Options{Seed: seed, Mode: sim.Mode(f.mode)}))
		}
		g.missing = len(s.jobs) - g.first
		g.reports = make([]*reports.Report, g.missing)
		s.groups = append(s.groups, g)
	}
	return s
}

// Why a suite ends before its end.
var (
	errFirstFailure = errors.New("another run had failed (--fail-fast)")
	errOutOfTime    = errors.New("out of host time (--timeout)")
)

func (s *suite) execute(ctx context.Context) {
	s.began = time.Now()
	ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(nil)
	if s.flags.timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, time.Duration(s.flags.timeout), errOutOfTime)
		defer stop()
	}
	parallel := int(s.flags.jobs)
	if parallel == 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	s.app.executeAll(ctx, s.jobs, parallel, func(i int, r *reports.Report, err error) { s.done(ctx, i, r, err) })
	s.line.clear()
	s.fillGaps(ctx)
	s.printGroups()
}

// done takes one run's result.
func (s *suite) done(ctx context.Context, i int, r *reports.Report, err error) {
	s.ended++
	if err != nil {
		s.bugs = append(s.bugs, err)
		r = s.unfinished(i, err.Error())
	}
	if r.Partial != "" && err == nil && errors.Is(context.Cause(ctx), errFirstFailure) {
		return // It was cut off, and says nothing about its scenario.
	}
	if r.Verdict != reports.Held {
		s.failed++
		if s.flags.failFast {
			s.cancel(errFirstFailure)
		}
	}
	s.put(i, r)
	s.line.clear()
	s.printGroups()
	s.line.draw(func() string { return fmt.Sprintf("%d of %d runs, %d failed", s.ended, len(s.jobs), s.failed) })
}

func (s *suite) put(i int, r *reports.Report) {
	for _, g := range s.groups {
		if at := i - g.first; at >= 0 && at < len(g.reports) {
			g.reports[at] = r
			g.missing--
		}
	}
}

// fillGaps accounts for the runs that never began or were cut off. After a first failure they are left out; for want
// of time, or interrupted, they have failed.
func (s *suite) fillGaps(ctx context.Context) {
	why := context.Cause(ctx)
	for _, g := range s.groups {
		for at, r := range g.reports {
			if r == nil && why != nil && !errors.Is(why, errFirstFailure) {
				s.put(g.first+at, s.unfinished(g.first+at, fmt.Sprintf("did not run: %v", why)))
				s.failed++
			}
		}
	}
	for _, g := range s.groups {
		g.missing = 0
	}
}

// unfinished stands for a run without a report of its own.
func (s *suite) unfinished(i int, why string) *reports.Report {
	j := s.jobs[i]
	return &reports.Report{
		Version:  reports.Version,
		Scenario: reports.Scenario{Name: j.scenario.Metadata.Name, File: j.scenario.File},
		Seed:     j.options.Seed, Mode: j.options.Mode.String(), Verdict: reports.Failed, Partial: why, Repeat: j.options.Repeat,
	}
}

// printGroups prints, in order, the scenarios of which all runs have ended.
func (s *suite) printGroups() {
	for s.printed < len(s.groups) && s.groups[s.printed].missing == 0 {
		s.printGroup(s.groups[s.printed])
		s.printed++
	}
}

func (s *suite) printGroup(g *suiteGroup) {
	ran, simulated, host := 0, 0.0, 0.0
	var failing []*reports.Report
	for _, r := range g.reports {
		if r == nil {
			continue
		}
		ran, simulated, host = ran+1, simulated+r.SimulatedSeconds, host+r.Host.Seconds
		if r.Verdict != reports.Held {
			failing = append(failing, r)
		}
	}
	if ran == 0 {
		fmt.Fprintf(s.app.out, "skip  %-32s %v\n", g.scenario.Metadata.Name, errFirstFailure)
		return
	}
	verdict := "ok  "
	switch {
	case len(failing) > 0:
		verdict = "FAIL"
	case s.flags.quiet:
		return
	}
	fmt.Fprintf(s.app.out, "%s  %-32s %s  %s simulated in %s\n", verdict, g.scenario.Metadata.Name, runsText(ran, failing),
		time.Duration(simulated*float64(time.Second)).Round(time.Second), time.Duration(host*float64(time.Second)).Round(10*time.Millisecond))
	if len(failing) > 0 {
		_ = s.app.printFailures(failing[0], "      ") // Standard output that is gone shows at the end.
	}
}

func runsText(ran int, failing []*reports.Report) string {
	text := fmt.Sprintf("%d seeds", ran)
	if ran == 1 {
		text = "1 seed"
	}
	if len(failing) == 0 || ran == 1 {
		return text
	}
	text = fmt.Sprintf("%d of %s failed:", len(failing), text)
	for i, r := range failing {
		if i == shownFailures {
			return text + " ..."
		}
		text += fmt.Sprintf(" %d", r.Seed)
	}
	return text
}

// all is every report, in order.
func (s *suite) all() []*reports.Report {
	var all []*reports.Report
	for _, g := range s.groups {
		for _, r := range g.reports {
			if r != nil {
				all = append(all, r)
			}
		}
	}
	return all
}

// writeFiles writes what CI systems read.
func (s *suite) writeFiles(junit, markdown *output) error {
	var xml, summary bytes.Buffer
	if err := reports.WriteJUnit(&xml, s.all()); err != nil {
		return err
	}
	if err := reports.WriteMarkdown(&summary, s.all()); err != nil {
		return err
	}
	err := errors.Join(junit.write(xml.Bytes()), markdown.write(summary.Bytes()))
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" && markdown == nil {
		err = errors.Join(err, appendTo(path, summary.Bytes()))
	}
	return err
}

// appendTo adds to a file that others write to as well.
func appendTo(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("the step summary cannot be written: %w", err)
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// conclude prints the totals and turns them into the exit status.
func (s *suite) conclude(ctx context.Context) error {
	held := 0
	for _, g := range s.groups {
		if g.held() {
			held++
		}
	}
	fmt.Fprintf(s.app.out, "%d of %d scenarios held, %d runs in %s\n", held, len(s.groups), s.ended, time.Since(s.began).Round(10*time.Millisecond))
	switch {
	case len(s.bugs) > 0:
		return errors.Join(s.bugs...)
	case ctx.Err() != nil:
		return errInterrupted
	case s.failed > 0:
		return errFailed
	}
	return nil
}

func (g *suiteGroup) held() bool {
	for _, r := range g.reports {
		if r == nil || r.Verdict != reports.Held {
			return false
		}
	}
	return true
}
