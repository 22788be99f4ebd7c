package network

import (
	"slices"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Receiver takes what a server sends on a stream, in events of the process that opened it.
type Receiver interface {
	// Receive takes one message. It counts against the windows until Receive returns or, on a stream with manual
	// flow control, until Consume.
	Receive(msg any, sizeBytes int)
	// Closed is the last call: err is nil where the server ended the stream in order, what it gave to Close, or one of
	// ErrReset, ErrRefused, ErrUnreachable, ErrClosed. It does not come after the client's own Close.
	Closed(err error)
}

// Stream is the client's side of a stream. It does not survive its connection.
type Stream struct {
	flow
	conn     *Conn
	receiver Receiver
	method   Method
	payload  any
	size     int64
	opened   bool
	failure  error
	queue    []received
	queued   int64
}

type received struct {
	msg  any
	size int64
}

// ServerStream is the service's side of a stream.
type ServerStream struct {
	flow
	stream    *Stream
	onMessage func(msg any, sizeBytes int)
	onClosed  func(err error)
	inbox     []received
}

// Stream opens a stream with a request. It waits for the connection if that is not there yet.
func (c *Conn) Stream(m Method, payload any, sizeBytes int, r Receiver) *Stream {
	s := &Stream{conn: c, receiver: r, method: m, payload: payload, size: int64(sizeBytes)}
	s.flow.client = s
	if !c.check() {
		s.ended = true
		return s
	}
	if c.link != nil {
		s.open(&c.link.client)
		return s
	}
	if err := c.connect(); err != nil {
		n := c.network
		s.failure = err
		c.process.AtTime(n.simulation.Now(), 0, n.kinds.failStream, uint64(m), s)
		return s
	}
	c.streams = append(c.streams, s)
	return s
}

func failStream(_ uint64, ref any) {
	s := ref.(*Stream)
	s.end(s.failure)
}

// end finishes a stream that was never opened.
func (s *Stream) end(err error) { s.flow.finish(err) }

// open puts the stream on the wire, and what was sent on it meanwhile.
func (s *Stream) open(e *end) {
	if s.ended {
		return
	}
	n, k := e.network(), e.link
	options := &k.conn.options
	server := &ServerStream{stream: s}
	server.flow.server = server
	s.flow.end, server.flow.end = e, &k.server
	s.flow.peer, server.flow.peer = &server.flow, &s.flow
	s.window, s.receive = n.config.ServerStreamWindow, options.StreamWindow
	server.window, server.receive = options.StreamWindow, n.config.ServerStreamWindow
	s.capacity, server.capacity = s.window, server.window
	s.opened = true
	e.flows.add(&s.flow)
	e.send(n.kinds.open, s.size, uint64(s.method), server)
	s.flush()
}

func receiveOpen(_ uint64, ref any) {
	st := ref.(*ServerStream)
	e := st.flow.end
	if e.received() {
		e.flows.add(&st.flow)
		e.link.service.ServeStream(st)
	}
}

// Send sends a message to the service. It never refuses: what the window has no room for waits in the client.
func (s *Stream) Send(msg any, sizeBytes int) {
	if s.ended {
		return
	}
	if s.opened && len(s.queue) == 0 && s.flow.send(msg, int64(sizeBytes)) {
		return
	}
	s.queue = append(s.queue, received{msg, int64(sizeBytes)})
	s.queued += int64(sizeBytes)
}

// flush sends what has waited, as far as the window allows.
func (s *Stream) flush() {
	for len(s.queue) > 0 && s.flow.send(s.queue[0].msg, s.queue[0].size) {
		s.queued -= s.queue[0].size
		s.queue[0] = received{}
		s.queue = s.queue[1:]
	}
}

// Buffered returns how many bytes were sent and not yet consumed, as far as the client knows.
func (s *Stream) Buffered() int { return int(s.capacity - s.window + s.queued) }

// Close ends the stream: nothing more is received, the service hears of it.
func (s *Stream) Close() {
	if s.ended {
		return
	}
	s.flow.detach()
	if s.opened {
		s.flow.sayEnd(nil)
		return
	}
	c := s.conn
	c.streams = slices.DeleteFunc(c.streams, func(x *Stream) bool { return x == s })
}

// Open reports whether the stream has not ended.
func (s *Stream) Open() bool { return !s.ended }

// ManualFlow makes messages count against the windows until Consume.
func (s *Stream) ManualFlow() { s.manual = true }

// Consume takes received bytes off the windows.
func (s *Stream) Consume(sizeBytes int) { s.flow.consume(int64(sizeBytes)) }

// Method is what the stream is for.
func (st *ServerStream) Method() Method { return st.stream.method }

// Payload is what the client opened the stream with; it is shared and must not be changed.
func (st *ServerStream) Payload() any { return st.stream.payload }

// Peer is the process that opened the stream; it may be dead by now.
func (st *ServerStream) Peer() *host.Process { return st.flow.end.link.client.process }

// PeerName is the name of the process that opened the stream.
func (st *ServerStream) PeerName() string { return st.Peer().Name() }

// Send sends a message to the client. It returns false, and has not sent it, where a window is full: OnWritable's function
// will be called when there is room. What is sent on a stream that has ended is lost.
func (st *ServerStream) Send(msg any, sizeBytes int) bool { return st.flow.send(msg, int64(sizeBytes)) }

// Writable reports whether Send would accept a message.
func (st *ServerStream) Writable() bool { return !st.ended && st.flow.writable() }

// OnWritable sets what is called each time there is room again after Send returned false.
func (st *ServerStream) OnWritable(f func()) { st.flow.onWritable = f }

// Buffered returns how many bytes were sent and not yet consumed by the client, as far as the server knows.
func (st *ServerStream) Buffered() int { return int(st.capacity - st.window) }

// Close ends the stream; the client gets err, which may be nil, after everything that was sent before.
func (st *ServerStream) Close(err error) {
	if st.ended {
		return
	}
	st.flow.detach()
	st.flow.sayEnd(err)
}

// Open reports whether the stream has not ended, as far as the server knows.
func (st *ServerStream) Open() bool { return !st.ended }

// OnClosed sets what is called when the stream ends otherwise than by Close: with nil where the client closed it, with
// ErrReset where the connection broke.
func (st *ServerStream) OnClosed(f func(err error)) { st.onClosed = f }

// OnMessage sets what takes the client's messages; what came before is handed over in an event of its own.
func (st *ServerStream) OnMessage(f func(msg any, sizeBytes int)) {
	st.onMessage = f
	if len(st.inbox) == 0 {
		return
	}
	e := st.flow.end
	inbox := st.inbox
	st.inbox = nil
	for _, r := range inbox {
		e.process.AtTime(e.now(), e.peer.lane, e.network().kinds.handOver, uint64(r.size)<<16, &handOver{st, r})
	}
}

// handOver is a message that arrived before anybody took messages.
type handOver struct {
	stream *ServerStream
	received
}

func handOverMessage(_ uint64, ref any) {
	h := ref.(*handOver)
	if st := h.stream; !st.ended {
		st.onMessage(h.msg, int(h.size))
		st.flow.settle(h.size)
	}
}

// ManualFlow makes messages count against the windows until Consume.
func (st *ServerStream) ManualFlow() { st.manual = true }

// Consume takes received bytes off the windows.
func (st *ServerStream) Consume(sizeBytes int) { st.flow.consume(int64(sizeBytes)) }

// credit sends what has come together as a WINDOW_UPDATE frame; f is nil for the connection's window.
func (e *end) credit(k sim.Kind, f *flow, amount *int64) {
	n := e.network()
	x := n.newFrame()
	x.flow, x.end, x.size = f, e.peer, *amount
	*amount = 0
	e.send(k, creditBytes, 0, x)
}

const creditBytes = 13 // An HTTP/2 WINDOW_UPDATE frame: 9 bytes of header, 4 of payload.
