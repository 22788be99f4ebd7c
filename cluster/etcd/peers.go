package etcd

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/fauxkube/fauxkube/sim/network"
)

// peer is another member and the connections to it: one for raft's messages, which must stay in order and small, and
// one for snapshots and forwarded requests, which may take long.
type peer struct {
	Peer
	conn, bulk *network.Conn
	// remote says that it is not a member as far as this one knows, which may be behind: it is answered all the same.
	remote bool
	quiet  quiet
}

// snapshotTimeout is how long a snapshot may be under way; etcd's transport has no limit but a broken connection.
const snapshotTimeout = 10 * time.Minute

// connectPeers makes the connections match the list of members.
func (m *Member) connectPeers() {
	for _, id := range slices.Sorted(maps.Keys(m.peers)) {
		p := m.peers[id]
		_, member := m.cluster.members[id]
		if p.remote = p.remote && !member; !member && (!p.remote || m.cluster.removed[id]) {
			p.conn.Close()
			p.bulk.Close()
			delete(m.peers, id)
		}
	}
	for _, p := range m.cluster.sorted() {
		if p.ID != m.id && m.peers[p.ID] == nil {
			m.connectPeer(p)
		}
	}
}

// connectRemote connects to a sender that this member does not know yet. etcd's members say in each connection where they
// listen (rafthttp: X-PeerURLs), so that one that is behind can answer a leader that joined later.
func (m *Member) connectRemote(id uint64) {
	if p, ok := m.canonical.addresses[id]; ok && id != m.id {
		m.connectPeer(p)
		m.peers[id].remote = true
	}
}

func (m *Member) connectPeer(p Peer) {
	dial := func() *network.Conn {
		return m.config.Network.DialWith(m.process, p.PeerAddress, network.EtcdPeer())
	}
	connected := &peer{Peer: p, conn: dial(), bulk: dial()}
	connected.conn.OnBreak(func(error) {
		connected.quiet = quiet{}
		if m.Serving() {
			m.node.ReportUnreachable(p.ID)
		}
	})
	m.peers[p.ID] = connected
}

// hears reports whether another member is connected at the moment. A member always hears itself.
func (m *Member) hears(id uint64) bool {
	p := m.peers[id]
	return id == m.id || p != nil && p.conn.Connected()
}

// connectedFor is how long another member has been connected; 0 where it is not.
func (m *Member) connectedFor(id uint64) time.Duration {
	if p := m.peers[id]; p != nil {
		return p.conn.ConnectedFor()
	}
	return 0
}

// send hands raft's messages to the network. Of several acknowledgements the last says everything.
func (m *Member) send(messages []raftpb.Message) {
	acknowledged := false
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Type == raftpb.MsgAppResp {
			if acknowledged || m.isKnown(&messages[i]) {
				messages[i].To = raft.None
				continue
			}
			acknowledged = true
		}
	}
	for i := range messages {
		message := &messages[i]
		p := m.peers[message.To]
		switch {
		case p == nil:
		case message.Type == raftpb.MsgSnap:
			m.sendSnapshot(p, message)
		case message.Type == raftpb.MsgApp && len(message.Entries) > 1:
			m.sendAppend(p, message)
		default:
			m.sendTo(p, message, messageSize(message))
		}
	}
}

// messageSize is the modelled size of a message. Only proposals and appends carry entries of the log.
func messageSize(message *raftpb.Message) int {
	switch message.Type {
	case raftpb.MsgProp, raftpb.MsgApp:
		return messageOverheadBytes + entriesSize(message.Entries)
	default:
		return messageOverheadBytes
	}
}

func (m *Member) sendTo(p *peer, message *raftpb.Message, size int) {
	method := m.methods.raft
	if p.quiet.tells(message) {
		method = m.methods.commit
	}
	if !p.conn.Send(method, message, size) {
		p.quiet = quiet{}
		m.node.ReportUnreachable(p.ID)
	}
}

