package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The scenario in the README holds, as it says.
func TestReadmeScenarioHolds(t *testing.T) {
	_, rest, _ := strings.Cut(readme(t), "```yaml\napiVersion: fauxkube.dev")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README shows no scenario")
	}
	all, err := scenarios.Decode("README.md", []byte("apiVersion: fauxkube.dev"+text))
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range []uint64{1, 7} {
		report, err := scenarios.Run(t.Context(), all[0], scenarios.Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict != reports.Held {
			t.Errorf("seed %d:\n%s", seed, strings.Join(report.Failures(), "\n"))
		}
	}
}

// Every command and flag that the README names is there.
func TestReadmeNamesWhatExists(t *testing.T) {
	root := (&app{out: os.Stdout, err: os.Stderr}).rootCommand()
	for _, line := range regexp.MustCompile("(?m)(?:^\\$ (?:go run \\./cmd/)?|`|- run: \\S+/cmd/|with: )fauxkube(?:@latest)? ([^`\n]*)").FindAllStringSubmatch(readme(t), -1) {
		verb, rest, _ := strings.Cut(line[1], " ")
		command, _, err := root.Find([]string{verb})
		if verb != "help" && (err != nil || command == root) {
			t.Errorf("the README says %q, and there is no such command", "fauxkube "+line[1])
			continue
		}
		command.InitDefaultHelpFlag()
		for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(rest, -1) {
			if command.Flags().Lookup(flag[1]) == nil {
				t.Errorf("the README says %q, and %s has no flag --%s", "fauxkube "+line[1], verb, flag[1])
			}
		}
	}
}

// Every target that the README sends people to is in the Makefile.
func TestReadmeNamesTargetsThatExist(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, m[1])
	}
	for _, m := range regexp.MustCompile("`make ([a-z-]+)").FindAllStringSubmatch(readme(t), -1) {
		if !slices.Contains(targets, m[1]) {
			t.Errorf("the README says `make %s`, and there is no such target", m[1])
		}
	}
}
