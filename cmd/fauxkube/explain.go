package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/reports"
)

func (a *app) explainCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "explain POD --report FILE",
		Short: "Say why the scheduler put a pod where it did, or nowhere",
		Long: `Say why the scheduler put a pod where it did, or nowhere: for each attempt the scores of the nodes that were compared, plugin
by plugin, and every plugin's refusals of the others.

The report is one that run wrote with --json and with --explain for the pod. POD is namespace/name, a name in the namespace
default, or a pattern as web-*.`,
		Example: `  fauxkube run quickstart --explain 'shop/web-*' --json report.json
  fauxkube explain 'shop/web-*' --report report.json`,
		Args: exactly(1, "the name of a POD"),
		RunE: func(_ *cobra.Command, args []string) error { return a.explainPod(args[0], file) },
	}
	c.Flags().StringVar(&file, "report", "", "`FILE` that run wrote with --json")
	return c
}

func (a *app) explainPod(pod, file string) error {
	if file == "" {
		return errors.New("explain wants --report FILE; see `fauxkube explain --help`")
	}
	runs, err := readReports(file)
	if err != nil {
		return err
	}
	if !strings.Contains(pod, "/") {
		pod = "default/" + pod
	}
	found := false
	for _, r := range runs {
		var about []reports.Decision
		for _, d := range r.Decisions {
			if ok, err := path.Match(pod, d.Pod); err != nil {
				return fmt.Errorf("%q is no pattern: %w", pod, err)
			} else if ok {
				about = append(about, d)
			}
		}
		if len(about) == 0 {
			continue
		}
		found = true
		fmt.Fprintf(a.out, "%s  seed %d\n", r.Scenario.Name, r.Seed)
		if err := reports.WriteDecisions(a.out, about); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s explains nothing about %s: run with --explain '%s' --json %s", file, pod, pod, file)
	}
	return nil
}

// readReports reads what run --json wrote: one report, or a list of several.
func readReports(file string) ([]*reports.Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--report: %s cannot be read: %w", file, reason(err))
	}
	var runs []*reports.Report
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		err = json.Unmarshal(data, &runs)
	} else {
		runs = []*reports.Report{{}}
		err = json.Unmarshal(data, runs[0])
	}
	if err != nil {
		return nil, fmt.Errorf("--report: %s is no report: %w", file, err)
	}
	return runs, nil
}
