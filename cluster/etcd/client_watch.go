package etcd

import "github.com/fauxkube/fauxkube/sim/network"

// WatchReceiver takes what a watch tells, in events of the client's process.
type WatchReceiver interface {
	// Events takes changes, or a progress notification if there are none. The response is shared: do not change it.
	Events(r *WatchResponse)
	// Closed is the last call. The watch does not resume by itself: whoever wants to go on watches from after the last
	// revision seen. ErrCompacted says that this is not possible, ErrNoLeader that the member was cut off. It does
	// not come after Cancel.
	Closed(err error)
}

// Watch is a watch on the store. It has a stream of its own, so that a slow receiver holds up nobody else.
type Watch struct {
	client   *Client
	endpoint *endpoint
	receiver WatchReceiver
	stream   *network.Stream
}

// watchControlBytes is the modelled size of a client's message on a watch's stream.
const watchControlBytes = 16

// Watch begins a watch at the next endpoint.
func (c *Client) Watch(r *WatchRequest, to WatchReceiver) *Watch {
	w := &Watch{client: c, endpoint: c.pick(), receiver: to}
	w.stream = w.endpoint.conn.Stream(c.methods.watch, r, r.SizeBytes(), w)
	return w
}

// Cancel ends the watch: nothing is received any more.
func (w *Watch) Cancel() { w.stream.Close() }

// RequestProgress asks how far the watch is. The answer is a response without events, once everything up to its
// revision has been sent; there is none while the watch is behind.
func (w *Watch) RequestProgress() { w.stream.Send(progressRequest{}, watchControlBytes) }

// Receive implements network.Receiver.
func (w *Watch) Receive(message any, _ int) {
	if r := message.(*WatchResponse); !r.Created && !r.Canceled {
		w.receiver.Events(r)
	}
}

// Closed implements network.Receiver.
func (w *Watch) Closed(err error) {
	if err == nil || broken(err) {
		w.endpoint.fail(w.client)
	}
	if err == nil {
		err = ErrStopped
	}
	w.receiver.Closed(err)
}
