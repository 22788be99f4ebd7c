package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/compare"
	"github.com/fauxkube/fauxkube/scenarios/library"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	options compare.Options
	seeds   seedCount
	shard   shard
	jobs    count
	quiet   bool
	files   comparisonFiles
	args    []string
	// given are the flags that only some kinds take and that are there.
	given []string
}

// sometimes are the flags that only some kinds of comparison take.
var sometimes = []string{"trace", "pods", "arrivals", "load", "process", "whole-cluster", "nodes"}

func (a *app) compareCommand() *cobra.Command {
	f := &compareFlags{}
	c := &cobra.Command{
		Use:     "compare SCENARIO... --scheduler A --scheduler B",
		Short:   "Compare schedulers on the same pods, seed by seed",
		Long:    compareLong(),
		Example: compareExample,
		RunE: func(c *cobra.Command, args []string) error {
			for _, name := range sometimes {
				if c.Flags().Changed(name) {
					f.given = append(f.given, name)
				}
			}
			return a.compare(c.Context(), f, args)
		},
	}
	var known, ties []string
	for _, k := range compare.Kinds {
		known, ties = append(known, k.Known()...), append(ties, k.Ties...)
		if k.Name != "" {
			c.ValidArgs = append(c.ValidArgs, k.Name)
		}
	}
	c.ValidArgs = append(c.ValidArgs, library.Names()...)
	flags := c.Flags()
	flags.StringSliceVar(&f.options.Schedulers, "scheduler", nil, "`SCHEDULERS` to compare: names, or files with a KubeSchedulerConfiguration")
	flags.Var(&f.seeds, "seeds", "`N`: the seeds 1 to N; or a set of them, e.g. 42-51 or 1-3,7")
	flags.Var((*oneSeed)(&f.seeds), "seed", "`SEED`: a single one")
	flags.StringVar(&f.options.Ties, "ties", "", "`RULE` for nodes of equal score: upstream, random or name")
	flags.StringVar(&f.options.Decides, "metric", "", "`METRIC` that decides who leads")
	flags.StringVar(&f.options.Trace, "trace", "", "`FOLDER` with traces")
	flags.StringSliceVar(&f.options.Pods, "pods", nil, "`FILES` of the folder that list pods, each a scenario")
	flags.BoolVar(&f.options.Arrivals, "arrivals", false, "pods of a trace come and go, and wait where they do not fit")
	flags.StringSliceVar(&f.options.Loads, "load", nil, "`PERCENT` of the GPUs that arriving pods ask for, or "+compare.Recorded+" times, or x400: those 400 times as fast; several make several scenarios")
	flags.StringVar(&f.options.Process, "process", "", "`PROCESS` by which the pods of a load arrive: "+strings.Join(compare.Processes(), ", "))
	flags.BoolVar(&f.options.WholeCluster, "whole-cluster", false, "a trace's pods go through a whole simulated cluster, one after the other")
	flags.IntVar(&f.options.Nodes, "nodes", 0, "`NUMBER` of nodes of a made-up cluster")
	flags.Var(&f.shard, "shard", "do `I/N` of the runs, the I-th of N parts")
	flags.Var(&f.jobs, "jobs", "`NUMBER` of runs at once (default: one for each core)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress bar, and only the verdict")
	f.files.addFlags(c)
	c.MarkFlagsMutuallyExclusive("seed", "seeds")
	slices.Sort(ties)
	completeChoices(c, "ties", slices.Compact(ties)...)
	completeChoices(c, "scheduler", known...)
	completeChoices(c, "process", compare.Processes()...)
	return c
}

const compareExample = `  fauxkube compare
  fauxkube compare packing --scheduler default,most-allocated,bin-packing
  fauxkube compare packing zone-spread --scheduler default,my-scheduler.yaml --seeds 20 --html report.html
  fauxkube compare synthetic --load 85,95,105 --process bursty --scheduler fgd,bestfit
  fauxkube compare openb --trace traces --arrivals
  fauxkube compare openb --trace traces --scheduler fgd,bestfit --seeds 42-51
  fauxkube compare openb --trace traces --whole-cluster --scheduler fgd --seed 42
  fauxkube compare openb --trace traces --shard 1/2 --json part1.json`

