package oracle

import (
	"cmp"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// differences are what remains between etcd and the simulated store. Each is taken out of the answers of both before
// they are compared, or not drawn (hide is nil); everything else must be equal.
var differences = []struct {
	what, reason string
	hide         func(answer message)
}{
	{
		"cluster id, member id and raft term in headers",
		"ids come from names, not from addresses and a token; how many elections there were is the simulation's draw",
		func(answer message) {
			eachHeader(answer, func(h *pb.ResponseHeader) { h.ClusterId, h.MemberId, h.RaftTerm = 0, 0, 0 })
		},
	},
	{
		"the time that a lease has left",
		"it passes for real in etcd; the member's model checks it (issue 3). What was granted is compared",
		func(answer message) {
			if r, ok := answer.(*pb.LeaseTimeToLiveResponse); ok && r.TTL > 0 {
				r.TTL = 1
			}
		},
	},
	{
		"the order of a lease's keys",
		"etcd gives that of a Go map; the simulation sorts them",
		func(answer message) {
			if r, ok := answer.(*pb.LeaseTimeToLiveResponse); ok {
				slices.SortFunc(r.Keys, func(a, b []byte) int { return slices.Compare(a, b) })
			}
		},
	},
	{
		"the order of leases in a list",
		"etcd sorts them by the time that they have left, which passes for real; the simulation by id",
		func(answer message) {
			if r, ok := answer.(*pb.LeaseLeasesResponse); ok {
				slices.SortFunc(r.Leases, func(a, b *pb.LeaseStatus) int { return int(a.ID - b.ID) })
			}
		},
	},
	{
		"the hash of the keyspace",
		"etcd's is a CRC of bbolt's pages; only equality between members has a meaning. Its revisions are compared",
		func(answer message) {
			if r, ok := answer.(*pb.HashKVResponse); ok {
				r.Hash = 0
			}
		},
	},
	{
		"the hash at a revision that was compacted at",
		"etcd remembers the hashes that its last ten compactions computed on the way; the simulated compaction visits only what it drops. Not drawn",
		nil,
	},
	{
		"a put that keeps value or lease beside the deletion of everything from a key on, in one transaction",
		"etcd lets the pair pass by an oversight and panics where the key is gone; the simulation says duplicate key. Not drawn",
		nil,
	},
	{
		"the size from which a request is too large",
		"etcd measures the encoding, the simulation a model of it: a few bytes. Drawn are sizes well on either side",
		nil,
	},
	{
		"the order of alarms in a list",
		"etcd gives that of a Go map; the simulation sorts them",
		func(answer message) {
			if r, ok := answer.(*pb.AlarmResponse); ok {
				slices.SortFunc(r.Alarms, func(a, b *pb.AlarmMember) int {
					return cmp.Or(cmp.Compare(a.MemberID, b.MemberID), cmp.Compare(a.Alarm, b.Alarm))
				})
			}
		},
	},
	{
		"the ids of members, and the voters in lists of them",
		"ids come from names, not from addresses and the time; the real store has one voter, a simulated one three. Learners are compared",
		func(answer message) {
			switch r := answer.(type) {
			case *pb.MemberAddResponse:
				r.Members, r.Member = learners(r.Members), nil
			case *pb.MemberRemoveResponse:
				r.Members = learners(r.Members)
			case *pb.MemberPromoteResponse:
				r.Members = learners(r.Members)
			case *pb.MemberListResponse:
				r.Members = learners(r.Members)
			}
		},
	},
	{
		"the revision in headers of answers about members",
		"etcd leaves it out; here every header says where the member stands",
		func(answer message) {
			switch r := answer.(type) {
			case *pb.MemberAddResponse:
				r.Header.Revision = 0
			case *pb.MemberRemoveResponse:
				r.Header.Revision = 0
			case *pb.MemberPromoteResponse:
				r.Header.Revision = 0
			case *pb.MemberListResponse:
				r.Header.Revision = 0
			}
		},
	},
	{
		"the change of a member's address (MemberUpdate), authentication, downgrades, the v2 API",
		"not part of the simulation: members keep their addresses, and nobody is refused. Not drawn",
		nil,
	},
	{
		"several watches on one stream, their ids, and their cancellation one by one",
		"each simulated watch has a stream of its own, as each of kube-apiserver's has in effect: it ends with its stream",
		func(answer message) {
			if r, ok := answer.(*pb.WatchResponse); ok {
				r.WatchId = 0
			}
		},
	},
}

// learners are the learners of a list, without their ids.
func learners(all []*pb.Member) (some []*pb.Member) {
	for _, m := range all {
		if m.IsLearner {
			some = append(some, &pb.Member{PeerURLs: m.PeerURLs[:1], IsLearner: true})
		}
	}
	slices.SortFunc(some, func(a, b *pb.Member) int { return cmp.Compare(a.PeerURLs[0], b.PeerURLs[0]) })
	return some
}

// hide takes the known differences out of an answer.
func hide(answer message) {
	for _, d := range differences {
		if d.hide != nil {
			d.hide(answer)
		}
	}
}

// eachHeader visits the headers of an answer, those of the operations of a transaction too.
func eachHeader(answer message, visit func(*pb.ResponseHeader)) {
	if a, ok := answer.(interface{ GetHeader() *pb.ResponseHeader }); ok && a.GetHeader() != nil {
		visit(a.GetHeader())
	}
	if txn, ok := answer.(*pb.TxnResponse); ok {
		for _, op := range txn.GetResponses() {
			for _, inner := range []message{op.GetResponseRange(), op.GetResponsePut(), op.GetResponseDeleteRange(), op.GetResponseTxn()} {
				eachHeader(inner, visit)
			}
		}
	}
}
