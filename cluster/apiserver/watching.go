package apiserver

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/fairness"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
	"github.com/fauxkube/fauxkube/cluster/witness"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// watching is one client's watch:
//
//	arrive -> [queue] -> begin -> [wait until the cache is fresh] -> register -> pump -> encoded -> send -> pump ... -> close
//
// It holds seats only until its initial events are out. Between changes it is idle; a change that it can see wakes it.
type watching struct {
	server  *Server
	stream  *network.ServerStream
	request *api.Request
	entry   *registry.Entry
	cacher  *cacher

	fair        fairness.Request
	seated      bool
	queueSlot   int
	begun       bool
	closed      bool
	deadline    int64 // of the watch
	end         sim.Timer
	selector    *watchcache.Selector
	watcher     *watchcache.Watcher
	witness     *witness.Stream
	initial     uint64 // revision that initial events must have reached
	generation  int    // of the cache when the watch began
	scope       watchScope
	counted     bool
	awake       bool // in the cacher's list of those to be pumped
	busy        bool // a batch is being encoded or sent
	blocked     bool // the batch waits for the client to make room
	batch       *api.WatchBatch
	batchBytes  int
	slowChecked bool
}

// A batch is at most so many events, and is cut when it exceeds so many bytes: what a server writes before it looks at its
// queue again.
const (
	maxBatchEvents = 500
	maxBatchBytes  = 256 << 10
)

func (w *watching) arrive() {
	s, r := w.server, w.request
	w.entry = registry.For(r.Resource)
	if !r.Resource.Served(s.config.Gates) {
		w.stream.Close(errNotServed(r))
		return
	}
	w.cacher = s.cacherOf(w.entry)
	w.stream.OnClosed(func(error) { w.stop(nil) })
	w.stream.OnWritable(w.writable)
	d := digestOf(r)
	width := s.fairness.Classify(&w.fair, d)
	w.fair.Owner = w
	switch s.fairness.Admit(&w.fair, d, s.workOf(w.entry, r, width), s.now()) {
	case fairness.Execute:
		w.execute()
	case fairness.Queued:
		w.queueSlot = s.queued.add(w)
	case fairness.Reject:
		w.reject("queue-full")
	}
}

// Dispatched is told by priority and fairness when the queue lets the watch begin.
func (w *watching) Dispatched() {
	w.server.queued.end(w.queueSlot)
	w.execute()
}

func (w *watching) reject(reason string) {
	w.server.metrics.reject(w.fair.Level(), w.fair.Schema(), reason)
	w.close(errBusy(w.request, w.server.fairness.RetryAfter(&w.fair)))
}

func (w *watching) execute() {
	s := w.server
	w.seated = true
	s.process.Charge(s.ops.watchStart, 1, 0, s.kinds.watchStarted, 0, w)
}

// begin checks the request and, where it asks for initial events, waits until the cache can show them.
func (w *watching) begin() {
	if w.closed {
		return
	}
	r, s := w.request, w.server
	err := checkListOptions(r)
	if err == nil {
		w.selector, err = selectorOf(w.entry, r)
	}
	var revision uint64
	if err == nil {
		revision, err = parseRevision(r.ResourceVersion)
	}
	if err == nil && !w.cacher.ready {
		err = w.cacher.unready()
	}
	if err != nil {
		w.close(err)
		return
	}
	w.begun, w.generation = true, w.cacher.generation
	w.setDeadline()
	switch {
	case r.SendInitialEvents && r.ResourceVersion == "":
		s.store.Revision(w.entry.Prefix(""), func(revision int64, err error) {
			if err != nil {
				w.close(err)
				return
			}
			w.whenFresh(uint64(revision))
		})
	case r.SendInitialEvents:
		w.whenFresh(revision)
	default:
		w.register(revision)
	}
}

// whenFresh registers a WatchList once the cache has reached a revision.
func (w *watching) whenFresh(revision uint64) {
	w.initial = revision
	w.cacher.await(revision, func(err error) {
		if err != nil {
			w.close(err)
			return
		}
		w.register(revision)
	})
}

func (w *watching) setDeadline() {
	s := w.server
	timeout := time.Duration(w.request.TimeoutSeconds) * time.Second
	if timeout == 0 {
		timeout = minWatchTimeout + time.Duration(s.draws.Int63n(purposeWatchTimeout, int64(minWatchTimeout)))
	}
	w.deadline = s.now() + int64(timeout)
	w.end = s.process.At(timeout, 0, s.kinds.watchEnd, 0, w)
}

