package etcd

import (
	"errors"

	"github.com/fauxkube/fauxkube/sim/network"
)

// listen answers at the member's addresses from its start on, even while it recovers.
func (m *Member) listen() {
	m.config.Network.Listen(m.process, m.config.ClientAddress, clientService{m})
	m.config.Network.Listen(m.process, m.config.PeerAddress, peerService{m})
}

// clientService is what a member's client address answers.
type clientService struct{ member *Member }

// ErrNotSupportedForLearner refuses what a learner does not answer, in etcd's words (api/v3rpc/rpctypes/error.go).
var ErrNotSupportedForLearner = errors.New("etcdserver: rpc not supported for learner")

// refuses is the error of a request that the member does not answer as things stand.
func (s clientService) refuses(request any) error {
	m := s.member
	switch {
	case !m.Serving():
		return ErrStopped
	case m.cluster.members[m.id].Learner && !answeredByLearners(request):
		return ErrNotSupportedForLearner
	default:
		return nil
	}
}

// answeredByLearners reports whether a request needs nothing but the state as this member has it, which may be old
// (v3rpc/util.go: isRPCSupportedForLearner; interceptor.go: snapshots).
func answeredByLearners(request any) bool {
	switch r := request.(type) {
	case *RangeRequest:
		return r.Serializable
	case *StatusRequest, *SnapshotRequest:
		return true
	default:
		return false
	}
}

// ServeStream begins a watch.
func (s clientService) ServeStream(st *network.ServerStream) {
	if err := s.refuses(st.Payload()); err != nil {
		st.Close(err)
		return
	}
	s.member.serveWatch(st)
}

// ServeCall answers a request: what must be agreed upon is proposed, reads are served, the rest is answered by the
// member alone.
func (s clientService) ServeCall(c *network.ServerCall) {
	m := s.member
	if err := s.refuses(c.Payload()); err != nil {
		c.Fail(err)
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
		m.keepAlive(c)
	case *LeaseTimeToLiveRequest:
		m.timeToLive(c)
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
	case m.full(spaceBytes(r)):
		m.raiseNoSpace(c)
	default:
		m.submit(r, sizeBytes, c)
	}
}
