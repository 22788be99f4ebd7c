package etcd

import (
	"encoding/binary"
	"unsafe"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Command is what a raft entry stands for: a request that changes the state. It is shared by all members by reference
// and never changes once proposed, except for the fields at its end, which belong to the proposer.
type Command struct {
	seal
	// id tells commands of a simulation apart; only the canonical log looks at it.
	id      uint64
	request any // *PutRequest, *DeleteRangeRequest, *TxnRequest, *CompactionRequest, *LeaseGrantRequest, ...
	// sizeBytes is the modelled encoded size.
	sizeBytes int

	// The member that proposed it, and whom it will answer: a client's call, or the member itself, which then is told how
	// it went. Both are nil where nobody waits.
	proposer   *Member
	call       *network.ServerCall
	done       func(error)
	arrived    sim.Monotonic
	prev, next *Command
	listed     bool
}

// seal makes an object fit to be what the data of a raft entry, a byte slice, points to. raft looks at the length of
// the data only and passes the slice on as it is; so the slice is the first eight bytes of the object itself, which
// keep it alive. They hold the object's own address, by which a slice that somebody copied would be found out.
type seal struct {
	address uint64
}

// sealBytes is the length of an entry's data as raft sees it.
const sealBytes = 8

// reference returns the data that stands for the object that begins with the seal. The object must be on the heap.
func (s *seal) reference() []byte {
	s.address = uint64(uintptr(unsafe.Pointer(s)))
	return unsafe.Slice((*byte)(unsafe.Pointer(s)), sealBytes)
}

// dereference returns the object that data stands for.
func dereference(data []byte) unsafe.Pointer {
	p := unsafe.Pointer(unsafe.SliceData(data))
	if len(data) != sealBytes || binary.NativeEndian.Uint64(data) != uint64(uintptr(p)) {
		panic("etcd: the data of a raft entry is not a reference, or was copied")
	}
	return p
}

// entry returns the raft entry that proposes the command.
func (c *Command) entry() raftpb.Entry {
	return raftpb.Entry{Data: c.reference()}
}

// commandOf returns the command of a normal entry; nil where a leader confirmed its term with an empty one.
func commandOf(e *raftpb.Entry) *Command {
	if len(e.Data) == 0 {
		return nil
	}
	return (*Command)(dereference(e.Data))
}

// entrySize is the modelled size of an entry's data.
func entrySize(e *raftpb.Entry) int {
	if e.Type != raftpb.EntryNormal || len(e.Data) == 0 {
		return len(e.Data)
	}
	return commandOf(e).sizeBytes
}

// entriesSize is the modelled size of entries in a message.
func entriesSize(entries []raftpb.Entry) (n int) {
	for i := range entries {
		n += entrySize(&entries[i]) + entryOverheadBytes
	}
	return n
}

// Modelled sizes: term, index and type of an entry; the other fields of a raft message.
const (
	entryOverheadBytes   = 16
	messageOverheadBytes = 40
)

// commands is a list of commands that wait for an answer, in order of arrival.
type commands struct {
	first, last *Command
	count       int
}

func (l *commands) add(c *Command) {
	c.prev, c.listed = l.last, true
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
	l.count++
}

func (l *commands) remove(c *Command) {
	if !c.listed {
		return
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.last = c.prev
	}
	c.prev, c.next, c.listed = nil, nil, false
	l.count--
}
