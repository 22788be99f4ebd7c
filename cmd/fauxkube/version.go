package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios/format"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the versions of what it reads and writes",
		Args:  exactly(0, "nothing after it"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.out, "fauxkube %s\nbuilt with   %s for %s/%s\nimitates     Kubernetes %s\nscenarios    %s\nreports      %s\n",
				build(), runtime.Version(), runtime.GOOS, runtime.GOARCH, format.KubernetesVersion, format.APIVersion, reports.Version)
			return err
		},
	}
}

// build is the module's version and, where the build knows it, the commit.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of an unknown build"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "development build"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			version += ", commit " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			version += " with changes"
		}
	}
	return version
}
