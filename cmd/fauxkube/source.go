package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/library"
)

// source is a scenario and the words by which a command line names it.
type source struct {
	scenario *scenarios.Scenario
	words    []string
}

// load finds the scenarios that one argument names: one of the library, a file, or - for standard input. Each is
// checked as far as that is possible before it runs.
func (a *app) load(argument string, skipUnknownKinds bool) ([]source, error) {
	found, err := a.read(argument)
	if err != nil {
		return nil, err
	}
	var sources []source
	var problems []error
	for _, s := range found {
		s.SkipUnknownKinds = skipUnknownKinds
		problems = append(problems, scenarios.Check(s))
		sources = append(sources, source{s, []string{argument}})
	}
	return sources, errors.Join(problems...)
}

func (a *app) read(argument string) ([]*scenarios.Scenario, error) {
	if argument == "-" {
		data, err := io.ReadAll(a.in)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		return scenarios.Decode("standard input", data)
	}
	if isPath(argument) {
		return scenarios.Load(argument)
	}
	if slices.Contains(library.Names(), argument) {
		s, err := library.Load(argument)
		return []*scenarios.Scenario{s}, err
	}
	if _, err := os.Stat(argument); err == nil {
		return scenarios.Load(argument)
	}
	return nil, fmt.Errorf("%s is neither a scenario of the library nor a file; `fauxkube list` shows the library: %s",
		argument, strings.Join(library.Names(), ", "))
}

func isPath(argument string) bool {
	return strings.ContainsRune(argument, '/') || strings.ContainsRune(argument, filepath.Separator) || isYAML(argument)
}

func isYAML(path string) bool {
	extension := filepath.Ext(path)
	return extension == ".yaml" || extension == ".yml"
}

// loadAll is load for many arguments, which may also be folders. It reports everything that is wrong, not only the
// first.
func (a *app) loadAll(arguments []string) ([]source, error) {
	var sources []source
	var problems []error
	for _, argument := range arguments {
		files, err := expand(argument)
		problems = append(problems, err)
		for _, file := range files {
			some, err := a.load(file, false)
			problems = append(problems, err)
			sources = append(sources, some...)
		}
	}
	return sources, errors.Join(problems...)
}

// expand lists the scenario files of a folder, written as itself or with /... at its end; anything else is itself.
// Like go, it leaves out folders called testdata or with a dot or an underscore in front.
func expand(argument string) ([]string, error) {
	folder, all := strings.CutSuffix(argument, "...")
	if all {
		folder = filepath.Clean(folder)
	}
	if info, err := os.Stat(folder); !all && (err != nil || !info.IsDir() || slices.Contains(library.Names(), argument)) {
		return []string{argument}, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: no such folder", folder)
	}
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", path, reason(err))
		case entry.IsDir() && path != folder && leftOut(entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !isYAML(path):
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil && saysScenario.Match(data) {
			files = append(files, explicit(path))
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no scenario in this folder: a scenario is a YAML file with kind: Scenario", folder)
	}
	return files, err
}

func leftOut(folder string) bool {
	return folder == "testdata" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_")
}

// saysScenario tells scenarios from the manifests beside them, also where the YAML is broken.
var saysScenario = regexp.MustCompile(`(?m)^(apiVersion:\s*["']?fauxkube\.dev/|kind:\s*["']?Scenario\b)`)

// explicit keeps a path from being taken for a name of the library.
func explicit(path string) string {
	if isPath(path) {
		return path
	}
	return "." + string(filepath.Separator) + path
}

// completeScenarios offers the library's names, and files.
func completeScenarios(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return libraryCompletions(), cobra.ShellCompDirectiveDefault
}

func completeOneScenario(c *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeScenarios(c, args, toComplete)
}

func libraryCompletions() []string {
	var names []string
	for _, entry := range library.List() {
		names = append(names, cobra.CompletionWithDesc(entry.Name, entry.Description))
	}
	return names
}

// commandLine joins words so that a shell takes them apart again.
func commandLine(words ...string) string {
	var b bytes.Buffer
	for i, word := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if plainWord.MatchString(word) {
			b.WriteString(word)
		} else {
			b.WriteString("'" + strings.ReplaceAll(word, "'", `'\''`) + "'")
		}
	}
	return b.String()
}

var plainWord = regexp.MustCompile(`^[-\w./:=@%+,]+$`)
