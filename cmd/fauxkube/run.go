package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
)

// runFlags are the flags of run.
type runFlags struct {
	manifests        []string
	nodes            count
	skipUnknownKinds bool

	seeds    seeds
	duration duration
	mode     mode

	json, trace string
	explain     []string
	restore     string
	quiet       bool
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "run (SCENARIO | -f MANIFEST...)",
		Short: "Run a scenario, or your manifests on a default cluster",
		Long: `Run a scenario: the name of one of the library (see list), a file, or - for standard input. All its seeds run, one
after the other, unless --seed or --seeds says otherwise.

With -f no scenario is needed: the manifests are applied to a cluster of --nodes nodes, and the run ends when everything
in them is ready, or cannot become so, with what is not and why.

The report goes to standard output. Its last line is the digest over everything that happened: equal digests, equal
runs. An interrupt stops between two steps and prints the report so far, marked as partial.

Exit status: 0 everything held; 1 something did not hold, or never became ready; 2 bad files or flags; 3 a bug of
Fauxkube; 130 interrupted.`,
		Example: `  fauxkube run quickstart
  fauxkube run quickstart --seeds 1-20 --quiet
  fauxkube run -f app.yaml --nodes 10
  fauxkube run my-scenario.yaml --seed 7 --json report.json --trace run.trace`,
		ValidArgsFunction: completeOneScenario,
		RunE:              func(c *cobra.Command, args []string) error { return a.run(c.Context(), f, args) },
	}
	f.add(c)
	c.Flags().StringVar(&f.restore, "restore", "", "`FILE` with a saved store that the cluster begins with; see etcd snapshot")
	return c
}

// add adds the flags that run shares with etcd snapshot restore.
func (f *runFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringArrayVarP(&f.manifests, "file", "f", nil, "`MANIFEST` to apply: a file, a folder, or - for standard input; may be given again")
	flags.Var(&f.nodes, "nodes", fmt.Sprintf("`NUMBER` of nodes, with -f (default %d)", defaultNodes))
	flags.BoolVar(&f.skipUnknownKinds, "skip-unknown-kinds", false, "leave out objects of kinds that are not served, and list them")
	flags.Var(&f.seeds, "seeds", "`SET` of seeds, e.g. 7, 1-20 or 1-3,7, in place of the scenario's")
	flags.Var((*oneSeed)(&f.seeds), "seed", "`SEED`, in place of the scenario's")
	flags.Var(&f.duration, "duration", "simulated `TIME` after which the run ends")
	flags.Var(&f.mode, "mode", modeUsage)
	flags.StringVar(&f.json, "json", "", "write the report as JSON to `FILE`")
	flags.StringVar(&f.trace, "trace", "", "write every step to `FILE`; see trace")
	flags.StringArrayVar(&f.explain, "explain", nil, "explain every scheduling decision about a `POD`: namespace/name, or a pattern as web-*; may be given again")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print only what did not hold, and the digest")
	c.MarkFlagsMutuallyExclusive("seed", "seeds")
	completeChoices(c, "mode", sim.Benchmark.String(), sim.Hunt.String())
}

// run is the verb: find, prepare, run, render.
func (a *app) run(ctx context.Context, f *runFlags, args []string) error {
	sources, err := a.runSources(f, args)
	if unknown := new(api.ErrNotServed); errors.As(err, &unknown) {
		return fmt.Errorf("%w; --skip-unknown-kinds leaves out what is not served", err)
	}
	if err != nil {
		return err
	}
	jobs, err := f.jobs(sources)
	if err != nil {
		return err
	}
	if f.trace != "" && len(jobs) > 1 {
		return fmt.Errorf("--trace records one run, and this would be %d: add --seed N", len(jobs))
	}
	jsonFile, err := createOutput("--json", f.json)
	if err != nil {
		return err
	}
	defer jsonFile.discard()
	traceFile, err := createOutput("--trace", f.trace)
	if err != nil {
		return err
	}
	defer traceFile.discard()
	if traceFile != nil {
		jobs[0].options.Trace = traceFile.writer()
	}
	runs, err := a.runEach(ctx, jobs, f.quiet)
	if status(err) == statusBug {
		return errors.Join(err, traceFile.commit()) // The trace of a run that broke down is the more welcome.
	}
	if err != nil {
		return err
	}
	if err := errors.Join(traceFile.commit(), jsonFile.write(reportsJSON(runs))); err != nil {
		return err
	}
	return a.conclude(ctx, runs, f.quiet)
}

