package network

import "github.com/fauxkube/fauxkube/sim/host"

// Message is a one-way message as a service sees it.
type Message struct {
	Method    Method
	Payload   any
	SizeBytes int
	Peer      *host.Process
}

// Send sends a one-way message: in order with the connection's other messages, without an answer. It returns false, and
// the message is dropped, where the connection cannot take it: while attempts to connect fail, or with more than a
// window of messages under way. That true was returned does not mean that it will arrive. It is what raft's
// transport needs. The service must be a MessageService.
func (c *Conn) Send(m Method, payload any, sizeBytes int) bool {
	if !c.check() {
		return false
	}
	n := c.network
	if c.link == nil && (c.connect() != nil || c.messageBytes() >= n.config.MessageWindow) {
		return false
	}
	f := n.newFrame()
	f.msg, f.size, f.method = payload, int64(sizeBytes), m
	if c.link == nil {
		c.messages = append(c.messages, f)
		return true
	}
	return c.link.client.sendMessage(f)
}

func (c *Conn) messageBytes() int64 {
	var bytes int64
	for _, f := range c.messages {
		bytes += f.size
	}
	return bytes
}

func (e *end) sendMessage(f *frame) bool {
	n := e.network()
	if e.messages <= 0 || e.stalledBytes >= n.config.SendBuffer {
		n.freeFrame(f)
		return false
	}
	n.stats.Messages++
	e.messages -= f.size
	f.end = e.peer
	e.send(n.kinds.message, f.size, uint64(f.method), f)
	return true
}

func receiveMessage(_ uint64, ref any) {
	f := ref.(*frame)
	e := f.end
	n := e.network()
	m := Message{Method: f.method, Payload: f.msg, SizeBytes: int(f.size), Peer: e.peer.process}
	n.freeFrame(f)
	if !e.received() {
		return
	}
	e.link.service.(MessageService).ServeMessage(m)
	e.messagesUnreturned += int64(m.SizeBytes)
	if e.open && 2*e.messagesUnreturned >= n.config.MessageWindow {
		e.credit(n.kinds.messageCredit, nil, &e.messagesUnreturned)
	}
}

func receiveMessageCredit(_ uint64, ref any) {
	if _, e, size := takeCredit(ref.(*frame)); e != nil {
		e.messages += size
	}
}