// sendAppend cuts an append message into pieces below the limit, each of one entry at least. A follower cannot tell
// them from messages that raft itself has limited.
func (m *Member) sendAppend(p *peer, message *raftpb.Message) {
	for {
		n, size := 0, messageOverheadBytes
		for n < len(message.Entries) {
			next := entrySize(&message.Entries[n]) + entryOverheadBytes
			if n > 0 && size+next > maxMessageBytes {
				break
			}
			size += next
			n++
		}
		if n == len(message.Entries) {
			m.sendTo(p, message, size)
			return
		}
		part, rest := *message, *message
		part.Entries, rest.Entries = message.Entries[:n:n], message.Entries[n:]
		rest.Index, rest.LogTerm = part.Entries[n-1].Index, part.Entries[n-1].Term
		m.sendTo(p, &part, size)
		message = &rest
	}
}

// sendSnapshot sends the state to a follower for which the log does not go back far enough.
func (m *Member) sendSnapshot(p *peer, message *raftpb.Message) {
	size := imageOf(message.Snapshot).sizeBytes()
	p.bulk.Call(m.methods.snapshot, message, size, snapshotTimeout, func(_ any, err error) {
		if m.stopped {
			return
		}
		status := raft.SnapshotFinish
		if err != nil {
			status = raft.SnapshotFailure
		}
		m.node.ReportSnapshot(p.ID, status)
		m.run()
	})
}

// peerService is what a member's peer address answers.
type peerService struct{ member *Member }

// ServeMessage takes a message of raft.
func (s peerService) ServeMessage(message network.Message) {
	if m := s.member; m.Serving() {
		m.receive(message.Payload.(*raftpb.Message), message.Method == m.methods.commit)
	}
}

// ServeCall takes a snapshot, or a request that another member forwards to its leader.
func (s peerService) ServeCall(c *network.ServerCall) {
	m := s.member
	switch {
	case !m.Serving():
		c.Fail(ErrStopped)
	case c.Method() == m.methods.snapshot:
		m.receive(c.Payload().(*raftpb.Message), false)
		c.Reply(nil, messageOverheadBytes)
	default:
		m.serveForwarded(c)
	}
}

// ServeStream refuses: peers have no streams.
func (s peerService) ServeStream(st *network.ServerStream) { st.Close(ErrStopped) }

// receive takes a message of raft in. Proposals that a follower forwards join the leader's own. commit says that the sender
// needs no answer.
func (m *Member) receive(message *raftpb.Message, commit bool) {
	if m.stopped || m.cluster.removed[message.From] {
		return
	}
	if m.peers[message.From] == nil {
		m.connectRemote(message.From)
	}
	if message.Type == raftpb.MsgProp && m.IsLeader() {
		m.waiting = append(m.waiting, message.Entries...)
		m.wakeOrRun()
		return
	}
	if message.Type == raftpb.MsgHeartbeat && message.Commit > m.log.LastIndex() {
		// A leader tells a follower only of commits that the follower has acknowledged.
		m.fail(ErrLostEntries)
		return
	}
	if p := m.peers[message.From]; p != nil {
		p.quiet.hears(message, commit)
	}
	m.clock.catchUp(m)
	if err := m.step(message); err != nil {
		m.fail(err)
		return
	}
	m.clock.heard(m, message)
	m.run()
}

// step hands a message to raft. Raft gives up where the message contradicts what its log says to be committed: then a
// disk has lost, somewhere, what was durable.
func (m *Member) step(message *raftpb.Message) (err error) {
	defer func() {
		r := recover()
		if why, ok := r.(raftPanic); ok {
			err = fmt.Errorf("%w: %s", ErrLostEntries, string(why))
		} else if r != nil {
			panic(r)
		}
	}()
	err = m.node.Step(*message)
	if err != nil && err != raft.ErrProposalDropped && err != raft.ErrStepPeerNotFound {
		panic("etcd: stepping " + message.Type.String() + ": " + err.Error())
	}
	return nil
}
