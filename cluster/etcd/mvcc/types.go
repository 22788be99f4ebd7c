package mvcc

import "strings"

// Value is what is stored under a key: an immutable reference with a modelled size in bytes. Two values that are the
// same Go value are the same; only Bytes have an order.
type Value interface {
	SizeBytes() int
}

// Bytes is the value of raw workloads: its own content.
type Bytes string

// SizeBytes is the length of the content.
func (b Bytes) SizeBytes() int { return len(b) }

// KeyValue is one revision of one key. It is immutable and shared: whoever gets a pointer to it may keep it.
type KeyValue struct {
	Key            string
	Value          Value
	CreateRevision int64 // Revision of the put that created the key.
	ModRevision    int64 // Revision of this put.
	Version        int64 // Number of puts since the creation, this one included; 0 in the event of a deletion.
	Lease          int64 // Lease that the key is attached to; 0 is none.
}

// keyValueOverheadBytes is about what protobuf adds to key and value: five varint fields and the tags.
const keyValueOverheadBytes = 24

// SizeBytes is the modelled encoded size.
func (kv *KeyValue) SizeBytes() int {
	return len(kv.Key) + valueSize(kv.Value) + keyValueOverheadBytes
}

func valueSize(v Value) int {
	if v == nil {
		return 0
	}
	return v.SizeBytes()
}

// compareValues orders values: by content where both are Bytes. Other values are equal if they are the same reference
// and are ordered by size otherwise; Kubernetes compares revisions only.
func compareValues(a, b Value) int {
	x, xIsBytes := a.(Bytes)
	y, yIsBytes := b.(Bytes)
	switch {
	case (xIsBytes || a == nil) && (yIsBytes || b == nil):
		return strings.Compare(string(x), string(y))
	case a == b:
		return 0
	case valueSize(a) > valueSize(b):
		return 1
	default:
		return -1
	}
}

// EventType says what happened to a key.
type EventType uint8

const (
	// Put is a creation or an update.
	Put EventType = iota
	// Delete is a deletion, by request or because a lease ended.
	Delete
)

func (t EventType) String() string {
	if t == Delete {
		return "DELETE"
	}
	return "PUT"
}

// Event is one change of one key.
type Event struct {
	Type EventType
	// KV is the new state; of a deletion it has only Key and ModRevision.
	KV *KeyValue
	// PrevKV is the state before the revision; nil where the key did not exist, or the state has been compacted.
	PrevKV *KeyValue
}

// IsCreate reports whether the key did not exist before.
func (e *Event) IsCreate() bool {
	return e.Type == Put && e.KV.CreateRevision == e.KV.ModRevision
}

// SizeBytes is the modelled encoded size.
func (e *Event) SizeBytes() int {
	n := e.KV.SizeBytes() + 4
	if e.PrevKV != nil {
		n += e.PrevKV.SizeBytes()
	}
	return n
}

// Record is one revision of one key in its place in the history.
type Record struct {
	KeyValue
	// previous is the record that this one replaced: nil where there was none or it has been compacted.
	previous *Record
	// sizeBytes counts this record into the size of the database, replacedBytes the one that it replaced.
	sizeBytes, replacedBytes int32
}

// Deleted reports whether the record is a tombstone.
func (r *Record) Deleted() bool { return r.Version == 0 }

// at returns the newest record of the key up to a revision, going back from r; nil where there is none.
func (r *Record) at(revision int64) *Record {
	for r != nil && r.ModRevision > revision {
		r = r.previous
	}
	return r
}

// living returns the key's state as of a revision; nil where it did not exist then.
func (r *Record) living(revision int64) *Record {
	if r = r.at(revision); r == nil || r.Version == 0 {
		return nil
	}
	return r
}

// Event returns what the record says to a watcher, with or without the state before its revision.
func (r *Record) Event(prevKV bool) Event {
	e := Event{KV: &r.KeyValue}
	if r.Version == 0 {
		e.Type = Delete
	}
	if prevKV && !e.IsCreate() { // A key that its own revision deleted before is new, too.
		if p := r.previous.living(r.ModRevision - 1); p != nil {
			e.PrevKV = &p.KeyValue
		}
	}
	return e
}
