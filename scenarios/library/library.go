package library

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/fauxkube/fauxkube/scenarios"
)

//go:embed *.yaml
var files embed.FS

// Entry is one scenario of the library.
type Entry struct {
	Name string
	// Description is the scenario's annotation of that name.
	Description string
	Labels      map[string]string
}

// entries is read once; a scenario that cannot be read is a bug of this package, which its test finds.
var entries = sync.OnceValue(func() []Entry {
	found, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("library: %v", err))
	}
	var all []Entry
	for _, f := range found {
		s, err := Load(strings.TrimSuffix(f.Name(), ".yaml"))
		if err != nil {
			panic(fmt.Sprintf("library: %v", err))
		}
		all = append(all, Entry{Name: s.Metadata.Name, Description: s.Metadata.Annotations["description"], Labels: s.Metadata.Labels})
	}
	return all
})

// List returns all scenarios, sorted by name.
func List() []Entry { return entries() }

// Names returns the scenarios' names, sorted.
func Names() []string {
	var names []string
	for _, e := range List() {
		names = append(names, e.Name)
	}
	return names
}

// Source returns a scenario's file.
func Source(name string) ([]byte, error) {
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("the library has no scenario %q", name)
	}
	return data, nil
}

// Load returns a scenario, ready to run.
func Load(name string) (*scenarios.Scenario, error) {
	data, err := Source(name)
	if err != nil {
		return nil, err
	}
	all, err := scenarios.Decode(name+".yaml", data)
	if err != nil {
		return nil, err
	}
	s := all[0]
	s.File = "" // It is known by its name.
	s.Read = func(file string) ([]byte, error) { return files.ReadFile(path.Clean(file)) }
	return s, nil
}