// register adds the watch to the cache.
func (w *watching) register(revision uint64) {
	if w.closed {
		return
	}
	c, r := w.cacher, w.request
	if !c.ready || c.generation != w.generation {
		w.close(nil) // The cache was filled anew meanwhile.
		return
	}
	start := watchcache.Start{
		Selector: w.selector, Prefix: w.entry.Prefix(w.selector.Namespace), Revision: revision,
		InitialEvents: r.SendInitialEvents, Bookmarks: r.AllowBookmarks, Deadline: w.deadline, Sink: w,
	}
	if r.SendInitialEvents && r.AllowBookmarks {
		start.BookmarkAfter = max(w.initial, 1)
		if r.ResourceVersion == "0" {
			start.BookmarkAfter = c.cache.Revision()
		}
	}
	var err error
	if w.watcher, err = c.cache.Watch(start, w.server.now()); err != nil {
		w.close(err)
		return
	}
	from, objects := w.watcher.Began()
	w.witness = w.server.config.Witness.Watch(w.server.process, w, w.entry.Storage, w.selector, int64(from), objects)
	if w.scope, w.counted = scopeOfWatch(w.entry.Storage, w.selector); w.counted {
		w.server.watchCounts.add(w.scope, 1)
	}
	w.server.metrics.longRunning(w.entry.Resource).Inc()
	c.armBookmarks()
	w.pump()
}

// Pending wakes the watch: the cacher pumps it when the change is done.
func (w *watching) Pending() {
	if !w.awake {
		w.awake = true
		w.cacher.woken = append(w.cacher.woken, w)
	}
}

// Ended is told when the cache is filled anew.
func (w *watching) Ended() { w.close(nil) }

// Overflow gives the client a last chance to take its events.
func (w *watching) Overflow() {
	if !w.slowChecked {
		w.slowChecked = true
		w.server.process.At(slowWatcherBudget, 0, w.server.kinds.watchSlow, 0, w)
	}
}

func (w *watching) checkSlow() {
	w.slowChecked = false
	if !w.closed && w.watcher.Overflowing() {
		w.server.metrics.slowWatchers.Inc()
		w.close(nil)
	}
}

// pump starts on the next batch, if there is one and nothing is in the way.
func (w *watching) pump() {
	w.awake = false
	if w.busy || w.blocked || w.closed {
		return
	}
	if w.watcher.Len() == 0 {
		w.leaveSeat()
		return
	}
	w.busy = true
	s := w.server
	var t watchcache.Taken
	if w.watcher.Len() == 1 {
		one := &single{}
		t = w.watcher.Take(1, maxBatchBytes, one.events[:0])
		w.batch = &one.batch
	} else {
		t = w.watcher.Take(maxBatchEvents, maxBatchBytes, nil)
		w.batch = &api.WatchBatch{}
	}
	w.witness.Tell(t.Events)
	w.batch.Events = w.present(t.Events)
	w.batchBytes = t.Bytes + len(t.Events)*eventFrameBytes
	if t.Encode == 0 {
		w.encoded()
		return
	}
	s.process.Charge(s.ops.watchEncode, int64(t.Encode), 0, s.kinds.watchEncoded, 0, w)
}

// single is a batch of one event in one allocation.
type single struct {
	batch  api.WatchBatch
	events [1]api.WatchEvent
}

// eventFrameBytes is what a watch event takes around its object: frame length, type, tags (api.SizeOfEvent).
const eventFrameBytes = 16

func (w *watching) encoded() {
	if !w.closed {
		s := w.server
		s.process.Charge(s.ops.watchSend, int64(len(w.batch.Events)), 0, s.kinds.watchSent, 0, w)
	}
}

// send hands the batch to the connection. If that has no room, the batch waits for it.
func (w *watching) send() {
	if w.closed {
		return
	}
	w.busy = false
	if !w.stream.Send(w.batch, w.batchBytes) {
		w.blocked = true
		return
	}
	w.batch = nil
	w.pump()
}

func (w *watching) writable() {
	if w.blocked && !w.closed {
		w.blocked = false
		w.send()
	}
}

// present shows stored objects as the resource; for nearly all they are the same.
func (w *watching) present(events []api.WatchEvent) []api.WatchEvent {
	if w.entry.Storage == w.entry.Resource {
		return events
	}
	for i := range events {
		events[i].Object = w.entry.Present(events[i].Object)
	}
	return events
}

// leaveSeat tells priority and fairness that the watch is initialised: from here on it costs only what changes.
func (w *watching) leaveSeat() {
	if !w.seated {
		return
	}
	w.seated = false
	w.server.fairness.Finish(&w.fair, w.server.now())
}

// close ends the watch from the server's side.
func (w *watching) close(err error) {
	if w.closed {
		return
	}
	if err != nil {
		err = statusOf(err)
	}
	w.stop(err)
	w.stream.Close(err)
}

// stop forgets the watch and counts it as a completed request.
func (w *watching) stop(err error) {
	if w.closed {
		return
	}
	w.closed = true
	s, r := w.server, w.request
	s.metrics.requestsOf(requestKey{durationKey{r.Verb, r.Resource, "", scopeOf(r)}, r.UserAgent, codeOf(r, err)}).Inc()
	s.process.Cancel(w.end)
	switch {
	case w.seated:
		w.leaveSeat()
	case !w.begun && s.fairness.Expire(&w.fair, s.now()):
		s.queued.end(w.queueSlot)
	}
	if w.watcher == nil {
		return
	}
	w.watcher.End()
	w.witness.End()
	s.metrics.longRunning(w.entry.Resource).Dec()
	if w.counted {
		s.watchCounts.add(w.scope, -1)
	}
}

func (w *watching) String() string {
	return fmt.Sprintf("watch of %s %s by %s on %s", w.request.Resource, w.selector, w.stream.PeerName(), w.server.process.Machine().Name())
}
