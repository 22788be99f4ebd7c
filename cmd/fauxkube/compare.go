package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios/compare"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	trace      string
	pods       []string
	schedulers []string
	seeds      seeds
	ties       string
	shard      shard
	jobs       count
	quiet      bool
	files      comparisonFiles
}

// The published comparison.
const (
	publishedPods  = "openb_pod_list_default.csv"
	publishedSeeds = "42-51"
)

func (a *app) compareCommand() *cobra.Command {
	f := &compareFlags{ties: string(openb.ByName)}
	c := &cobra.Command{
		Use:   "compare openb --trace FOLDER",
		Short: "Compare schedulers on the same pods, seed by seed",
		Long: `Compare schedulers: every scheduler with every seed, side by side on all cores, paired by seed. The verdict says which
is better, by how much, or that the data can't tell; tables, intervals and tests follow.

openb is the protocol of "Beware of Fragmentation" (USENIX ATC 2023) on traces of a cluster with 6212 GPUs: pods arrive
one by one until they have asked for 1.3 times the GPUs, what fits nowhere fails, nothing departs. The traces are those of
github.com/hkust-adsl/kubernetes-scheduler-simulator, folder data/csv; --trace is where they are.

With --json, finished runs are kept in FILE.runs until all are done: a comparison that was stopped resumes when the same
command is given again. --shard splits one over several machines; merge puts the parts together.

Exit status: 0 compared; 2 bad files or flags; 3 a bug of Fauxkube; 130 interrupted, the report is partial.`,
		Example: `  fauxkube compare openb --trace traces
  fauxkube compare openb --trace traces --scheduler fgd,bestfit --seeds 1-30 --html report.html
  fauxkube compare openb --trace traces --pods openb_pod_list_gpuspec33.csv --json result.json
  fauxkube compare openb --trace traces --shard 1/2 --json part1.json`,
		ValidArgs: []string{"openb"},
		RunE:      func(c *cobra.Command, args []string) error { return a.compare(c.Context(), f, args) },
	}
	if err := f.seeds.Set(publishedSeeds); err != nil {
		panic(err)
	}
	flags := c.Flags()
	flags.StringVar(&f.trace, "trace", "", "`FOLDER` with the traces")
	flags.StringSliceVar(&f.pods, "pods", []string{publishedPods}, "`FILES` of the folder that list pods, each a scenario")
	flags.StringSliceVar(&f.schedulers, "scheduler", compare.Schedulers(), "`SCHEDULERS` to compare, or "+compare.Bound+", the most that any could allocate")
	flags.Var(&f.seeds, "seeds", "`SET` of seeds, e.g. 7, 1-20 or 1-3,7")
	flags.Var(newChoice(&f.ties, string(openb.ByName), string(openb.AtRandom)), "ties", "who wins among nodes of equal score: the first by `name`, or random")
	flags.Var(&f.shard, "shard", "do `I/N` of the runs, the I-th of N parts")
	flags.Var(&f.jobs, "jobs", "`NUMBER` of runs at once (default: one for each core)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress bar, and only the verdict")
	f.files.addFlags(c)
	completeChoices(c, "ties", string(openb.ByName), string(openb.AtRandom))
	completeChoices(c, "scheduler", append(compare.Schedulers(), compare.Bound)...)
	return c
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
	m := &matrix{subject: subject, repeat: f.repeat()}
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
	switch {
	case len(args) != 1 || args[0] != "openb":
		return nil, fmt.Errorf("compare wants openb as what to compare on, got %q; see `fauxkube compare --help`", strings.Join(args, " "))
	case f.trace == "":
		return nil, errors.New("compare openb wants --trace FOLDER: where the openb traces are; see `fauxkube compare --help` for where they come from")
	case compare.Shard(f.shard).Of > 0 && f.files.json == "":
		return nil, errors.New("--shard wants --json FILE: the parts are merged from their files")
	}
	for i, name := range f.schedulers {
		f.schedulers[i] = strings.ToLower(strings.TrimSpace(name))
	}
	s, err := compare.NewOpenb(compare.OpenbOptions{
		Folder: f.trace, Pods: f.pods, Schedulers: f.schedulers, Seeds: f.seeds, Ties: openb.Ties(f.ties),
	})
	if err != nil {
		return nil, err // A nil *Openb would not be a nil Subject.
	}
	return s, nil
}

// repeat is the command that does the same again.
func (f *compareFlags) repeat() string {
	return commandLine("fauxkube", "compare", "openb", "--trace", f.trace, "--pods", strings.Join(f.pods, ","),
		"--scheduler", strings.Join(f.schedulers, ","), "--seeds", f.seeds.String(), "--ties", f.ties)
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
	repeat  string

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
			began := time.Now()
			r, err := m.one(c)
			if err != nil {
				return err
			}
			r.Host = time.Since(began)
			bar.step()
			return m.keep(r)
		})
	}
	return group.Wait()
}

// one runs a cell. A panic comes out as a *bugError.
func (m *matrix) one(c compare.Cell) (r comparison.Run, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &bugError{what: fmt.Sprint(value), stack: string(debug.Stack()), run: c.String(), repeat: m.repeat, trace: "a run without simulated time has no trace"}
		}
	}()
	return m.subject.Run(c)
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
