package main

import (
	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/scenarios/format"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of scenario files",
		Long: `Print the JSON Schema of scenario files, for editors: completion and checks while you type.

With the YAML language server, put this at the top of a scenario:
  # yaml-language-server: $schema=scenario.schema.json`,
		Example: "  fauxkube schema > scenario.schema.json",
		Args:    exactly(0, "nothing after it"),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(format.Schema())
			return err
		},
	}
}
