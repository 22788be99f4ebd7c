package scenarios

import (
	"errors"
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

// write writes a file that a scenario names: whole or not at all. Scenarios of the library and from standard input have no
// folder; theirs is the one in which the program runs.
func write(s *Scenario, path string, data []byte) error {
	if s.Read == nil && !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(s.File), path)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // Gone by then where all went well.
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

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
