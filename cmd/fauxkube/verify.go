package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/lockstep"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	seeds      seeds
	mode       mode
	gomaxprocs []int
}

func (a *app) verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use:   "verify SCENARIO",
		Short: "Prove that a scenario repeats: two processes in lock-step",
		Long: `Run a scenario in two processes at once, with different numbers of processors, and compare them step by step. Equal
digests end with status 0, whether or not the scenario's expectations hold. Otherwise both sides of the first step that
differs are shown, with the steps before it on which both agreed, and the status is 3: it is a bug of Fauxkube.`,
		Example: `  fauxkube verify quickstart
  fauxkube verify my-scenario.yaml --seeds 1-20 --gomaxprocs 1,8`,
		Args:              exactly(1, "a SCENARIO"),
		ValidArgsFunction: completeOneScenario,
		RunE:              func(c *cobra.Command, args []string) error { return a.verify(c.Context(), f, args[0]) },
	}
	flags := c.Flags()
	flags.Var(&f.seeds, "seeds", "`SET` of seeds, in place of the scenario's")
	flags.Var((*oneSeed)(&f.seeds), "seed", "`SEED`, in place of the scenario's")
	flags.Var(&f.mode, "mode", modeUsage)
	flags.IntSliceVar(&f.gomaxprocs, "gomaxprocs", []int{1, 2}, "`A,B`: processors of the first and the second process")
	c.MarkFlagsMutuallyExclusive("seed", "seeds")
	completeChoices(c, "mode", sim.Benchmark.String(), sim.Hunt.String())
	return c
}

func (a *app) verify(ctx context.Context, f *verifyFlags, argument string) error {
	if len(f.gomaxprocs) != 2 || min(f.gomaxprocs[0], f.gomaxprocs[1]) < 1 {
		return errors.New("--gomaxprocs: want two numbers of at least 1, e.g. 1,2")
	}
	if argument == "-" {
		return errors.New("verify reads its scenario twice, and standard input only once: name a file")
	}
	sources, err := a.load(argument, false)
	if err != nil {
		return err
	}
	if len(sources) > 1 {
		return fmt.Errorf("%s holds %d scenarios: verify wants one", argument, len(sources))
	}
	for _, seed := range seedsOf(sources[0], f.seeds) {
		j := newJob(sources[0], scenarios.Options{Seed: seed, Mode: sim.Mode(f.mode)})
		if err := a.verifySeed(ctx, f, argument, j); err != nil {
			return err
		}
	}
	return nil
}

// verifySeed compares two children.
func (a *app) verifySeed(ctx context.Context, f *verifyFlags, argument string, j job) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var children [2]*child
	for i, processors := range f.gomaxprocs {
		c, err := startChild(ctx, argument, j, i, processors)
		if err != nil {
			return err
		}
		defer c.end(stop)
		children[i] = c
	}
	result, err := lockstep.Compare(children[0].side, children[1].side)
	var difference *lockstep.Difference
	switch {
	case err == nil:
		return a.printEqual(j, children, result)
	case ctx.Err() != nil:
		return errInterrupted
	case errors.As(err, &difference):
		return a.differs(f, argument, j, difference)
	}
	return brokeOff(children, j, err, stop)
}

func (a *app) printEqual(j job, children [2]*child, result lockstep.Result) error {
	_, err := fmt.Fprintf(a.out, "%s seed %d: equal over %s steps\n", j.scenario.Metadata.Name, j.options.Seed, thousands(result.Steps))
	for _, c := range children {
		if err == nil {
			_, err = fmt.Fprintf(a.out, "%s  digest: %016x\n", c.side.Name, result.Digest)
		}
	}
	return err
}

// differs prints both sides of the first step that differs.
func (a *app) differs(f *verifyFlags, argument string, j job, d *lockstep.Difference) error {
	fmt.Fprintf(a.out, "%s seed %d: the runs differ at step %d\n\n  both:\n", j.scenario.Metadata.Name, j.options.Seed, d.Step)
	for _, line := range d.Before {
		fmt.Fprintln(a.out, "    "+line)
	}
	fmt.Fprintf(a.out, "\n  %s\n  %s\n\n", d.ALine, d.BLine)
	repeat := commandLine("fauxkube", "verify", argument, "--seed", uintText(j.options.Seed), "--mode", j.options.Mode.String(),
		"--gomaxprocs", fmt.Sprintf("%d,%d", f.gomaxprocs[0], f.gomaxprocs[1]))
	return &bugError{
		what: fmt.Sprintf("two runs of one seed differ at step %d", d.Step), repeat: repeat,
		run: fmt.Sprintf("scenario %s, seed %d", j.scenario.Metadata.Name, j.options.Seed), trace: "the steps around it are above",
	}
}

// child is one of the two processes.
type child struct {
	side    lockstep.Side
	command *exec.Cmd
	in      io.Closer
	errors  strings.Builder
}

func startChild(ctx context.Context, argument string, j job, index, processors int) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{command: exec.CommandContext(ctx, program, childVerb, argument, "--seed", uintText(j.options.Seed), "--mode", j.options.Mode.String())}
	c.command.Args[0] = os.Args[0]
	c.command.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(processors))
	c.command.Stderr = &c.errors
	in, err := c.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("the second process cannot be started: %w", err)
	}
	c.in = in
	c.side = lockstep.Side{Name: fmt.Sprintf("process %d, GOMAXPROCS=%d", index+1, processors), In: in, Out: out}
	return c, nil
}

// end waits for a child that has nothing left to say.
func (c *child) end(stop context.CancelFunc) {
	stop()
	_ = c.in.Close()
	_ = c.command.Wait()
}

// brokeOff explains a comparison that came to no end with what the children said.
func brokeOff(children [2]*child, j job, err error, stop context.CancelFunc) error {
	b := &bugError{
		what: err.Error(), repeat: j.options.Repeat, trace: "what the process said is above",
		run: fmt.Sprintf("scenario %s, seed %d", j.scenario.Metadata.Name, j.options.Seed),
	}
	// Whoever broke down is given the time to say why. The other one only misses its parent.
	defer time.AfterFunc(lastWords, stop).Stop()
	for _, c := range children {
		_ = c.in.Close()
		_ = c.command.Wait()
		if said := c.errors.String(); b.stack == "" || strings.Contains(b.stack, lockstep.ParentGone) {
			b.stack = said
		}
	}
	return b
}

// lastWords is how long a child that broke down may take to say so.
const lastWords = 10 * time.Second

// childVerb is the hidden verb by which verify starts its children.
const childVerb = "lockstep-child"

// childCommand runs a scenario and reports it block by block over standard input and output.
func (a *app) childCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use: childVerb, Hidden: true, Args: exactly(1, "a SCENARIO"),
		RunE: func(c *cobra.Command, args []string) error { return a.child(c.Context(), &f, args[0]) },
	}
	c.Flags().Var((*oneSeed)(&f.seeds), "seed", "seed")
	c.Flags().Var(&f.mode, "mode", "mode")
	return c
}

func (a *app) child(ctx context.Context, f *verifyFlags, argument string) error {
	sources, err := a.load(argument, false)
	if err != nil {
		return err
	}
	signal.Reset(os.Interrupt) // The parent gets it too, and ends its children.
	reporter := lockstep.NewReporter(a.in, a.out, func() { os.Exit(0) })
	j := newJob(sources[0], scenarios.Options{
		Seed: f.seeds[0], Mode: sim.Mode(f.mode), Configure: reporter.Configure, Started: reporter.Watch,
	})
	if _, err := a.execute(ctx, j); err != nil {
		return err
	}
	reporter.Finish()
	return nil
}
