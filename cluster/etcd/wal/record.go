package wal

import (
	"go.etcd.io/raft/v3/raftpb"
)

// Metadata opens every segment.
type Metadata struct {
	ClusterID, MemberID uint64
	// Voters are the members that the cluster was started with; empty where the member joined later.
	Voters []uint64
}

// SnapshotMark says that a snapshot of this index and term is durable.
type SnapshotMark struct {
	Index, Term uint64
	// Reset says that it came from the leader and replaces the log: entries written before it are void.
	Reset bool
}

// record is one write to the log. It is immutable.
type record struct {
	metadata *Metadata
	entries  []raftpb.Entry
	state    raftpb.HardState // Empty where it has not changed.
	snapshot SnapshotMark
	// sequence numbers the records of a segment from 1; durable is how many bytes of the segment were synced when
	// this was written.
	sequence uint64
	durable  int64
}

// Modelled sizes: etcd frames each record with length, type and checksum and pads it to 8 bytes.
const (
	frameBytes     = 24
	entryBytes     = 16 // Term, index, type and tags of one entry.
	hardStateBytes = 16
	metadataBytes  = 32
	// entriesPerRecord groups entries, so that a torn write costs at most this many; etcd has one entry a record.
	entriesPerRecord = 16
)

func (r *record) sizeBytes(entrySize func(*raftpb.Entry) int) int {
	n := frameBytes
	for i := range r.entries {
		n += entryBytes + entrySize(&r.entries[i])
	}
	if r.state != (raftpb.HardState{}) {
		n += hardStateBytes
	}
	if r.metadata != nil {
		n += metadataBytes
	}
	return n
}
