package network

// multiplex is what an end knows of the calls and streams that share its connection.
type multiplex struct {
	// window is how much stream data the peer is ready to take, receive how much this end is, unreturned what it has
	// consumed and not yet said so.
	window, receive, unreturned int64
	// messages is how many bytes of one-way messages may still be sent.
	messages, messagesUnreturned int64
	calls                        callList
	flows                        flowList
	// blocked are the streams that were told that the window is full, in that order.
	blocked []*flow
}

// fail tells everybody above that the connection is gone.
func (m *multiplex) fail(e *end, err error) {
	calls := m.calls.take()
	for c := calls.pop(); c != nil; c = calls.pop() {
		c.finish(nil, err)
	}
	for f := m.flows.first; f != nil; f = m.flows.first {
		f.finish(err)
	}
	m.blocked = nil
}

// flow is one side of a stream.
type flow struct {
	end  *end
	peer *flow
	// window is how much the peer's side is ready to take; capacity is what that was at the beginning.
	window, capacity int64
	// receive is what this side takes. unconsumed has arrived and still counts, unreturned has been consumed and the peer
	// does not know yet.
	receive, unconsumed, unreturned int64
	manual, ended, refused          bool
	onWritable                      func()
	client                          *Stream
	server                          *ServerStream

	list       *flowList
	prev, next *flow
}

// flowList is streams in the order in which they were opened.
type flowList struct{ first, last *flow }

func (l *flowList) add(f *flow) {
	f.list, f.prev = l, l.last
	if l.last != nil {
		l.last.next = f
	} else {
		l.first = f
	}
	l.last = f
}

func (l *flowList) remove(f *flow) {
	if f.prev != nil {
		f.prev.next = f.next
	} else {
		l.first = f.next
	}
	if f.next != nil {
		f.next.prev = f.prev
	} else {
		l.last = f.prev
	}
	f.list, f.prev, f.next = nil, nil, nil
}

// frame is a message under way, or a credit for the other side's window.
type frame struct {
	flow   *flow
	end    *end
	msg    any
	err    error
	size   int64
	method Method
}

func (n *Network) newFrame() *frame {
	if k := len(n.freeFrames); k > 0 {
		f := n.freeFrames[k-1]
		n.freeFrames = n.freeFrames[:k-1]
		return f
	}
	return &frame{}
}

func (n *Network) freeFrame(f *frame) {
	*f = frame{}
	n.freeFrames = append(n.freeFrames, f)
}

// writable: as with HTTP/2, something may be sent while the windows are above zero, so that a message larger than a
// window passes, and the next one waits.
func (f *flow) writable() bool {
	e := f.end
	return f.window > 0 && e.window > 0 && e.stalledBytes < e.link.network.config.SendBuffer
}

// send puts a message on the wire if the windows allow.
func (f *flow) send(msg any, size int64) bool {
	if f.ended {
		return true
	}
	e := f.end
	if !f.writable() {
		if !f.refused {
			f.refused = true
			e.blocked = append(e.blocked, f)
		}
		return false
	}
	n := e.link.network
	n.stats.StreamMessages++
	f.window -= size
	e.window -= size
	x := n.newFrame()
	x.flow, x.msg, x.size = f.peer, msg, size
	k := n.kinds.data
	if e.client {
		k = n.kinds.dataUp
	}
	e.send(k, size, 0, x)
	return true
}

// receiveData is a message that arrives at the client.
func receiveData(_ uint64, ref any) {
	f, msg, size := takeData(ref.(*frame))
	if f == nil {
		return
	}
	f.client.receiver.Receive(msg, int(size))
	f.settle(size)
}

// receiveUpload is a message that arrives at the server.
func receiveUpload(_ uint64, ref any) {
	f, msg, size := takeData(ref.(*frame))
	if f == nil {
		return
	}
	if h := f.server.onMessage; h != nil {
		h(msg, int(size))
		f.settle(size)
		return
	}
	f.server.inbox = append(f.server.inbox, received{msg, size})
}

// takeData frees the frame; the flow is nil where nobody wants the message any more.
func takeData(x *frame) (f *flow, msg any, size int64) {
	f, msg, size = x.flow, x.msg, x.size
	e := f.end
	e.link.network.freeFrame(x)
	if !e.received() {
		return nil, nil, 0
	}
	if f.ended {
		e.giveBack(size)
		return nil, nil, 0
	}
	f.unconsumed += size
	return f, msg, size
}

// settle consumes a message that its receiver has taken, unless he does it himself.
func (f *flow) settle(size int64) {
	if !f.manual {
		f.consume(size)
	}
}

// consume opens the windows again. The peer hears of it when half a window has come together, not after each message.
func (f *flow) consume(size int64) {
	size = min(size, f.unconsumed)
	if f.ended || size <= 0 {
		return
	}
	f.unconsumed -= size
	f.unreturned += size
	if 2*f.unreturned >= f.receive {
		f.end.credit(f.end.link.network.kinds.credit, f.peer, &f.unreturned)
	}
	f.end.giveBack(size)
}

// giveBack returns a part of the connection's window.
func (e *end) giveBack(size int64) {
	e.unreturned += size
	if 2*e.unreturned >= e.receive {
		e.credit(e.link.network.kinds.connCredit, nil, &e.unreturned)
	}
}

func receiveCredit(_ uint64, ref any) {
	f, _, size := takeCredit(ref.(*frame))
	if f == nil || f.ended {
		return
	}
	f.window += size
	f.end.wake()
}

func receiveConnCredit(_ uint64, ref any) {
	_, e, size := takeCredit(ref.(*frame))
	if e == nil {
		return
	}
	e.window += size
	e.wake()
}

func takeCredit(x *frame) (f *flow, e *end, size int64) {
	f, e, size = x.flow, x.end, x.size
	e.link.network.freeFrame(x)
	if !e.received() {
		return nil, nil, 0
	}
	return f, e, size
}

// wake tells the streams that were refused and can send now, first come, first served.
func (e *end) wake() {
	waiting := e.blocked
	e.blocked = nil
	for _, f := range waiting {
		if f.ended {
			continue
		}
		if !f.writable() {
			e.blocked = append(e.blocked, f)
			continue
		}
		f.refused = false
		f.resume()
	}
}

func becomeWritable(_ uint64, ref any) {
	if e := ref.(*end); e.open {
		e.wake()
	}
}

func (f *flow) resume() {
	if f.client != nil {
		f.client.flush()
	}
	if f.onWritable != nil && f.writable() {
		f.onWritable()
	}
}

// finish ends this side of the stream and tells its owner.
func (f *flow) finish(err error) {
	if f.ended {
		return
	}
	f.detach()
	if f.client != nil {
		f.client.receiver.Closed(err)
	} else if h := f.server.onClosed; h != nil {
		h(err)
	}
}

// detach ends this side of the stream without a word; what was not consumed no longer burdens the connection.
func (f *flow) detach() {
	f.ended = true
	if f.list != nil {
		f.list.remove(f)
	}
	if f.end != nil && f.end.open && f.unconsumed > 0 {
		f.end.giveBack(f.unconsumed)
	}
}

// sayEnd tells the other side that the stream is over, after everything that was sent.
func (f *flow) sayEnd(err error) {
	e := f.end
	if !e.open {
		return
	}
	n := e.link.network
	x := n.newFrame()
	x.flow, x.err = f.peer, err
	e.send(n.kinds.endStream, 50, 0, x)
}

func receiveEnd(_ uint64, ref any) {
	x := ref.(*frame)
	f, err := x.flow, x.err
	f.end.link.network.freeFrame(x)
	if f.end.received() {
		f.finish(err)
	}
}
