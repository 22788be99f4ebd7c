package trace

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Reader decodes a trace.
type Reader struct {
	in        *bufio.Reader
	header    Header
	kinds     map[uint16]string
	processes map[uint32]string
	last      Record
	count     int
}

// ErrNotATrace is returned for a file that does not begin as a trace does.
var ErrNotATrace = errors.New("this is not a fauxkube trace: write one with --trace")

// maxName bounds names and headers, so that a broken file cannot ask for the machine's memory.
const maxName = 1 << 20

// NewReader reads the header. It returns ErrNotATrace, or an error that names an unknown version.
func NewReader(r io.Reader) (*Reader, error) {
	t := &Reader{in: bufio.NewReaderSize(r, 1<<16), kinds: map[uint16]string{}, processes: map[uint32]string{}}
	opening := make([]byte, len(magic)+1)
	if _, err := io.ReadFull(t.in, opening); err != nil || string(opening[:len(magic)]) != magic {
		return nil, ErrNotATrace
	}
	if v := opening[len(magic)]; v != version {
		return nil, fmt.Errorf("trace version %d is not known here: this program reads version %d", v, version)
	}
	header, err := t.name()
	if err != nil {
		return nil, fmt.Errorf("the trace's header is cut off: %w", err)
	}
	if err := json.Unmarshal([]byte(header), &t.header); err != nil {
		return nil, fmt.Errorf("the trace's header is not JSON: %w", err)
	}
	return t, nil
}

// Header returns the trace's header.
func (t *Reader) Header() Header { return t.header }

// KindName names an event kind of a record read so far.
func (t *Reader) KindName(k uint16) string {
	if name, ok := t.kinds[k]; ok {
		return name
	}
	return fmt.Sprintf("kind-%d", k)
}

// ProcessName names a process of a record read so far; "-" is the world outside.
func (t *Reader) ProcessName(id uint32) string {
	if id == 0 {
		return "-"
	}
	if name, ok := t.processes[id]; ok {
		return name
	}
	return fmt.Sprintf("process-%d", id)
}

// Next returns the next record. At the end it returns io.EOF; io.ErrUnexpectedEOF where the end mark is missing,
// as in the trace of a run that was cut short.
func (t *Reader) Next() (Record, error) {
	for {
		frame, err := t.in.ReadByte()
		if err != nil {
			return Record{}, io.ErrUnexpectedEOF
		}
		switch Type(frame) {
		case end:
			return Record{}, io.EOF
		case defineKind, defineProcess:
			if err := t.definition(Type(frame)); err != nil {
				return Record{}, err
			}
		case Step, Fact, Dropped:
			return t.record(Type(frame))
		default:
			return Record{}, fmt.Errorf("the trace is damaged: unknown frame %d after record %d", frame, t.count)
		}
	}
}

func (t *Reader) definition(frame Type) error {
	number, err := t.number()
	if err != nil {
		return err
	}
	name, err := t.name()
	if err != nil {
		return err
	}
	if frame == defineKind {
		t.kinds[uint16(number)] = name
	} else {
		t.processes[uint32(number)] = name
	}
	return nil
}

func (t *Reader) record(frame Type) (Record, error) {
	var f [8]uint64
	for i := range f {
		n, err := t.number()
		if err != nil {
			return Record{}, err
		}
		f[i] = n
	}
	r := Record{
		Type: frame, Time: t.last.Time + int64(f[0]), Step: t.last.Step + f[1], Cause: f[2], Num: f[3],
		Kind: uint16(f[4]), Process: uint32(f[5]), Incarnation: uint32(f[6]), Lane: uint32(f[7]),
	}
	if frame != Fact {
		r.Cause = r.Step - f[2]
	}
	t.last = r
	t.count++
	return r, nil
}

func (t *Reader) number() (uint64, error) {
	n, err := binary.ReadUvarint(t.in)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (t *Reader) name() (string, error) {
	length, err := t.number()
	if err != nil {
		return "", err
	}
	if length > maxName {
		return "", fmt.Errorf("the trace is damaged: a name of %d bytes after record %d", length, t.count)
	}
	name := make([]byte, length)
	if _, err := io.ReadFull(t.in, name); err != nil {
		return "", io.ErrUnexpectedEOF
	}
	return string(name), nil
}
