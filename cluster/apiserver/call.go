package apiserver

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/fairness"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// call is one unary request from its arrival to its answer:
//
//	arrive -> [queue of priority and fairness] -> execute -> decoded -> (read or write) -> answer -> encoded -> finish
//
// A call may be over early, because its time is up; whatever comes back later finds it done.
type call struct {
	server  *Server
	rpc     *network.ServerCall
	request *api.Request
	entry   *registry.Entry
	bytes   int // of the body

	fair      fairness.Request
	executing bool
	queueSlot int
	deadline  int

	received sim.Wall
	arrived  int64
	done     bool

	response *api.Response
	size     int
	// whole is what the call is part of if it writes.
	whole *writeCall
}

// writeCall is a call and its write. It is used again when it has been answered in the ordinary way.
type writeCall struct {
	call      call
	operation operation
}

func newCall(s *Server, rpc *network.ServerCall, r *api.Request) *call {
	if !r.Verb.Writes() {
		return &call{server: s, rpc: rpc, request: r}
	}
	var w *writeCall
	if n := len(s.freeWrites); n > 0 {
		w, s.freeWrites = s.freeWrites[n-1], s.freeWrites[:n-1]
	} else {
		w = &writeCall{}
	}
	w.call = call{server: s, rpc: rpc, request: r, whole: w}
	return &w.call
}

// recycle takes a write back: it has been executed and answered, and holds no seats.
func (s *Server) recycle(w *writeCall) {
	*w = writeCall{}
	s.freeWrites = append(s.freeWrites, w)
}

func (c *call) arrive() {
	s := c.server
	c.entry = registry.For(c.request.Resource)
	c.bytes = c.rpc.SizeBytes()
	c.received, c.arrived = s.process.Wall(), s.now()
	c.deadline = s.deadlines.add(c)
	s.metrics.begin(c.request.Verb)
	if c.bytes > maxRequestBytes && c.request.Verb.Writes() {
		c.finish(nil, errTooLarge())
		return
	}
	if !c.request.Resource.Served(s.config.Gates) {
		c.finish(nil, errNotServed(c.request))
		return
	}
	d := digestOf(c.request)
	width := s.fairness.Classify(&c.fair, d)
	c.fair.Owner = c
	switch s.fairness.Admit(&c.fair, d, s.workOf(c.entry, c.request, width), c.arrived) {
	case fairness.Execute:
		c.execute()
	case fairness.Queued:
		c.queueSlot = s.queued.add(c)
	case fairness.Reject:
		c.reject("queue-full")
	}
}

func digestOf(r *api.Request) fairness.Digest {
	return fairness.Digest{User: r.User, Verb: r.Verb, Resource: r.Resource, Subresource: r.Subresource, Namespace: r.Namespace}
}

// workOf estimates the seats that a request takes.
func (s *Server) workOf(e *registry.Entry, r *api.Request, width int) fairness.Work {
	switch r.Verb {
	case api.VerbList, api.VerbWatch:
		if r.Verb == api.VerbWatch && !wantsInitialEvents(r) {
			return fairness.Work{Seats: 1}
		}
		cache := s.cacherOf(e).cache
		return fairness.ListWork(fairness.ListShape{
			Objects: int64(cache.Len()), Bytes: cache.Bytes(), Limit: r.Limit,
			Selective: r.LabelSelector != nil || r.FieldSelector != nil,
			FromCache: r.Verb == api.VerbWatch || !delegatedByShape(r), Single: r.Name != "",
		}, width)
	case api.VerbCreate, api.VerbUpdate, api.VerbPatch, api.VerbDelete:
		return fairness.WriteWork(s.watchCounts.interested(e.Storage, r.Namespace, r.Name), width)
	}
	return fairness.Work{Seats: 1}
}

// Dispatched is told by priority and fairness when the queue lets the call go.
func (c *call) Dispatched() {
	c.server.queued.end(c.queueSlot)
	c.execute()
}

func (c *call) execute() {
	c.executing = true
	s := c.server
	s.process.Charge(s.ops.decode, int64(c.bytes), 0, s.kinds.decoded, uint64(c.request.Verb), c)
}

func (c *call) decoded() {
	if c.done {
		return
	}
	r := c.request
	switch {
	case r.Verb == api.VerbGet:
		c.get()
	case r.Verb == api.VerbList:
		c.list()
	case r.Verb == api.VerbDeleteCollection:
		c.deleteCollection()
	case r.Verb.Writes():
		c.write()
	default:
		c.finish(nil, errMethod(r))
	}
}

// answer sends a response of a known size, 0 for one that is still to be measured. An error goes out as it is.
func (c *call) answer(r *api.Response, size int, err error) {
	if c.done {
		return
	}
	if err != nil {
		c.finish(nil, err)
		return
	}
	if size == 0 {
		size = api.SizeOfResponse(r)
	}
	c.response, c.size = r, size
	s := c.server
	s.process.Charge(s.ops.encode, int64(size), 0, s.kinds.encoded, 0, c)
}

func (c *call) encoded() {
	if c.done {
		return
	}
	if lingers := c.finish(c.response, nil); !lingers && c.whole != nil {
		c.server.recycle(c.whole)
	}
}

func (c *call) reject(reason string) {
	c.server.metrics.reject(c.fair.Level(), c.fair.Schema(), reason)
	c.finish(nil, errBusy(c.request, c.server.fairness.RetryAfter(&c.fair)))
}

// finish answers the network and settles the accounts. It reports whether the call still holds seats.
func (c *call) finish(r *api.Response, err error) (lingers bool) {
	s := c.server
	c.done = true
	var shown api.Object
	if err != nil {
		err = statusOf(err)
		c.rpc.Fail(err)
	} else {
		shown = r.Object
		c.rpc.Reply(r, c.size)
	}
	c.rpc = nil // The network uses it again.
	now := s.now()
	if c.executing {
		c.executing = false
		if linger := s.fairness.Finish(&c.fair, now); linger > 0 {
			lingers = true
			s.process.At(linger, 0, s.kinds.released, 0, c)
		}
	}
	s.deadlines.end(c.deadline)
	s.metrics.end(c.request.Verb)
	took := time.Duration(now - c.arrived)
	s.metrics.observe(c.request, took, c.fair.Waited(now), err)
	s.audit(c.request, c.received, took, shown, err)
	return lingers
}

// release frees the seats that the call held for the watchers that it woke.
func (c *call) release() { c.server.fairness.Release(&c.fair, c.server.now()) }

// expireCalls answers the calls whose 60 s are up. What they have asked of the store may still happen.
func (s *Server) expireCalls() {
	for _, m := range s.deadlines.expired() {
		c := m.(*call)
		if !c.executing {
			s.queued.end(c.queueSlot)
			s.fairness.Expire(&c.fair, s.now())
		}
		c.finish(nil, errTimeout())
	}
}

// expireQueued turns away what has waited for seats too long.
func (s *Server) expireQueued() {
	for _, m := range s.queued.expired() {
		switch q := m.(type) {
		case *call:
			s.fairness.Expire(&q.fair, s.now())
			q.reject("time-out")
		case *watching:
			s.fairness.Expire(&q.fair, s.now())
			q.reject("time-out")
		}
	}
}
