package tidy

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

// Every fixture's comments say what must be reported in it.
func TestFixtures(t *testing.T) {
	for _, name := range []string{"nameless", "later", "machine", "longfile", "longfunction", "good"} {
		t.Run(name, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), Analyzer, name) })
	}
}
