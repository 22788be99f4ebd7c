package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/scenarios/library"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Print a scenario of the library",
		Example: "  fauxkube show quickstart\n  fauxkube show quickstart | fauxkube run -",
		Args:    exactly(1, "the NAME of a scenario of the library"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return libraryCompletions(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := library.Source(args[0])
			if err != nil {
				return fmt.Errorf("%w; `fauxkube list` shows those it has", err)
			}
			_, err = a.out.Write(data)
			return err
		},
	}
}
