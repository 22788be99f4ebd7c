// Package network simulates what lies between machines, at the height at which Kubernetes sees it: connections that carry
// calls and streams as HTTP/2 does over TCP.
//
// A process listens at an address with a Service; another one dials the address and gets a Conn, which connects when it
// is used and again after a break. Several things share a connection, its order and its fate:
//
//	conn.Call(method, request, size, timeout, done)      // a request and its answer
//	conn.Stream(method, request, size, receiver)         // messages both ways, with flow control: a watch
//	conn.Send(method, message, size)                     // one-way messages: raft
//
// Payloads travel by reference and are never changed; their sizes are modelled. All callbacks run in events of the process
// that they belong to, never inside the call that caused them.
//
// # How a message travels
//
// Every pair of machines has a path each way with a latency, by default that of machines in one zone, in two zones or in
// two regions, a bandwidth, and whatever faults are laid over it. An end of a connection draws a latency for each
// message; a message never overtakes another one of its end. That is all, and costs one event per message, as long as
// nothing is wrong with the path.
//
// # What goes wrong, and what it looks like
//
//   - A lost packet is a delay: TCP sends it again after 200 ms, then 400, and so on, and everything behind it waits.
//   - In a partition the connection stalls. It goes on at TCP's first try after the partition has healed, so a long
//     partition is followed by a long pause. A one-way partition lets data through until the window is full, since
//     nothing is acknowledged.
//   - A client that has read nothing for 30 s sends a ping, and breaks the connection if nothing is read for 15 s more
//     (client-go's settings); a server relies on TCP's keep-alive, minutes later, or on TCP giving up after a quarter
//     of an hour. Pings that would be answered are not sent at all: they become events only while there is trouble.
//   - A break ends every call and stream with ErrReset, or with ErrLost, which is one, where a ping was not answered.
//     What was asked for may have happened, or may happen yet.
//   - A deadline ends the wait with ErrTimeout, not the request.
//   - A dead process on a living machine answers with a reset, an attempt to connect to it is refused. A dead
//     machine is silent, until it has booted: then it answers what is left of old connections with resets.
//   - A full flow-control window shows at the sender: Send returns false, Writable says when to go on. The windows
//     are those of Go's HTTP/2 transport and of the API server. Window updates are messages too and come when half a
//     window has been consumed.
//   - A paused process reads what has come, in order, when it resumes, unless the other side has given up by then.
//
// Datagrams have no connection: Network.Send shows loss, duplication and reordering as they are.
//
// # Faults
//
// Partition, Degrade, Clog and Corrupt act between sets of machines, both ways or one way, and add up; SetPath says what
// a path is like when nothing is wrong. A machine reaches itself whatever happens.
//
// # Draws
//
// Latency, loss, reordering, duplication and corruption are separate purposes of streams that are named by process and
// address, so that a fault, or another connection, changes nobody else's draws.
//
// # Left out
//
// A message passes as a whole: a large answer holds up what is behind it on the same path, which HTTP/2 frames and
// fair queueing would interleave. TCP's slow start, HTTP/2's limit on concurrent streams, and the server closing
// connections that were idle for 90 s are not modelled. The bodies of calls do not count against windows.
package network
