package lockstep

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/fauxkube/fauxkube/sim/trace"
)

// Side is one of the two processes, seen from the parent.
type Side struct {
	Name string
	// In is what the process reads, Out what it writes.
	In  io.Writer
	Out io.Reader
}

// Result is what both sides agreed on at the end.
type Result struct {
	Steps  uint64
	Digest uint64
}

// Difference is the first thing in which two runs of the same seed differ.
type Difference struct {
	// Step is the number of the first step that differs.
	Step uint64
	// A and B are the two sides' records there; a zero Type means that the side had ended.
	A, B         trace.Record
	ALine, BLine string
	// Before are the last lines on which both agreed, oldest first.
	Before []string
}

func (d *Difference) Error() string {
	return fmt.Sprintf("the runs differ at step %d:\n  %s\n  %s", d.Step, d.ALine, d.BLine)
}

// contextLines is how many agreed lines a Difference quotes.
const contextLines = 5

// Compare drives both sides to their end. The error is a *Difference where they disagree; anything else means that a
// side broke off.
func Compare(a, b Side) (Result, error) {
	for {
		fa, err := read(a)
		if err != nil {
			return Result{}, err
		}
		fb, err := read(b)
		if err != nil {
			return Result{}, err
		}
		if fa != fb {
			return Result{}, difference(a, b)
		}
		for _, side := range []Side{a, b} {
			if _, err := side.In.Write([]byte{goOn}); err != nil {
				return Result{}, fmt.Errorf("%s broke off after step %d: %w", side.Name, fa.LastStep, err)
			}
		}
		if fa.Final == 1 {
			return Result{Steps: fa.LastStep, Digest: fa.Digest}, nil
		}
	}
}

func read(s Side) (frame, error) {
	var f frame
	if err := binary.Read(s.Out, binary.LittleEndian, &f); err != nil {
		return f, fmt.Errorf("%s broke off: %w", s.Name, err)
	}
	return f, nil
}

// difference fetches the last records of both sides and finds where they part.
func difference(a, b Side) error {
	ra, err := records(a)
	if err != nil {
		return err
	}
	rb, err := records(b)
	if err != nil {
		return err
	}
	ra.alignTo(rb)
	rb.alignTo(ra)
	var before []string
	for i := 0; ; i++ {
		x, y := ra.at(i), rb.at(i)
		if x != y || x.Type == 0 {
			if x == y {
				return errors.New("the digests differ, but not one of the recorded steps does: something outside of the last 65,536 records")
			}
			d := &Difference{Step: firstStep(x, y), A: x, B: y, ALine: a.Name + ": " + ra.line(x), BLine: b.Name + ": " + rb.line(y)}
			d.Before = before[max(0, len(before)-contextLines):]
			return d
		}
		before = append(before, ra.line(x))
	}
}

func firstStep(x, y trace.Record) uint64 {
	switch {
	case x.Type == 0:
		return y.Step
	case y.Type == 0:
		return x.Step
	}
	return min(x.Step, y.Step)
}

// tail is what one side handed over.
type tail struct {
	reader  *trace.Reader
	records []trace.Record
}

func records(s Side) (*tail, error) {
	if _, err := s.In.Write([]byte{handOver}); err != nil {
		return nil, fmt.Errorf("%s broke off: %w", s.Name, err)
	}
	r, err := trace.NewReader(s.Out)
	if err != nil {
		return nil, fmt.Errorf("the records of %s: %w", s.Name, err)
	}
	t := &tail{reader: r}
	for {
		record, err := r.Next()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the records of %s: %w", s.Name, err)
		}
		t.records = append(t.records, record)
	}
}

// alignTo drops records older than the other side's oldest.
func (t *tail) alignTo(other *tail) {
	for len(t.records) > 0 && len(other.records) > 0 && t.records[0].Step < other.records[0].Step {
		t.records = t.records[1:]
	}
}

func (t *tail) at(i int) trace.Record {
	if i < len(t.records) {
		return t.records[i]
	}
	return trace.Record{}
}

func (t *tail) line(r trace.Record) string {
	if r.Type == 0 {
		return "nothing: the run had ended"
	}
	return t.reader.Line(r)
}
