package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/fauxkube/fauxkube/reports/comparison"
)

// Journal is a file with the header of a comparison and its finished runs, one on a line. A line that was cut off by
// the end of the program that wrote it is dropped. On a nil Journal every method does nothing.
type Journal struct {
	file *os.File
}

// OpenJournal continues the file of that name, or begins it, and returns the runs in it. Runs of another comparison are
// an error, since nobody asked to lose them.
func OpenJournal(path string, h comparison.Header) (*Journal, []comparison.Run, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s cannot be read: %w", path, cause(err))
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	runs, err := parseJournal(path, whole, h)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, fmt.Errorf("%s cannot be written: %w", path, cause(err))
	}
	j := &Journal{file}
	err = file.Truncate(int64(len(whole)))
	if err == nil {
		_, err = file.Seek(0, 2)
	}
	if err == nil && len(whole) == 0 {
		err = j.write(h)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s cannot be written: %w", path, cause(err)), file.Close())
	}
	return j, runs, nil
}

func parseJournal(path string, data []byte, h comparison.Header) ([]comparison.Run, error) {
	if len(data) == 0 {
		return nil, nil
	}
	lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	var found comparison.Header
	if err := json.Unmarshal(lines[0], &found); err != nil || found.Version == "" {
		return nil, fmt.Errorf("%s is not a list of finished runs: move it away", path)
	}
	if part := Differ(found, h); part != "" {
		return nil, fmt.Errorf("%s holds finished runs of another comparison, which differs in %s: remove it, or name another file for the results", path, part)
	}
	runs := make([]comparison.Run, len(lines)-1)
	for i, line := range lines[1:] {
		if err := json.Unmarshal(line, &runs[i]); err != nil {
			return nil, fmt.Errorf("%s: line %d is damaged: remove the file to begin anew", path, i+2)
		}
	}
	return runs, nil
}

// Append writes down a finished run.
func (j *Journal) Append(r comparison.Run) error {
	if j == nil {
		return nil
	}
	if err := j.write(r); err != nil {
		return fmt.Errorf("%s cannot be written: %w", j.file.Name(), cause(err))
	}
	return nil
}

func (j *Journal) write(value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("compare: %T cannot be encoded: %v", value, err))
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// Close keeps the file for the next time.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}

// Remove takes the file away: everything in it is elsewhere.
func (j *Journal) Remove() error {
	if j == nil {
		return nil
	}
	return errors.Join(j.file.Close(), os.Remove(j.file.Name()))
}

// cause is what the system said, without the name that the message around it has.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
