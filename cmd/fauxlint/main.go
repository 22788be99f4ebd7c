// Command fauxlint checks the rules that hold Fauxkube together: simulated code takes time, randomness and
// concurrency from the kernel only, imports point down, and code stays readable. `make lint` runs it over the whole module.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/fauxkube/fauxkube/cmd/fauxlint/determinism"
	"github.com/fauxkube/fauxkube/cmd/fauxlint/layers"
	"github.com/fauxkube/fauxkube/cmd/fauxlint/tidy"
)

func main() { multichecker.Main(determinism.Analyzer, layers.Analyzer, tidy.Analyzer) }
