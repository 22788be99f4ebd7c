package network

import "github.com/fauxkube/fauxkube/sim"

// kinds are the network's events. Their number is the size in bytes, shifted by 16, and the method.
type kinds struct {
	syn, synRetry, accept, connected, refused, dialTimeout, closeConn sim.Kind
	request, reply, deadline, failCall                                sim.Kind
	open, data, dataUp, handOver, credit, endStream, failStream       sim.Kind
	connCredit, message, messageCredit                                sim.Kind
	reset, retransmit, giveUp, writable                               sim.Kind
	ping, pong, pingDue, pingExpired                                  sim.Kind
	datagram                                                          sim.Kind
}

func registerKinds(s *sim.Simulation) kinds {
	return kinds{
		syn:           s.Kind("network.syn", receiveSyn),
		synRetry:      s.Kind("network.syn.retry", retrySyn),
		accept:        s.Kind("network.accept", accept),
		connected:     s.Kind("network.connected", connected),
		refused:       s.Kind("network.refused", refused),
		dialTimeout:   s.Kind("network.dial.timeout", dialTimeout),
		closeConn:     s.Kind("network.close", closeConn),
		request:       s.Kind("network.request", receiveRequest),
		reply:         s.Kind("network.reply", receiveReply),
		deadline:      s.Kind("network.deadline", deadline),
		failCall:      s.Kind("network.call.failed", failCall),
		open:          s.Kind("network.stream.open", receiveOpen),
		data:          s.Kind("network.stream.data", receiveData),
		dataUp:        s.Kind("network.stream.upload", receiveUpload),
		handOver:      s.Kind("network.stream.handover", handOverMessage),
		credit:        s.Kind("network.stream.credit", receiveCredit),
		endStream:     s.Kind("network.stream.end", receiveEnd),
		failStream:    s.Kind("network.stream.failed", failStream),
		connCredit:    s.Kind("network.credit", receiveConnCredit),
		message:       s.Kind("network.message", receiveMessage),
		messageCredit: s.Kind("network.message.credit", receiveMessageCredit),
		reset:         s.Kind("network.reset", receiveReset),
		retransmit:    s.Kind("network.retransmit", retransmit),
		giveUp:        s.Kind("network.giveup", giveUp),
		writable:      s.Kind("network.writable", becomeWritable),
		ping:          s.Kind("network.ping", receivePing),
		pong:          s.Kind("network.pong", receivePong),
		pingDue:       s.Kind("network.ping.due", pingDue),
		pingExpired:   s.Kind("network.ping.expired", pingExpired),
		datagram:      s.Kind("network.datagram", receiveDatagram),
	}
}
