package wal

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/sim/disk"
)

// SegmentBytes is the size from which a new segment is cut (etcd server/storage/wal: SegmentSizeBytes, 64 MB).
const SegmentBytes = 64 * 1000 * 1000

// Log is an open write-ahead log.
type Log struct {
	disk      *disk.Disk
	prefix    string
	metadata  Metadata
	entrySize func(*raftpb.Entry) int
	segments  []segment
	file      *disk.File
	sequence  uint64
	// durable and written count the bytes of the last segment that are synced and that are there.
	durable, written int64
	// named says that the last segment's name is durable.
	named bool
	// syncing is called when the sync under way, of the bytes up to upTo, is done; synced and listed are its two steps.
	syncing        func(error)
	upTo           int64
	synced, listed func(error)

	state raftpb.HardState
	mark  SnapshotMark
	last  uint64
}

// segment is one file and the index of the first entry that may be in it.
type segment struct {
	name  string
	first uint64
}

func segmentName(prefix string, number int, first uint64) string {
	return fmt.Sprintf("%s%08d-%016x.wal", prefix, number, first)
}

// Create starts a log on a disk that has none under the prefix. entrySize is the modelled size of an entry's data. It
// is durable after the first Sync.
func Create(d *disk.Disk, prefix string, m Metadata, entrySize func(*raftpb.Entry) int) (*Log, error) {
	l := &Log{disk: d, prefix: prefix, metadata: m, entrySize: entrySize}
	return l, l.cut(0)
}

// Metadata returns what the log was created with.
func (l *Log) Metadata() Metadata { return l.metadata }

// LastIndex is the index of the last entry that was appended.
func (l *Log) LastIndex() uint64 { return l.last }

// cut opens the next segment.
func (l *Log) cut(number int) error {
	if l.written != l.durable {
		panic(fmt.Sprintf("wal: %s is cut with %d bytes that are not durable", l.file.Name(), l.written-l.durable))
	}
	name := segmentName(l.prefix, number, l.last+1)
	l.segments = append(l.segments, segment{name, l.last + 1})
	l.file, l.named = l.disk.Open(name), false
	l.sequence, l.durable, l.written = 0, 0, 0
	return l.append(l.header())
}

// header opens a segment, so that those before it can be released.
func (l *Log) header() record {
	return record{metadata: &l.metadata, state: l.state, snapshot: l.mark}
}

func (l *Log) append(r record) error {
	l.sequence++
	r.sequence, r.durable = l.sequence, l.durable
	size := r.sizeBytes(l.entrySize)
	if _, err := l.file.Append(&r, size); err != nil {
		return err
	}
	l.written += int64(size)
	return nil
}

// Append writes entries and, where it has changed, the hard state. Entries replace those of the same and higher
// indices. The slice must not change afterwards.
func (l *Log) Append(entries []raftpb.Entry, state raftpb.HardState) error {
	if state != (raftpb.HardState{}) {
		l.state = state
	}
	if len(entries) > 0 {
		l.last = entries[len(entries)-1].Index
	}
	for len(entries) > entriesPerRecord {
		if err := l.append(record{entries: entries[:entriesPerRecord:entriesPerRecord]}); err != nil {
			return err
		}
		entries = entries[entriesPerRecord:]
	}
	// The state comes last: what it says to be committed must not be there without its entries.
	return l.append(record{entries: entries, state: state})
}

// Mark writes that a snapshot is durable.
func (l *Log) Mark(m SnapshotMark) error {
	if m.Reset || m.Index > l.last {
		l.last = m.Index
	}
	l.mark = SnapshotMark{Index: m.Index, Term: m.Term}
	return l.append(record{snapshot: m})
}

// Sync makes everything appended so far durable and then calls done. One sync may be under way at a time.
func (l *Log) Sync(done func(error)) {
	if l.syncing != nil {
		panic("wal: a second sync of " + l.file.Name() + " while one is under way")
	}
	l.syncing, l.upTo = done, l.written
	if l.synced == nil {
		l.synced, l.listed = l.fileSynced, l.finishSync
	}
	l.file.Sync(l.synced)
}

func (l *Log) fileSynced(err error) {
	if err != nil || l.named {
		l.finishSync(err)
		return
	}
	l.disk.SyncDirectory(l.listed)
}

func (l *Log) finishSync(err error) {
	if err == nil {
		l.durable, l.named = l.upTo, true
	}
	done := l.syncing
	l.syncing = nil
	done(err)
}

// Full reports whether the last segment has reached its size and may be cut.
func (l *Log) Full() bool { return l.written >= SegmentBytes }

// Durable reports whether everything appended is durable.
func (l *Log) Durable() bool { return l.written == l.durable }

// Cut opens a new segment; everything must be durable. The new one is durable after the next Sync.
func (l *Log) Cut() error {
	var number int
	fmt.Sscanf(l.segments[len(l.segments)-1].name[len(l.prefix):], "%d", &number)
	return l.cut(number + 1)
}

// Release removes the segments that hold nothing behind an index.
func (l *Log) Release(index uint64) {
	for len(l.segments) > 1 && l.segments[1].first <= index+1 {
		// The name may come back in a crash; recovery starts at a snapshot and skips what is before.
		if err := l.disk.Remove(l.segments[0].name); err != nil {
			panic("wal: releasing " + l.segments[0].name + ": " + err.Error())
		}
		l.segments = l.segments[1:]
	}
}
