package trace

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

const (
	magic   = "FKTRACE"
	version = 1
)

// Writer encodes a trace. Errors are kept and come out of Close.
type Writer struct {
	out  *bufio.Writer
	err  error
	last Record
	buf  []byte
}

// NewWriter writes the header.
func NewWriter(w io.Writer, h Header) *Writer {
	t := &Writer{out: bufio.NewWriterSize(w, 1<<16)}
	header, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("trace: a header that cannot be encoded: %v", err))
	}
	t.buf = append(append(t.buf, magic...), version)
	t.buf = binary.AppendUvarint(t.buf, uint64(len(header)))
	t.buf = append(t.buf, header...)
	t.flush()
	return t
}

// DefineKind names an event kind. It must precede the first record that uses it.
func (t *Writer) DefineKind(k uint16, name string) { t.define(defineKind, uint64(k), name) }

// DefineProcess names a process. It must precede the first record that uses it.
func (t *Writer) DefineProcess(id uint32, name string) { t.define(defineProcess, uint64(id), name) }

func (t *Writer) define(frame Type, number uint64, name string) {
	t.buf = append(t.buf, byte(frame))
	t.buf = binary.AppendUvarint(t.buf, number)
	t.buf = binary.AppendUvarint(t.buf, uint64(len(name)))
	t.buf = append(t.buf, name...)
	t.flush()
}

// Record appends a record.
func (t *Writer) Record(r Record) {
	t.buf = append(t.buf, byte(r.Type))
	t.buf = binary.AppendUvarint(t.buf, uint64(r.Time-t.last.Time))
	t.buf = binary.AppendUvarint(t.buf, r.Step-t.last.Step)
	if r.Type == Fact {
		t.buf = binary.AppendUvarint(t.buf, r.Cause)
	} else {
		t.buf = binary.AppendUvarint(t.buf, r.Step-r.Cause)
	}
	t.buf = binary.AppendUvarint(t.buf, r.Num)
	t.buf = binary.AppendUvarint(t.buf, uint64(r.Kind))
	t.buf = binary.AppendUvarint(t.buf, uint64(r.Process))
	t.buf = binary.AppendUvarint(t.buf, uint64(r.Incarnation))
	t.buf = binary.AppendUvarint(t.buf, uint64(r.Lane))
	t.last = r
	t.flush()
}

// Close writes the end mark and returns the first error.
func (t *Writer) Close() error {
	t.buf = append(t.buf, byte(end))
	t.flush()
	if err := t.out.Flush(); t.err == nil {
		t.err = err
	}
	return t.err
}

func (t *Writer) flush() {
	if _, err := t.out.Write(t.buf); err != nil && t.err == nil {
		t.err = err
	}
	t.buf = t.buf[:0]
}
