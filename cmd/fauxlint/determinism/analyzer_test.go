package determinism

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

const fixtures = module + "cluster/bad/"

// Every fixture's comments say what must be reported in it; analysistest fails on one report more or less.
func TestFixtures(t *testing.T) {
	folders, err := os.ReadDir(filepath.Join("testdata", "src", fixtures))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			analysistest.Run(t, analysistest.TestData(), Analyzer, fixtures+folder.Name())
		})
	}
	t.Run("outside", func(t *testing.T) {
		analysistest.Run(t, analysistest.TestData(), Analyzer, module+"cmd/tool")
	})
}

// A rule without a fixture that it rejects is a rule that nobody has seen work.
func TestEveryRuleHasAFixture(t *testing.T) {
	var all strings.Builder
	files, err := filepath.Glob(filepath.Join("testdata", "src", fixtures, "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for rule := range advice {
		if !strings.Contains(all.String(), "`"+rule+": ") {
			t.Errorf("no fixture is rejected by rule %s", rule)
		}
	}
}
