package client

import (
	"time"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// shortWatch is how long a watch without an event must have lasted to count as one (handleAnyWatch in client-go).
const shortWatch = time.Second

// watching is one open watch. It receives the stream's messages; once abandoned it ignores them.
type watching struct {
	reflector *reflector
	stream    *network.Stream
	opened    sim.Monotonic
	received  int // events
	initial   *initialState
	abandoned bool

	// What has arrived and waits for the process to find the time to decode it, if decoding costs anything.
	inbox   sim.Queue[message]
	busy    bool
	closed  bool
	closing error
}

// message is one message of the stream.
type message struct {
	batch     *api.WatchBatch
	sizeBytes int
}

func (r *reflector) open(request *api.Request) {
	w := &watching{reflector: r, opened: r.now()}
	if r.state == stateInitial {
		w.initial = &initialState{}
	}
	r.stream = w
	c := r.client
	w.stream = c.conn.Stream(c.watch, request, api.SizeOfRequest(request), w)
}

// abandon closes the watch from our side; nothing it still brings matters.
func (w *watching) abandon() {
	w.abandoned = true
	w.inbox = sim.Queue[message]{}
	if w.stream != nil {
		w.stream.Close()
	}
}

// veryShort reports that the watch has brought nothing and is hardly a second old.
func (w *watching) veryShort() bool {
	return w.received == 0 && w.reflector.now().Sub(w.opened) < shortWatch
}

// Receive implements network.Receiver. Decoding is charged, message by message in order.
func (w *watching) Receive(msg any, sizeBytes int) {
	if w.abandoned {
		return
	}
	m := message{batch: msg.(*api.WatchBatch), sizeBytes: sizeBytes}
	if c := w.reflector.client; !w.busy && c.process.IsFree(c.costs.watch) {
		w.handle(m.batch)
		return
	}
	w.inbox.Push(m)
	if !w.busy {
		w.decode()
	}
}

// decode charges the first message of the inbox.
func (w *watching) decode() {
	w.busy = true
	c := w.reflector.client
	c.process.Charge(c.costs.watch, int64(w.inbox.First().sizeBytes), 0, c.kinds.decoded, 0, w)
}

func watchDecoded(_ uint64, ref any) { ref.(*watching).decoded() }

func (w *watching) decoded() {
	w.busy = false
	if w.abandoned {
		return
	}
	m, _ := w.inbox.Pop()
	w.handle(m.batch)
	switch {
	case w.abandoned:
	case w.inbox.Len() > 0:
		w.decode()
	case w.closed:
		w.end(w.closing)
	}
}

// Closed implements network.Receiver.
func (w *watching) Closed(err error) {
	if w.abandoned {
		return
	}
	if w.busy || w.inbox.Len() > 0 {
		w.closed, w.closing = true, err
		return
	}
	w.end(err)
}

func (w *watching) end(err error) {
	w.abandoned = true
	w.reflector.ended(w, err)
}

// handle takes over a batch of events.
func (w *watching) handle(batch *api.WatchBatch) {
	for n := range batch.Events {
		if w.abandoned { // A handler has stopped us.
			return
		}
		w.received++
		e := &batch.Events[n]
		if w.initial != nil {
			w.handleInitial(e)
			continue
		}
		if w.reflector.bugs.forgetsDeletion && w.received == 1 && e.Type == watch.Deleted {
			continue
		}
		w.reflector.handle(e)
	}
}

func (w *watching) handleInitial(e *api.WatchEvent) {
	if e.Type != watch.Bookmark {
		w.initial.apply(e)
		return
	}
	if !api.IsInitialEventsEnd(*e) {
		return
	}
	objects := w.initial.objects
	w.initial = nil
	w.reflector.inStep(objects, e.Object.GetResourceVersion())
}

// inStep takes over a whole state, as of a resource version; the stream that brought it goes on as a watch.
func (r *reflector) inStep(objects []api.Object, resourceVersion string) {
	r.state, r.unavailable, r.retries = stateWatching, false, 0
	r.resourceVersion, r.listed = resourceVersion, resourceVersion
	r.informer.replace(objects)
	if o := r.informer.observer; o != nil {
		o.Listed(int64(api.ParseRV(resourceVersion)), r.informer.objects)
	}
}

// handle takes over one event of a watch in step.
func (r *reflector) handle(e *api.WatchEvent) {
	r.resourceVersion = api.Meta(e.Object).ResourceVersion
	switch e.Type {
	case watch.Added, watch.Modified:
		r.informer.changed(e.Object)
	case watch.Deleted:
		r.informer.drop(e.Object)
	case watch.Bookmark:
		if o := r.informer.observer; o != nil {
			o.Progress(int64(api.ParseRV(r.resourceVersion)))
		}
	}
}

// initialState collects the initial events of a WatchList. They are additions first; changes that happen meanwhile
// may follow before the closing bookmark.
type initialState struct {
	objects []api.Object
	at      map[key]int // made by the first event that is no addition
}

func (s *initialState) apply(e *api.WatchEvent) {
	if e.Type == watch.Added && s.at == nil {
		s.objects = append(s.objects, e.Object)
		return
	}
	s.makeIndex()
	k := keyOf(e.Object)
	at, known := s.at[k]
	switch {
	case e.Type == watch.Deleted && known:
		s.remove(k, at)
	case e.Type == watch.Deleted:
	case known:
		s.objects[at] = e.Object
	default:
		s.at[k] = len(s.objects)
		s.objects = append(s.objects, e.Object)
	}
}

func (s *initialState) makeIndex() {
	if s.at != nil {
		return
	}
	s.at = make(map[key]int, len(s.objects))
	for i, o := range s.objects {
		s.at[keyOf(o)] = i
	}
}

// remove takes an object out, filling its place with the last one.
func (s *initialState) remove(k key, at int) {
	last := len(s.objects) - 1
	moved := s.objects[last]
	s.objects[at] = moved
	s.at[keyOf(moved)] = at
	delete(s.at, k)
	s.objects = s.objects[:last]
}
