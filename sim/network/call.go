package network

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// ServerCall is a request as the service sees it. The client's side of the call lives in the same object, which is used
// again when both sides are done with it: touch it no more after Reply or Fail.
type ServerCall struct {
	network *Network
	link    *link
	method  Method
	size    int64
	payload any

	answer   any
	err      error
	answered bool
	// held: the request is under way, with the server, or its answer is under way.
	held bool
	// finished: the client has its answer or has stopped waiting.
	finished bool

	done     func(payload any, err error)
	waiter   *waiter
	deadline sim.Timer

	list       *callList
	prev, next *ServerCall
}

// callList is calls in the order in which they were made.
type callList struct{ first, last *ServerCall }

func (l *callList) add(c *ServerCall) {
	c.list, c.prev = l, l.last
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
}

func (l *callList) remove(c *ServerCall) {
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
	c.list, c.prev, c.next = nil, nil, nil
}

// take moves all calls into a list of its own, for loops whose body may add more.
func (l *callList) take() *callList {
	taken := *l
	*l = callList{}
	for c := taken.first; c != nil; c = c.next {
		c.list = &taken
	}
	return &taken
}

func (l *callList) pop() *ServerCall {
	c := l.first
	if c != nil {
		l.remove(c)
	}
	return c
}

func (n *Network) newCall() *ServerCall {
	if k := len(n.freeCalls); k > 0 {
		c := n.freeCalls[k-1]
		n.freeCalls = n.freeCalls[:k-1]
		return c
	}
	return &ServerCall{network: n}
}

func (n *Network) recycle(c *ServerCall) {
	*c = ServerCall{network: n}
	n.freeCalls = append(n.freeCalls, c)
}

// Call sends a request of a modelled size and calls done once, in an event of the process that dialled: with the
// service's answer, its error, or one of ErrTimeout, ErrReset, ErrRefused, ErrUnreachable, ErrClosed. A timeout of 0 or
// less means none; it ends the wait, not the request.
func (c *Conn) Call(m Method, payload any, sizeBytes int, timeout time.Duration, done func(payload any, err error)) {
	if call := c.newCall(m, payload, sizeBytes, timeout); call != nil {
		call.done = done
		c.begin(call)
	}
}

// CallTask is Call for a task, which it parks. The task's own deadline ends the wait as well.
func (c *Conn) CallTask(t *sim.Task, m Method, payload any, sizeBytes int, timeout time.Duration) (any, error) {
	call := c.newCall(m, payload, sizeBytes, timeout)
	if call == nil {
		return nil, ErrClosed
	}
	n := c.network
	w := n.newWaiter()
	call.waiter = w
	c.begin(call)
	if t.Wait(sim.Forever, w) < 0 {
		call.finish(nil, ErrTimeout)
	}
	answer, err := w.answer, w.err
	w.Clear()
	w.answer, w.err = nil, nil
	n.freeWaiters = append(n.freeWaiters, w)
	return answer, err
}

// waiter is what a task waits for in CallTask.
type waiter struct {
	sim.Signal
	answer any
	err    error
}

func (n *Network) newWaiter() *waiter {
	if k := len(n.freeWaiters); k > 0 {
		w := n.freeWaiters[k-1]
		n.freeWaiters = n.freeWaiters[:k-1]
		return w
	}
	return &waiter{}
}

func (c *Conn) newCall(m Method, payload any, sizeBytes int, timeout time.Duration) *ServerCall {
	if !c.check() {
		return nil
	}
	n := c.network
	n.stats.Calls++
	call := n.newCall()
	call.method, call.payload, call.size = m, payload, int64(sizeBytes)
	if timeout > 0 {
		call.deadline = c.process.At(timeout, 0, n.kinds.deadline, uint64(m), call)
	}
	return call
}

// begin sends a call, or lets it wait for the connection.
func (c *Conn) begin(call *ServerCall) {
	if c.link != nil {
		c.link.client.start(call)
		return
	}
	if err := c.connect(); err != nil {
		call.err, call.held = err, true
		c.process.AtTime(c.network.simulation.Now(), 0, c.network.kinds.failCall, uint64(call.method), call)
		return
	}
	c.calls.add(call)
}

func failCall(_ uint64, ref any) {
	c := ref.(*ServerCall)
	c.held = false
	if c.finished {
		c.network.recycle(c)
		return
	}
	c.finish(nil, c.err)
}

func deadline(_ uint64, ref any) { ref.(*ServerCall).finish(nil, ErrTimeout) }

// start puts a call on the wire.
func (e *end) start(c *ServerCall) {
	c.link, c.held = e.link, true
	e.calls.add(c)
	e.send(e.network().kinds.request, c.size, uint64(c.method), c)
}

func receiveRequest(_ uint64, ref any) {
	c := ref.(*ServerCall)
	if !c.link.server.received() {
		c.release()
		return
	}
	c.link.service.ServeCall(c)
}

func receiveReply(_ uint64, ref any) {
	c := ref.(*ServerCall)
	c.link.client.received()
	if c.finished {
		c.release()
		return
	}
	c.held = false
	c.finish(c.answer, c.err)
}

// release ends the server's side of the call.
func (c *ServerCall) release() {
	c.held = false
	if c.finished {
		c.network.recycle(c)
	}
}

// finish ends the client's side of the call.
func (c *ServerCall) finish(payload any, err error) {
	n := c.network
	if c.list != nil {
		c.list.remove(c)
	}
	n.simulation.Cancel(c.deadline)
	done, w := c.done, c.waiter
	c.done, c.waiter, c.finished = nil, nil, true
	if !c.held {
		n.recycle(c)
	}
	if w != nil {
		w.answer, w.err = payload, err
		w.Set()
	} else if done != nil {
		done(payload, err)
	}
}

// Method is what the request is for.
func (c *ServerCall) Method() Method { return c.method }

// Payload is what the client sent; it is shared and must not be changed.
func (c *ServerCall) Payload() any { return c.payload }

// SizeBytes is the request's modelled length.
func (c *ServerCall) SizeBytes() int { return int(c.size) }

// Peer is the process that sent the request; it may be dead by now.
func (c *ServerCall) Peer() *host.Process { return c.link.client.process }

// PeerName is the name of the process that sent the request.
func (c *ServerCall) PeerName() string { return c.link.client.process.Name() }

// Reply sends the answer, of a modelled size.
func (c *ServerCall) Reply(payload any, sizeBytes int) { c.respond(payload, nil, sizeBytes) }

// errorBytes is the modelled size of an error: a Status object in JSON is a few hundred bytes.
const errorBytes = 300

// Fail answers with an error, which the client gets as it is.
func (c *ServerCall) Fail(err error) { c.respond(nil, err, errorBytes) }

func (c *ServerCall) respond(payload any, err error, sizeBytes int) {
	if c.answered || !c.held {
		panic("network: a call was answered twice")
	}
	c.answer, c.err, c.answered = payload, err, true
	e := &c.link.server
	if !e.open {
		c.release()
		return
	}
	e.send(e.network().kinds.reply, int64(sizeBytes), uint64(c.method), c)
}
