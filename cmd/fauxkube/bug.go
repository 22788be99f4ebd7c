package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/trace"
)

// bugError is a bug of Fauxkube that a run ran into, with what somebody needs to look into it.
type bugError struct {
	what   string
	stack  string
	run    string
	where  string
	repeat string
	// trace is the file with the last steps, or why there is none.
	trace string
}

// newBug collects what is known of a run that broke down. s is nil where it had not begun.
func newBug(j job, s *sim.Simulation, value any, stack []byte) *bugError {
	b := &bugError{what: fmt.Sprint(value), stack: string(stack), repeat: j.options.Repeat}
	b.run = fmt.Sprintf("scenario %s, seed %d, mode %s", j.scenario.Metadata.Name, j.options.Seed, j.options.Mode)
	var inTask *sim.TaskPanic
	if err, ok := value.(error); ok && errors.As(err, &inTask) {
		b.what, b.stack = fmt.Sprintf("task %s: %v", inTask.Task, inTask.Value), inTask.Stack
	}
	if s == nil {
		b.trace = "no step had run"
		return b
	}
	b.where = fmt.Sprintf("at %v of simulated time, in step %d", s.Now(), s.Steps())
	path, err := writeRecent(s, j.scenario.Metadata.Name)
	if err != nil {
		b.trace = fmt.Sprintf("the last steps cannot be written: %v", err)
	} else {
		b.trace = fmt.Sprintf("the last steps before it: fauxkube trace %s", commandLine(path))
	}
	return b
}

// writeRecent writes the last 65,536 steps to a file in the system's folder for temporary files.
func writeRecent(s *sim.Simulation, scenario string) (string, error) {
	file, err := os.CreateTemp("", fmt.Sprintf("fauxkube-%s-seed-%d-*.trace", scenario, s.Seed()))
	if err != nil {
		return "", err
	}
	w := trace.NewWriter(file, trace.Header{Binary: build(), Seed: s.Seed(), Mode: s.Mode().String(), Start: s.Start().UTC().Format("2006-01-02T15:04:05Z")})
	s.WriteRecent(w)
	return file.Name(), errors.Join(w.Close(), file.Close())
}

// Error is everything but the stack.
func (b *bugError) Error() string {
	run := b.run
	if b.where != "" {
		run += ", " + b.where
	}
	return strings.Join([]string{"this is a bug of Fauxkube, not of your scenario: " + b.what, run, "repeat with: " + b.repeat, b.trace}, "\n")
}
