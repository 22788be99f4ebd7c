package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const rootLong = `Fauxkube simulates a whole Kubernetes v1.36 in one process, on a virtual clock: store, API servers, scheduler,
controllers, kubelets, over machines, disks and a network that can fail. One seed decides everything, so that a run can
be repeated to the byte.

Exit status: 0 everything held; 1 something did not hold or never became ready; 2 bad files or flags;
3 a bug of Fauxkube; 130 interrupted.`

// rootCommand puts the verbs together.
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "fauxkube",
		Short: "A deterministic simulator of Kubernetes",
		Long:  rootLong,
		Example: `  fauxkube run quickstart                 a cluster from YAML to Running, a crash, a roll-out
  fauxkube run -f app.yaml --nodes 10     your manifests on ten nodes
  fauxkube test scenarios/...             every scenario of a folder, for CI
  fauxkube verify quickstart              the same digest twice, in two processes`,
		Args:              noSuchVerb,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.profile.start() },
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())
	})
	a.profile.addFlags(root.PersistentFlags())
	root.AddCommand(a.runCommand(), a.testCommand(), a.verifyCommand(), a.childCommand(), a.traceCommand(),
		a.listCommand(), a.showCommand(), a.schemaCommand(), a.versionCommand(), a.compareCommand(), a.mergeCommand(), a.explainCommand(), a.etcdCommand(), a.perfCommand())
	return root
}

// noSuchVerb refuses what is no verb, and names the one that was probably meant.
func noSuchVerb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	hint := ""
	if meant := c.SuggestionsFor(args[0]); len(meant) > 0 {
		hint = fmt.Sprintf("did you mean `%s %s`? ", c.CommandPath(), meant[0])
	}
	return fmt.Errorf("%q is no command; %ssee `%s --help`", args[0], hint, c.CommandPath())
}

// exactly wants n arguments and says what they are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s wants %s, got %d arguments; see `%s --help`", c.Name(), what, len(args), c.CommandPath())
		}
		return nil
	}
}