// runSources loads what the arguments or -f name.
func (a *app) runSources(f *runFlags, args []string) ([]source, error) {
	switch {
	case len(f.manifests) > 0 && len(args) > 0:
		return nil, fmt.Errorf("both a scenario (%s) and -f (%s): give one of them", args[0], f.manifests[0])
	case len(f.manifests) > 0:
		return a.manifestSource(f)
	case len(args) != 1:
		return nil, fmt.Errorf("run wants a SCENARIO or -f MANIFEST, got %d arguments; see `fauxkube run --help`", len(args))
	case f.nodes > 0:
		return nil, errors.New("--nodes goes with -f: a scenario's nodePools say how many nodes it has")
	}
	return a.load(args[0], f.skipUnknownKinds)
}

// jobs is a job for each scenario and seed.
func (f *runFlags) jobs(sources []source) ([]job, error) {
	var flags []string
	var restore []byte
	if f.restore != "" {
		flags = append(flags, "--restore", f.restore)
		var err error
		if restore, _, err = readSnapshot(f.restore); err != nil {
			return nil, err
		}
	}
	if f.duration > 0 {
		flags = append(flags, "--duration", f.duration.String())
	}
	if f.skipUnknownKinds {
		flags = append(flags, "--skip-unknown-kinds")
	}
	var jobs []job
	for _, s := range sources {
		for _, seed := range seedsOf(s, f.seeds) {
			jobs = append(jobs, newJob(s, scenarios.Options{
				Seed: seed, Mode: sim.Mode(f.mode), Duration: time.Duration(f.duration), SkipUnknownKinds: f.skipUnknownKinds,
				Explain: f.explain, Restore: restore,
			}, flags...))
		}
	}
	return jobs, nil
}

// seedsOf is what the command line asks for, else what the scenario does, else 1.
func seedsOf(s source, asked seeds) []uint64 {
	switch {
	case len(asked) > 0:
		return asked
	case len(s.scenario.Spec.Seeds) > 0:
		return s.scenario.Spec.Seeds
	}
	return []uint64{1}
}

// runEach runs jobs one after the other and prints each report as it comes. It ends early where a run breaks down or
// is interrupted.
func (a *app) runEach(ctx context.Context, jobs []job, quiet bool) ([]*reports.Report, error) {
	line := a.newProgressLine(quiet)
	var runs []*reports.Report
	for _, j := range jobs {
		j.options.Progress = line.of(j)
		report, err := a.execute(ctx, j)
		line.clear()
		if err != nil {
			return runs, err
		}
		runs = append(runs, report)
		if err := a.present(report, quiet, len(jobs) > 1); err != nil || ctx.Err() != nil {
			return runs, err
		}
	}
	return runs, nil
}

// present prints one run's report.
func (a *app) present(r *reports.Report, quiet, several bool) error {
	if quiet {
		return a.printFailures(r, "")
	}
	err := r.WriteTerminal(a.out, wantsColor(a.out))
	if err == nil && several {
		_, err = fmt.Fprintln(a.out)
	}
	return err
}

// conclude turns verdicts into the last line and the exit status. A single report has ended with its digest; several
// are followed by one over theirs.
func (a *app) conclude(ctx context.Context, runs []*reports.Report, quiet bool) error {
	failed := 0
	for _, r := range runs {
		if r.Verdict != reports.Held {
			failed++
		}
	}
	if len(runs) > 1 {
		fmt.Fprintf(a.out, "%d of %d runs held\n", len(runs)-failed, len(runs))
	}
	if len(runs) > 1 || quiet {
		fmt.Fprintf(a.out, "digest: %s\n", commonDigest(runs))
	}
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case failed > 0:
		return errFailed
	}
	return nil
}

// commonDigest is a single run's digest, or the hash over those of several.
func commonDigest(runs []*reports.Report) string {
	if len(runs) == 1 {
		return runs[0].Digest
	}
	h := fnv.New64a()
	for _, r := range runs {
		fmt.Fprintln(h, r.Digest)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// reportsJSON is one report, or a list of several.
func reportsJSON(runs []*reports.Report) []byte {
	if len(runs) == 1 {
		return runs[0].JSON()
	}
	data, err := json.MarshalIndent(runs, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("reports cannot be encoded: %v", err))
	}
	return append(data, '\n')
}

func uintText(n uint64) string { return strconv.FormatUint(n, 10) }
