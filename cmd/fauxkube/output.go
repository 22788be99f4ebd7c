package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// output is a file that appears under its name when it is whole, or not at all: until then it has another name in
// the same folder. Devices and pipes are written directly.
type output struct {
	file   *os.File
	path   string
	direct bool
	done   bool
}

// createOutput opens path for writing. An empty path gives nil, on which every method does nothing.
func createOutput(flag, path string) (*output, error) {
	if path == "" {
		return nil, nil
	}
	o := &output{path: path}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s: %s is a folder: name a file", flag, path)
	case err == nil && !info.Mode().IsRegular():
		o.direct = true
		o.file, err = os.OpenFile(path, os.O_WRONLY, 0)
	default:
		o.file, err = os.OpenFile(temporaryName(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s cannot be written: %w", flag, path, reason(err))
	}
	return o, nil
}

func temporaryName(path string) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
}

// reason is what the system said, without the names of temporary files.
func reason(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// writer is where the content goes; nil where there is no file.
func (o *output) writer() io.Writer {
	if o == nil {
		return nil
	}
	return o.file
}

// write writes the whole content and gives the file its name.
func (o *output) write(data []byte) error {
	if o == nil {
		return nil
	}
	if _, err := o.file.Write(data); err != nil {
		o.discard()
		return fmt.Errorf("%s cannot be written: %w", o.path, reason(err))
	}
	return o.commit()
}

// commit gives the file its name.
func (o *output) commit() error {
	if o == nil || o.done {
		return nil
	}
	o.done = true
	err := o.file.Close()
	if err == nil && !o.direct {
		err = os.Rename(o.file.Name(), o.path)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", o.path, reason(err))
	}
	return nil
}

// discard leaves no file behind; after commit it does nothing.
func (o *output) discard() {
	if o == nil || o.done {
		return
	}
	o.done = true
	_ = o.file.Close()
	if !o.direct {
		_ = os.Remove(o.file.Name())
	}
}
