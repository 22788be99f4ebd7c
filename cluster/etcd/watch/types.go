package watch

import (
	"slices"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Request says what to watch: one key, or the keys in [Key, RangeEnd), from StartRevision on (0 is from now on).
type Request struct {
	Key, RangeEnd  string
	StartRevision  int64
	PrevKV         bool
	ProgressNotify bool // Be told the revision when nothing has happened for a while.
	NoPut          bool
	NoDelete       bool
	Fragment       bool // Large responses may be split.
	RequireLeader  bool // End the watch when the member has no leader.
}

// SizeBytes is the modelled encoded size.
func (r *Request) SizeBytes() int { return 32 + len(r.Key) + len(r.RangeEnd) }

// Response is one message to a watcher. It is immutable and shared by watchers that asked the same.
type Response struct {
	Header mvcc.Header
	Events []mvcc.Event
	// Created is the first message of a watch.
	Created bool
	// Canceled is the last one; Reason says why, CompactRevision is set where the history is gone.
	Canceled        bool
	Reason          error
	CompactRevision int64
	// Fragment says that the events of Header.Revision continue in the next message.
	Fragment bool
	size     int
}

// newResponse copies events into a response: one allocation where there is one event, as there mostly is.
func newResponse(header mvcc.Header, events []mvcc.Event) *Response {
	if len(events) == 1 {
		one := &struct {
			Response
			event [1]mvcc.Event
		}{Response{Header: header}, [1]mvcc.Event{events[0]}}
		one.Events = one.event[:]
		return &one.Response
	}
	return &Response{Header: header, Events: slices.Clone(events)}
}

// responseOverheadBytes is about what the header and the envelope take.
const responseOverheadBytes = 48

// IsProgress reports whether the message says only that everything up to Header.Revision has been delivered.
func (r *Response) IsProgress() bool {
	return len(r.Events) == 0 && !r.Created && !r.Canceled && r.CompactRevision == 0
}

// SizeBytes is the modelled encoded size.
func (r *Response) SizeBytes() int {
	if r.size == 0 {
		r.size = responseOverheadBytes
		for i := range r.Events {
			r.size += r.Events[i].SizeBytes()
		}
	}
	return r.size
}

// Sink is where a watcher's responses go.
type Sink interface {
	// Send takes a response, or reports false where there is no room: the hub keeps it until Writable.
	Send(*Response) bool
}

type state uint8

const (
	synced state = iota
	unsynced
	blocked
	ended
)

// Watcher is one watch on the hub.
type Watcher struct {
	hub   *Hub
	group *group
	sink  Sink
	state state
	// place is the index in the group's or the hub's list.
	place int
	// next is the first revision that has not been delivered. Of a synced watcher it lags behind: see resumeAt.
	next  int64
	start int64
	// pending are responses that the sink had no room for.
	pending  []*Response
	fragment bool
	progress bool
	// quiet says that no events were sent since the watch began or the last ProgressTick.
	quiet bool
}

// Synced reports whether everything that has happened has been handed to the sink.
func (w *Watcher) Synced() bool { return w.state == synced }

// Ended reports whether the watcher is off the hub.
func (w *Watcher) Ended() bool { return w.state == ended }
