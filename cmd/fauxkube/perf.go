package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/workloads/schedulerperf"
)

// perfFlags are the flags of perf.
type perfFlags struct {
	tests, workloads, labels []string
	topic                    string
	seed                     oneSeed
	json                     string
	list, skip, quiet        bool
}

func (a *app) perfCommand() *cobra.Command {
	f := &perfFlags{}
	c := &cobra.Command{
		Use:   "perf CONFIG...",
		Short: "Run kube-scheduler's scheduler_perf benchmark cases",
		Long: `Run benchmark cases in the form of kube-scheduler's own scheduler_perf: performance-config.yaml files and the templates
beside them, as they are (test/integration/scheduler_perf of kubernetes/kubernetes). CONFIG is such a file, or its folder.
Workloads run one after the other, each on a control plane of its own with nodes that have no kubelets, as upstream's.

Two throughputs are given, never mixed: simulated pods per second are of the virtual clock, by the cost model, and repeat with the seed;
host pods per second are what this simulator takes on this machine. Upstream's thresholds were made for host throughput on its
own machines: they are compared with the host's figure as information, and fail nothing.

Everything is read and checked before anything runs. Workloads that need a Go hook, as those of dynamic resource allocation, are refused by
name; --skip-refused leaves them out.

Exit status: 0 all workloads ran; 1 one did not come to its end; 2 bad files or flags; 3 a bug of Fauxkube; 130 interrupted.`,
		Example: `  fauxkube perf misc/performance-config.yaml --label short
  fauxkube perf misc affinity topology_spreading --label performance --json items.json
  fauxkube perf misc --test SchedulingBasic --workload 5000Nodes_10000Pods
  fauxkube perf misc --list`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("perf wants at least one performance-config.yaml, or its folder; see `fauxkube perf --help`")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.perf(c.Context(), f, args) },
	}
	if err := f.seed.Set("1"); err != nil {
		panic(err)
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.tests, "test", nil, "only test cases of these `NAMES`; * stands for anything")
	flags.StringSliceVar(&f.workloads, "workload", nil, "only workloads of these `NAMES`; * stands for anything")
	flags.StringSliceVar(&f.labels, "label", nil, "only workloads with these `LABELS`; -label: without it")
	flags.StringVar(&f.topic, "topic", "", "`NAME` under which upstream runs the folder, where thresholds differ by it (default: the folder's name)")
	flags.Var(&f.seed, "seed", "`SEED` of every run")
	flags.StringVar(&f.json, "json", "", "write the figures to `FILE`, as DataItems for perf-dash")
	flags.BoolVar(&f.list, "list", false, "name the workloads with their labels, run nothing")
	flags.BoolVar(&f.skip, "skip-refused", false, "leave out workloads that cannot be run here, and say why")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	return c
}

// perfJob is a workload to run.
type perfJob struct {
	config   string
	testCase *schedulerperf.Case
	workload *schedulerperf.Workload
	run      *schedulerperf.Run
}

func (j perfJob) name() string { return j.testCase.Name + "/" + j.workload.Name }

// perf is the verb.
func (a *app) perf(ctx context.Context, f *perfFlags, configs []string) error {
	jobs, err := f.find(configs)
	if err != nil {
		return err
	}
	if f.list {
		return a.listPerf(jobs)
	}
	file, err := createOutput("--json", f.json)
	if err != nil {
		return err
	}
	defer file.discard()
	if jobs, err = a.preparePerf(f, jobs); err != nil {
		return err
	}
	results, failed := a.runPerf(ctx, f, jobs)
	if len(results) > 0 || failed == nil {
		err = errors.Join(presentPerf(a.out, results), file.write(schedulerperf.JSON(results...)))
	}
	return errors.Join(failed, err)
}

// find reads the configurations and selects workloads.
func (f *perfFlags) find(configs []string) ([]perfJob, error) {
	var jobs []perfJob
	for _, config := range configs {
		if info, err := os.Stat(config); err == nil && info.IsDir() {
			config = filepath.Join(config, "performance-config.yaml")
		}
		cases, err := schedulerperf.Load(filepath.ToSlash(config), readPerf)
		if err != nil {
			return nil, err
		}
		for _, c := range cases {
			for i := range c.Workloads {
				w := &c.Workloads[i]
				if matchesAny(f.tests, c.Name) && matchesAny(f.workloads, w.Name) && c.Selected(w, f.labels) {
					jobs = append(jobs, perfJob{config: config, testCase: c, workload: w})
				}
			}
		}
	}
	if len(jobs) == 0 {
		return nil, errors.New("no workload of that test, name and label; --list without them names all")
	}
	return jobs, nil
}

func readPerf(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.FromSlash(name))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file", name)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	return data, nil
}

// matchesAny reports whether a name is one of the patterns; no patterns match every name.
func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		parts := strings.Split(p, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(name) {
			return true
		}
	}
	return len(patterns) == 0
}