// compareLong is the help, with what the table of kinds says.
func compareLong() string {
	var b strings.Builder
	b.WriteString(`Compare schedulers: every scheduler with every seed, side by side on all cores, paired by seed. The verdict says which
is better, by how much, or that the data can't tell; tables, intervals and tests follow.

What they are compared on:
`)
	for _, k := range compare.Kinds {
		name := k.Name
		if name == "" {
			name = "SCENARIO..."
		}
		fmt.Fprintf(&b, "\n%s\n%s\n  schedulers: %s\n  ties: %s; seeds unless given: %s\n", name, indented(k.About), strings.Join(k.Known(), ", "), strings.Join(k.Ties, ", "), k.Seeds)
	}
	b.WriteString(`
With --json, finished runs are kept in FILE.runs until all are done: a comparison that was stopped resumes when the same
command is given again. --shard splits one over several machines; merge puts the parts together.

Exit status: 0 compared; 2 bad files or flags; 3 a bug of Fauxkube; 130 interrupted, the report is partial.`)
	return b.String()
}

// indented breaks a text into lines for the help.
func indented(text string) string {
	const width = 116
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		if len(*last)+1+len(word) > width {
			lines = append(lines, "")
			last = &lines[len(lines)-1]
		}
		*last = strings.TrimSpace(*last + " " + word)
	}
	return "  " + strings.Join(lines, "\n  ")
}

// shard is a flag that takes a part of a comparison.
type shard compare.Shard

func (s *shard) String() string { return compare.Shard(*s).String() }
func (s *shard) Type() string   { return "shard" }
func (s *shard) Set(text string) error {
	parsed, err := compare.ParseShard(text)
	*s = shard(parsed)
	return err
}

// compare is the verb.
func (a *app) compare(ctx context.Context, f *compareFlags, args []string) error {
	f.options.Load = func(argument string) ([]*scenarios.Scenario, error) {
		sources, err := a.load(argument, false)
		var found []*scenarios.Scenario
		for _, s := range sources {
			found = append(found, s.scenario)
		}
		return found, err
	}
	f.options.Started = a.started
	f.options.Stopwatch = func() *scheduler.Stopwatch { return &scheduler.Stopwatch{Now: hostClock} }
	subject, err := f.subject(args)
	if err != nil {
		return err
	}
	return a.compareOn(ctx, f, subject)
}

// compareOn runs what has not been run, and renders all of it.
func (a *app) compareOn(ctx context.Context, f *compareFlags, subject compare.Subject) error {
	header := subject.Header()
	header.Binary = build()
	outputs, err := f.files.create()
	if err != nil {
		return err
	}
	defer outputs.discard()
	m := &matrix{subject: subject, repeat: f.repeat}
	if f.files.json != "" {
		if m.journal, m.runs, err = compare.OpenJournal(f.files.json+".runs", header); err != nil {
			return err
		}
	}
	part := compare.Shard(f.shard).Part(compare.Cells(header))
	left := compare.Without(part, m.runs)
	if resumed := len(part) - len(left); resumed > 0 && !f.quiet {
		fmt.Fprintf(a.err, "resuming: %d of %d runs are there\n", resumed, len(part))
	}
	if err := m.run(ctx, left, f.parallel(), a.newProgressBar(len(part), len(left), f.quiet)); err != nil {
		return errors.Join(err, m.journal.Close())
	}
	d := comparison.New(header, subject.Metrics(), m.runs)
	d.Partial = f.partial(ctx, len(d.Runs()), len(part), len(compare.Cells(header)))
	if err := errors.Join(outputs.write(d), a.presentComparison(f, d)); err != nil {
		return errors.Join(err, m.journal.Close())
	}
	if ctx.Err() != nil {
		return errors.Join(errInterrupted, m.journal.Close())
	}
	return m.journal.Remove()
}

