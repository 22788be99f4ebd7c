package wal

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/sim/disk"
)

// ErrDamaged wraps every reason for which recovery refuses a log.
var ErrDamaged = errors.New("the write-ahead log is damaged")

// State is what a log remembers.
type State struct {
	Metadata  Metadata
	HardState raftpb.HardState // The last one written.
	// Entries are all that are left, without a gap.
	Entries []raftpb.Entry
	// Snapshots are the marks, oldest first; those before a reset are left out.
	Snapshots []SnapshotMark
	// CutBytes is how much of a torn tail was cut off.
	CutBytes int64
}

// After returns the entries behind a snapshot and checks that none is missing.
func (s *State) After(index uint64) ([]raftpb.Entry, error) {
	entries := s.Entries
	for len(entries) > 0 && entries[0].Index <= index {
		entries = entries[1:]
	}
	last := index
	if len(entries) > 0 {
		if first := entries[0].Index; first != index+1 {
			return nil, fmt.Errorf("%w: it begins at entry %d, the snapshot ends at %d", ErrDamaged, first, index)
		}
		last = entries[len(entries)-1].Index
	}
	if s.HardState.Commit > last {
		return nil, fmt.Errorf("%w: entry %d is committed but the log ends at %d", ErrDamaged, s.HardState.Commit, last)
	}
	return entries, nil
}

// Exists reports whether a disk has a log under the prefix.
func Exists(d *disk.Disk, prefix string) bool { return len(d.List(prefix)) > 0 }

// Recover reads a log and opens it for appending. It takes the time that reading the files takes. What was cut off is
// gone, and what was read is durable after the first Sync; the member must wait for one, since a process that dies
// leaves in the page cache what a power failure may still take.
func Recover(d *disk.Disk, prefix string, entrySize func(*raftpb.Entry) int, done func(*Log, *State, error)) {
	r := &recovery{
		log:   &Log{disk: d, prefix: prefix, entrySize: entrySize},
		names: d.List(prefix), done: done, state: &State{},
	}
	r.next()
}

// recovery reads one segment after the other.
type recovery struct {
	log   *Log
	names []string
	read  int
	state *State
	done  func(*Log, *State, error)
	// bytes and records count the intact part of the last segment read.
	bytes   int64
	records uint64
	gap     error
}

func (r *recovery) next() {
	if r.read == len(r.names) {
		r.finish()
		return
	}
	file := r.log.disk.Open(r.names[r.read])
	file.Load(func(records []disk.Record, err error) {
		if err == nil {
			err = r.segment(file, records)
		}
		if err != nil {
			r.done(nil, nil, err)
			return
		}
		r.read++
		r.next()
	})
}

// segment takes in the records of one file up to the first bad one.
func (r *recovery) segment(file *disk.File, records []disk.Record) error {
	r.bytes, r.records = 0, 0
	var promised int64 // Up to here the file was durable, as its records say.
	for i := range records {
		d := &records[i]
		if d.State == disk.Rotten {
			return fmt.Errorf("%w: %s has a checksum mismatch at offset %d", ErrDamaged, file.Name(), d.Offset)
		}
		record, ok := d.Payload.(*record)
		if d.State != disk.Intact || !ok {
			continue // What follows does not join on, so nothing more is taken.
		}
		promised = max(promised, record.durable)
		if d.Offset == r.bytes {
			r.take(record, d.Length)
		}
	}
	if promised > r.bytes {
		return fmt.Errorf("%w: %s has a hole at offset %d, below the %d bytes that were durable",
			ErrDamaged, file.Name(), r.bytes, promised)
	}
	if r.bytes == file.Size() {
		return nil
	}
	if r.read+1 < len(r.names) { // A segment is cut only when the one before is durable: its name proves that.
		return fmt.Errorf("%w: %s ends at offset %d but has a successor", ErrDamaged, file.Name(), r.bytes)
	}
	r.state.CutBytes += file.Size() - r.bytes
	return file.Truncate(r.bytes)
}

func (r *recovery) take(record *record, length int64) {
	r.bytes += length
	r.records = record.sequence
	if record.metadata != nil {
		r.state.Metadata = *record.metadata
	}
	if record.state != (raftpb.HardState{}) {
		r.state.HardState = record.state
	}
	if m := record.snapshot; m.Index > 0 {
		if m.Reset {
			r.state.Entries, r.state.Snapshots = nil, nil
		}
		if n := len(r.state.Snapshots); n == 0 || r.state.Snapshots[n-1].Index < m.Index { // Headers repeat the last.
			r.state.Snapshots = append(r.state.Snapshots, m)
		}
	}
	r.add(record.entries)
}

// add appends entries, replacing those of the same and higher indices.
func (r *recovery) add(entries []raftpb.Entry) {
	if len(entries) == 0 {
		return
	}
	have := r.state.Entries
	for len(have) > 0 && have[len(have)-1].Index >= entries[0].Index {
		have = have[:len(have)-1]
	}
	if n := len(have); n > 0 && have[n-1].Index+1 != entries[0].Index {
		r.gap = fmt.Errorf("%w: entry %d follows entry %d", ErrDamaged, entries[0].Index, have[n-1].Index)
	}
	r.state.Entries = append(have, entries...)
}

func (r *recovery) finish() {
	switch {
	case r.gap != nil:
		r.done(nil, nil, r.gap)
		return
	case r.state.Metadata.MemberID == 0:
		r.done(nil, nil, ErrEmpty)
		return
	}
	l := r.log
	l.metadata, l.state = r.state.Metadata, r.state.HardState
	if n := len(r.state.Snapshots); n > 0 {
		l.mark = r.state.Snapshots[n-1]
		l.mark.Reset = false
		l.last = l.mark.Index
	}
	if n := len(r.state.Entries); n > 0 {
		l.last = r.state.Entries[n-1].Index
	}
	for _, name := range r.names {
		s := segment{name: name}
		var number int
		fmt.Sscanf(name[len(l.prefix):], "%d-%x.wal", &number, &s.first)
		l.segments = append(l.segments, s)
	}
	l.file = l.disk.Open(r.names[len(r.names)-1])
	l.sequence, l.written = r.records, r.bytes
	var err error
	if r.records == 0 { // The crash came between the name and the first record.
		err = l.append(l.header())
	}
	r.done(l, r.state, err)
}

// ErrEmpty says that the log was created but nothing of it was ever durable: the member is new.
var ErrEmpty = errors.New("the write-ahead log is empty")
