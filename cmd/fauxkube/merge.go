package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios/compare"
)

func (a *app) mergeCommand() *cobra.Command {
	files := &comparisonFiles{}
	c := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the parts of a comparison together",
		Long: `Put together what compare --shard wrote: the JSON of every part. The result is that of the whole comparison on one
machine, to the byte, but for host times. Parts of different comparisons, binaries or traces are refused.

Exit status: 0 merged; 2 bad files, or runs that are in none of them.`,
		Example: `  fauxkube merge part1.json part2.json --json result.json --html report.html`,
		RunE:    func(_ *cobra.Command, args []string) error { return a.merge(files, args) },
	}
	files.addFlags(c)
	return c
}

// merge is the verb.
func (a *app) merge(files *comparisonFiles, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("merge wants the FILES that compare --shard wrote; see `fauxkube merge --help`")
	}
	var parts []compare.Part
	for _, file := range args {
		d, err := readComparison(file)
		if err != nil {
			return err
		}
		parts = append(parts, compare.Part{File: file, Document: d})
	}
	d, err := compare.Merge(parts)
	if err != nil {
		return err
	}
	outputs, err := files.create()
	if err != nil {
		return err
	}
	defer outputs.discard()
	if err := outputs.write(d); err != nil {
		return err
	}
	return d.WriteTerminal(a.out, wantsColor(a.out))
}

func readComparison(path string) (*comparison.Document, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, reason(err))
	}
	defer file.Close()
	d, err := comparison.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	return d, nil
}

// comparisonFiles are the files that a comparison can be written to.
type comparisonFiles struct{ json, markdown, html string }

func (f *comparisonFiles) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&f.json, "json", "", "write every value of every run, and the verdicts, as JSON to `FILE`")
	c.Flags().StringVar(&f.markdown, "markdown", "", "write the report as Markdown to `FILE`")
	c.Flags().StringVar(&f.html, "html", "", "write the report with charts, in one self-contained page, to `FILE`")
}

// comparisonOutputs are those files, open.
type comparisonOutputs struct{ json, markdown, html *output }

// create opens them, so that what cannot be written is known before anything runs.
func (f *comparisonFiles) create() (o comparisonOutputs, err error) {
	for _, file := range []struct {
		flag, path string
		to         **output
	}{{"--json", f.json, &o.json}, {"--markdown", f.markdown, &o.markdown}, {"--html", f.html, &o.html}} {
		if *file.to, err = createOutput(file.flag, file.path); err != nil {
			o.discard()
			return o, err
		}
	}
	return o, nil
}

func (o *comparisonOutputs) discard() {
	o.json.discard()
	o.markdown.discard()
	o.html.discard()
}

func (o *comparisonOutputs) write(d *comparison.Document) error {
	if err := o.json.write(d.JSON()); err != nil {
		return err
	}
	if o.markdown != nil {
		if err := d.WriteMarkdown(o.markdown.writer()); err != nil {
			return fmt.Errorf("%s cannot be written: %w", o.markdown.path, reason(err))
		}
		if err := o.markdown.commit(); err != nil {
			return err
		}
	}
	if o.html == nil {
		return nil
	}
	if err := d.WriteHTML(o.html.writer()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", o.html.path, reason(err))
	}
	return o.html.commit()
}