// subject is what the arguments name.
func (f *compareFlags) subject(args []string) (compare.Subject, error) {
	kind, rest := compare.KindOf(args)
	f.args = args
	for _, name := range f.given {
		if !slices.Contains(kind.Flags, name) {
			return nil, fmt.Errorf("--%s says nothing about %s; see `fauxkube compare --help`", name, strings.Join(args, " "))
		}
	}
	if compare.Shard(f.shard).Of > 0 && f.files.json == "" {
		return nil, errors.New("--shard wants --json FILE: the parts are merged from their files")
	}
	if len(f.seeds) == 0 {
		if err := f.seeds.Set(kind.Seeds); err != nil {
			panic(err)
		}
	}
	o := f.options
	o.Scenarios, o.Seeds = rest, f.seeds
	return kind.Subject(o)
}

// repeat is the command that does one of the runs again.
func (f *compareFlags) repeat(c compare.Cell) string {
	words := append([]string{"fauxkube", "compare"}, f.args...)
	if f.options.Trace != "" {
		words = append(words, "--trace", f.options.Trace)
	}
	if len(f.options.Pods) > 0 {
		words = append(words, "--pods", strings.Join(f.options.Pods, ","))
	}
	if f.options.Arrivals {
		words = append(words, "--arrivals")
	}
	if f.options.WholeCluster {
		words = append(words, "--whole-cluster")
	}
	if len(f.options.Loads) > 0 {
		words = append(words, "--load", strings.Join(f.options.Loads, ","))
	}
	if f.options.Process != "" {
		words = append(words, "--process", f.options.Process)
	}
	if f.options.Nodes != 0 {
		words = append(words, "--nodes", fmt.Sprint(f.options.Nodes))
	}
	if f.options.Ties != "" {
		words = append(words, "--ties", f.options.Ties)
	}
	return commandLine(append(words, "--scheduler", c.Scheduler, "--seed", fmt.Sprint(c.Seed))...)
}

func (f *compareFlags) parallel() int {
	if f.jobs > 0 {
		return int(f.jobs)
	}
	return runtime.GOMAXPROCS(0)
}

// partial is why runs are missing.
func (f *compareFlags) partial(ctx context.Context, done, part, all int) string {
	switch {
	case ctx.Err() != nil && f.files.json == "":
		return fmt.Sprintf("interrupted after %d of %d runs; with --json FILE it would resume", done, part)
	case ctx.Err() != nil:
		return fmt.Sprintf("interrupted after %d of %d runs; the same command resumes it", done, part)
	case done < all:
		return fmt.Sprintf("shard %s, %d of %d runs; fauxkube merge puts the parts together", f.shard.String(), done, all)
	}
	return ""
}

// matrix runs the cells of a comparison.
type matrix struct {
	subject compare.Subject
	journal *compare.Journal
	repeat  func(compare.Cell) string

	mutex sync.Mutex
	runs  []comparison.Run
}

// run runs cells side by side. Once ctx has ended, or one broke down, nothing new begins.
func (m *matrix) run(ctx context.Context, cells []compare.Cell, parallel int, bar *progressBar) error {
	defer bar.stop()
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, c := range cells {
		group.Go(func() error {
			if inner.Err() != nil {
				return nil
			}
			// The clock is the thread's.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			began := hostClock()
			r, err := m.one(inner, c)
			switch {
			case err != nil && inner.Err() != nil && errors.Is(err, inner.Err()):
				return nil
			case err != nil:
				return err
			}
			if r.Host == 0 {
				r.Host = hostClock() - began
			}
			bar.step()
			return m.keep(r)
		})
	}
	return group.Wait()
}

// one runs a cell. A panic comes out as a *bugError.
func (m *matrix) one(ctx context.Context, c compare.Cell) (r comparison.Run, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &bugError{what: fmt.Sprint(value), stack: string(debug.Stack()), run: c.String(), repeat: m.repeat(c), trace: "a run without simulated time has no trace"}
		}
	}()
	return m.subject.Run(ctx, c)
}

func (m *matrix) keep(r comparison.Run) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.runs = append(m.runs, r)
	return m.journal.Append(r)
}

// presentComparison prints the report; of a shard, what to do with it.
func (a *app) presentComparison(f *compareFlags, d *comparison.Document) error {
	if compare.Shard(f.shard).Of > 1 || f.quiet {
		_, err := fmt.Fprintln(a.out, d.Brief())
		return err
	}
	return d.WriteTerminal(a.out, wantsColor(a.out))
}
