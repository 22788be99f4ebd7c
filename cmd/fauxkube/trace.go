package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/sim/trace"
)

// traceFormats are the renderings of a trace.
var traceFormats = map[string]func(*trace.Reader, io.Writer) error{
	"text":     trace.WriteText,
	"perfetto": trace.WritePerfetto,
}

func (a *app) traceCommand() *cobra.Command {
	form, path := "text", ""
	c := &cobra.Command{
		Use:   "trace FILE",
		Short: "Convert a trace to text, or for ui.perfetto.dev",
		Long: `Convert a trace, as run --trace wrote it or a crash left it, to text or to JSON for https://ui.perfetto.dev.

Text is a line a record: virtual time, step, process (with its incarnation after a restart), event, and the step that
caused it. FILE - is standard input.`,
		Example: `  fauxkube run quickstart --trace quickstart.trace
  fauxkube trace quickstart.trace | less
  fauxkube trace quickstart.trace --format perfetto -o quickstart.json`,
		Args: exactly(1, "a trace FILE"),
		RunE: func(_ *cobra.Command, args []string) error { return a.convert(args[0], form, path) },
	}
	c.Flags().Var(newChoice(&form, "text", "perfetto"), "format", "`FORMAT`: text or perfetto")
	c.Flags().StringVarP(&path, "output", "o", "", "write to `FILE` in place of standard output")
	completeChoices(c, "format", "text", "perfetto")
	return c
}

func (a *app) convert(from, form, to string) error {
	in, err := a.open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := trace.NewReader(in)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	out, err := createOutput("--output", to)
	if err != nil {
		return err
	}
	defer out.discard()
	w := bufio.NewWriter(a.out)
	if out != nil {
		w = bufio.NewWriter(out.writer())
	}
	err = errors.Join(traceFormats[form](r, w), w.Flush())
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the trace is cut short: %w", from, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return out.commit()
}

// open opens a file for reading, or standard input for -.
func (a *app) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(a.in), nil
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	return file, nil
}
