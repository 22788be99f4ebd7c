package etcd

import "github.com/fauxkube/fauxkube/sim/network"

// listen answers at the member's addresses from its start on, even while it recovers.
func (m *Member) listen() {
	m.config.Network.Listen(m.process, m.config.ClientAddress, clientService{m})
	m.config.Network.Listen(m.process, m.config.PeerAddress, peerService{m})
}

// clientService is what a member's client address answers.
type clientService struct{ member *Member }

// ServeStream begins a watch.
func (s clientService) ServeStream(st *network.ServerStream) {
	if !s.member.Serving() {
		st.Close(ErrStopped)
		return
	}
	s.member.serveWatch(st)
}

// ServeCall answers a request: what must be agreed upon is proposed, reads are served, the rest is answered by the
// member alone.
func (s clientService) ServeCall(c *network.ServerCall) {
	m := s.member
	if !m.Serving() {
		c.Fail(ErrStopped)
		return
	}
	switch r := c.Payload().(type) {
	case *TxnRequest:
		m.serveTxn(r, c)
	case *RangeRequest:
		if err := r.Check(); err != nil {
			c.Fail(err)
			return
		}
		m.serveRange(c, r.Serializable)
	case *PutRequest:
		m.serveWrite(r, r.Check(), r.SizeBytes(), c)
	case *DeleteRangeRequest:
		m.serveWrite(r, r.Check(), r.SizeBytes(), c)
	case *CompactionRequest:
		m.submit(r, commandBytes, c)
	case *LeaseGrantRequest:
		m.grant(r, c)
	case *LeaseRevokeRequest:
		m.submit(r, commandBytes, c)
	case *LeaseKeepAliveRequest:
		m.keepAlive(r, c)
	case *LeaseTimeToLiveRequest:
		m.timeToLive(r, c)
	case *LeaseLeasesRequest:
		m.listLeases(c)
	default:
		m.serveMaintenance(c)
	}
}

func (m *Member) serveMaintenance(c *network.ServerCall) {
	switch r := c.Payload().(type) {
	case *MemberAddRequest, *MemberRemoveRequest, *MemberPromoteRequest:
		m.changeMembers(c)
	case *MemberListRequest:
		m.serveRange(c, !r.Linearizable)
	case *StatusRequest:
		c.Reply(m.status(), 128)
	case *HashKVRequest:
		m.hashKV(r, c)
	case *AlarmRequest:
		m.submit(r, commandBytes, c)
	case *SnapshotRequest:
		m.backUp(c)
	case *DefragmentRequest:
		m.defragment(c)
	case *MoveLeaderRequest:
		m.moveLeader(r, c)
	default:
		panic("etcd: " + m.config.Name + " got a request of an unknown type")
	}
}

// serveTxn proposes a transaction, unless it only reads.
func (m *Member) serveTxn(r *TxnRequest, c *network.ServerCall) {
	err := r.Check(m.config.MaxTxnOps)
	if err == nil && r.IsReadOnly() {
		m.serveRange(c, r.IsSerializable())
		return
	}
	m.serveWrite(r, err, r.SizeBytes(), c)
}

func (m *Member) serveWrite(r any, invalid error, sizeBytes int, c *network.ServerCall) {
	switch {
	case invalid != nil:
		c.Fail(invalid)
	case m.overQuota(spaceBytes(r)):
		c.Fail(ErrNoSpace)
	default:
		m.submit(r, sizeBytes, c)
	}
}
