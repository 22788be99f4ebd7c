package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/scenarios"
)

// defaultNodes is how many nodes manifests are run on.
const defaultNodes = 3

// manifestSource makes a scenario of what -f names.
func (a *app) manifestSource(f *runFlags) ([]source, error) {
	nodes := f.nodes
	if nodes == 0 {
		nodes = defaultNodes
	}
	files, err := manifestFiles(f.manifests)
	if err != nil {
		return nil, err
	}
	options := scenarios.ManifestOptions{Nodes: int(nodes), SkipUnknownKinds: f.skipUnknownKinds}
	if slices.Contains(files, standardInput) {
		if options.Read, err = a.readOnce(); err != nil {
			return nil, err
		}
	}
	s, err := scenarios.FromManifests(files, options)
	if err != nil {
		return nil, err
	}
	var words []string
	for _, manifest := range f.manifests {
		words = append(words, "-f", manifest)
	}
	return []source{{s, append(words, "--nodes", fmt.Sprint(nodes))}}, scenarios.Check(s)
}

// standardInput is what -f - is called from then on: kubectl's own - has another meaning in a step.
const standardInput = "/dev/stdin"

// readOnce returns a reader of files that keeps what came from standard input.
func (a *app) readOnce() (func(string) ([]byte, error), error) {
	typed, err := io.ReadAll(a.in)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return func(path string) ([]byte, error) {
		if path == standardInput {
			return typed, nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, reason(err))
		}
		return data, nil
	}, nil
}

// manifestFiles puts the files of a folder in its place, as kubectl does: not those of folders within it.
func manifestFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		if path == "-" {
			path = standardInput
		}
		if strings.Contains(path, "://") {
			return nil, fmt.Errorf("%s: a run reads files only, so that it can be repeated: download it first", path)
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			files = append(files, path) // Not a folder: whoever reads it will say what is wrong.
			continue
		}
		before := len(files)
		for _, entry := range entries {
			if isYAML(entry.Name()) || filepath.Ext(entry.Name()) == ".json" {
				files = append(files, filepath.Join(path, entry.Name()))
			}
		}
		if len(files) == before {
			return nil, fmt.Errorf("%s: no manifest in this folder: a manifest is a .yaml, .yml or .json file", path)
		}
	}
	return files, nil
}