// preparePerf prepares every workload before the first runs.
func (a *app) preparePerf(f *perfFlags, jobs []perfJob) ([]perfJob, error) {
	began := time.Now()
	var ready []perfJob
	var refused []error
	for _, j := range jobs {
		topic := f.topic
		if topic == "" {
			topic = filepath.Base(filepath.Dir(j.config))
		}
		run, err := j.testCase.Prepare(j.workload, schedulerperf.Options{
			Seed: f.seed[0], Topic: topic, HostNow: func() time.Duration { return time.Since(began) },
		})
		if err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", j.config, err))
			continue
		}
		j.run = run
		ready = append(ready, j)
	}
	if len(refused) > 0 && (!f.skip || len(ready) == 0) {
		return nil, errors.Join(refused...)
	}
	for _, err := range refused {
		fmt.Fprintf(a.err, "left out: %v\n", err)
	}
	return ready, nil
}

// runPerf runs the workloads one after the other: they are timed. A workload that fails does not keep the others.
func (a *app) runPerf(ctx context.Context, f *perfFlags, jobs []perfJob) (results []*schedulerperf.Result, err error) {
	for i, j := range jobs {
		if ctx.Err() != nil {
			return results, errors.Join(err, errInterrupted)
		}
		began := time.Now()
		result, failure := j.do(ctx, f)
		var bug *bugError
		switch {
		case errors.As(failure, &bug):
			return results, failure
		case ctx.Err() != nil:
			return results, errors.Join(err, errInterrupted)
		case failure != nil:
			fmt.Fprintf(a.err, "fauxkube: %s: %v\n", j.config, failure)
			err = errFailed
		}
		if result != nil {
			results = append(results, result)
		}
		if !f.quiet {
			fmt.Fprintf(a.err, "%d of %d: %s, %.1f s\n", i+1, len(jobs), j.name(), time.Since(began).Seconds())
		}
		runtime.GC() // the next one is timed
	}
	return results, err
}

// do runs a workload. A panic comes out as a *bugError.
func (j perfJob) do(ctx context.Context, f *perfFlags) (result *schedulerperf.Result, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &bugError{
				what: fmt.Sprint(value), stack: string(debug.Stack()), run: j.name(), trace: "perf keeps no trace",
				repeat: commandLine("fauxkube", "perf", j.config, "--test", j.testCase.Name, "--workload", j.workload.Name, "--seed", f.seed.String()),
			}
		}
	}()
	return j.run.Do(ctx)
}

func (a *app) listPerf(jobs []perfJob) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TEST\tWORKLOAD\tLABELS")
	for _, j := range jobs {
		labels := append(append([]string{}, j.testCase.Labels...), j.workload.Labels...)
		fmt.Fprintf(w, "%s\t%s\t%s\n", j.testCase.Name, j.workload.Name, strings.Join(labels, ","))
	}
	return w.Flush()
}

// presentPerf prints a line for each measurement.
func presentPerf(out io.Writer, results []*schedulerperf.Result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tSIMULATED pods/s\t\t\tHOST pods/s\t\t\tTHRESHOLD")
	fmt.Fprintln(w, "MEASUREMENT\tAVERAGE\tP50\tP99\tAVERAGE\tP50\tP99\t(host clock, informative)")
	for _, r := range results {
		for _, item := range r.Items {
			if item.Labels["Metric"] != schedulerperf.SimulatedThroughput {
				continue
			}
			name := item.Labels["Name"]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", strings.TrimPrefix(name, schedulerperf.NamePrefix), figures(item.Data), figures(hostFigures(r, name)), verdictOf(r, name))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, `
SIMULATED: the virtual clock, by the cost model; repeats with the seed. HOST: what this simulator takes on this machine.
Thresholds are upstream's, for host throughput on its own machines: information, no run fails by them.`)
	return err
}

func hostFigures(r *schedulerperf.Result, name string) map[string]float64 {
	for _, item := range r.Items {
		if item.Labels["Metric"] == schedulerperf.Throughput && item.Labels["Name"] == name {
			return item.Data
		}
	}
	return nil
}

func figures(data map[string]float64) string {
	if len(data) == 0 {
		return "-\t-\t-"
	}
	return fmt.Sprintf("%.0f\t%.0f\t%.0f", data["Average"], data["Perc50"], data["Perc99"])
}

func verdictOf(r *schedulerperf.Result, name string) string {
	var words []string
	for _, v := range r.Verdicts {
		if v.Name != name {
			continue
		}
		sign, word := ">", "met"
		if v.ExpectLower {
			sign = "<"
		}
		switch {
		case v.Missing != "":
			word = v.Missing
		case !v.Met():
			word = "not met"
		}
		what := fmt.Sprintf("%s %g: %s", sign, v.Threshold, word)
		if v.Metric != schedulerperf.Throughput || v.Bucket != "Average" {
			what = v.Metric + " " + v.Bucket + " " + what
		}
		words = append(words, what)
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, "; ")
}
