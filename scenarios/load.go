package scenarios

import (
	"os"
	"path/filepath"

	"github.com/fauxkube/fauxkube/scenarios/format"
)

// Scenario is one scenario as its file has it.
type Scenario = format.Scenario

// Load reads the scenarios of a file. Errors are *format.Error, all that were found joined.
func Load(file string) ([]*Scenario, error) { return format.Load(file) }

// Decode reads the scenarios of a text; file is its name in messages, and the folder that paths in it start from.
func Decode(file string, data []byte) ([]*Scenario, error) { return format.Decode(file, data) }

// read reads a file that a scenario names.
func read(s *Scenario, path string) ([]byte, error) {
	if s.Read != nil {
		return s.Read(path)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(s.File), path)
	}
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, &format.Error{File: path, What: "no such file"}
	}
	return data, err
}
