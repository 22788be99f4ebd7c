package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/scenarios/library"
)

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the scenarios that ship with Fauxkube",
		Long: `List the scenarios that ship with Fauxkube, with what each shows. They run by name from anywhere; show prints
one, as a beginning for your own.`,
		Example: "  fauxkube list\n  fauxkube show quickstart > mine.yaml",
		Args:    exactly(0, "nothing after it"),
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, entry := range library.List() {
				fmt.Fprintf(w, "%s\t%s\n", entry.Name, entry.Description)
			}
			return w.Flush()
		},
	}
}
