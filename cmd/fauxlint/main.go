// Command fauxlint checks the two rules that hold Fauxkube together: simulated code takes time, randomness and
// concurrency from the kernel only, and imports point down. `make lint` runs it over the whole module.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/fauxkube/fauxkube/cmd/fauxlint/determinism"
	"github.com/fauxkube/fauxkube/cmd/fauxlint/layers"
)

func main() { multichecker.Main(determinism.Analyzer, layers.Analyzer) }
