// Package layers checks the import rules: cmd -> scenarios -> {workloads, reports} -> cluster -> sim. Components of
// the cluster share only the API: cluster/client and what lies below it. Only the API server talks to the store.
package layers

import (
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports imports that point upward or sideways.
var Analyzer = &analysis.Analyzer{
	Name: "layers",
	Doc:  "imports point down, and components share only the API",
	Run:  run,
}

const module = "github.com/fauxkube/fauxkube/"

// below lists for each top-level folder what it may import besides itself.
var below = map[string][]string{
	"sim":       {},
	"cluster":   {"sim"},
	"workloads": {"cluster", "sim"},
	"reports":   {"cluster", "sim"},
	"scenarios": {"workloads", "reports", "cluster", "sim"},
	"cmd":       {"scenarios", "workloads", "reports", "cluster", "sim"},
}

// shared are the packages of the cluster that every component may import.
var shared = []string{"cluster/api", "cluster/client", "cluster/metrics"}

// components are the parts of the cluster, each with what else of the cluster it may import.
var components = []struct {
	root string
	also []string
}{
	{"cluster/api", nil},
	{"cluster/metrics", nil},
	{"cluster/client", nil},
	{"cluster/watchcheck", nil},
	{"cluster/etcd/check", []string{"cluster/etcd", "cluster/watchcheck"}}, // Observers, not parts, of the store.
	{"cluster/etcd", nil},
	{"cluster/apiserver", []string{"cluster/etcd", "cluster/witness"}},
	{"cluster/witness", []string{"cluster/watchcheck", "cluster/apiserver"}}, // An observer.
	{"cluster/controller", nil},
	{"cluster/scheduler", nil},
	{"cluster/kubelet", []string{"cluster/runtime", "cluster/volume", "cluster/stages"}},
	{"cluster/stages", nil},
	{"cluster/runtime", nil},
	{"cluster/kubeproxy", nil},
	{"cluster/coredns", nil},
	{"cluster/volume", nil},
}

func run(pass *analysis.Pass) (any, error) {
	from, ours := strings.CutPrefix(pass.Pkg.Path(), module)
	if !ours || strings.HasSuffix(from, ".test") { // The latter is the main package that go test makes.
		return nil, nil
	}
	from = strings.TrimSuffix(from, "_test")
	for _, file := range pass.Files {
		test := strings.HasSuffix(pass.Fset.Position(file.Pos()).Filename, "_test.go")
		for _, spec := range file.Imports {
			to, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			if !ours {
				continue
			}
			if why := verdict(from, to, test); why != "" {
				pass.Reportf(spec.Pos(), "%s may not import %s: %s", from, to, why)
			}
		}
	}
	return nil, nil
}

// verdict says why from may not import to, or nothing. Tests may reach for any part of their own layer, since
// they put several together.
func verdict(from, to string, test bool) string {
	fromTop, toTop := top(from), top(to)
	if fromTop != toTop {
		for _, allowed := range below[fromTop] {
			if toTop == allowed {
				return ""
			}
		}
		return "imports point down: cmd -> scenarios -> {workloads, reports} -> cluster -> sim"
	}
	if fromTop != "cluster" || test {
		return ""
	}
	for _, component := range components {
		if !within(from, component.root) {
			continue
		}
		if within(to, component.root) || allowed(component.also, to) || from != "cluster/api" && allowed(shared, to) {
			return ""
		}
		return "components share only the API (cluster/client), and only the API server talks to the store"
	}
	return ""
}

func allowed(roots []string, path string) bool {
	for _, root := range roots {
		if within(path, root) {
			return true
		}
	}
	return false
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func top(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}
